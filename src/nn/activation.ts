/** Layers without parameters: the nonlinearities, softmax, flatten, and functions of one's own. */
import { OptionError } from "../base/errors.js";
import { checkKnown, checkOptions, type Fields, isRecord, mismatch, number, oneOf, shown } from "../base/options.js";
import { isValue, type Value } from "../graph/graph.js";
import * as ops from "../ops/elementwise/activation.js";
import { gelu as geluOf } from "../ops/elementwise/gelu.js";
import * as rectifiers from "../ops/elementwise/rectifiers.js";
import * as smooth from "../ops/elementwise/smooth.js";
import { softmax as softmaxOf } from "../ops/loss.js";
import { flatten as flattenOf } from "../ops/shape.js";
import { Module } from "./module.js";

/**
 * A layer without parameters that applies one function to its input. `nn.relu()`, `nn.lambda(f)` and the like make it.
 */
export class Activation extends Module {
  readonly #op: (x: Value) => Value;

  constructor(op: (x: Value) => Value) {
    super();
    this.#op = op;
  }
  override forward(x: Value): Value {
    return this.#op(x);
  }
}

/** Makes layers of an op; they have no options. */
function makerOf(name: string, op: (x: Value) => Value): () => Activation {
  return (...given: readonly unknown[]) => {
    const [first] = given;
    if (isValue(first)) {
      throw new OptionError(
        `${name}: is given a value; nn.${name}() makes a layer, which nn.sequential or forward takes`,
      );
    }
    if (isRecord(first)) checkKnown(name, first, {});
    if (typeof first === "boolean" || (typeof first === "number" && given.length === 1)) {
      throw new OptionError(`${name}: is given ${first}, expected nothing: nn.${name}()`);
    }
    return new Activation(op);
  };
}

/**
 * Makes layers of an op that has options. Where there is one, it may be given by itself: `nn.leakyRelu(0.2)`.
 * @throws OptionError on an option that is not what it may be
 */
function makerWith<O extends object>(
  name: string,
  fields: Fields<O>,
  make: (options: O) => (x: Value) => Value,
): (options?: O | number) => Activation {
  const [only, ...others] = Object.keys(fields);
  return (given = {} as O, ...more: readonly unknown[]) => {
    if (isValue(given))
      throw new OptionError(
        `${name}: is given a value; nn.${name}(...) makes a layer, which nn.sequential or forward takes`,
      );
    const isNumber = typeof given === "number" && others.length === 0 && more.length === 0;
    if (!isNumber && (!isRecord(given) || more.length > 0))
      throw mismatch(`${name}: its options`, given, `an object: nn.${name}({ ${Object.keys(fields).join(", ")} })`);
    const options = (isNumber ? { [only!]: given } : given) as O;
    checkOptions(name, options, fields, `${name}: `);
    return new Activation(make(options));
  };
}

/**
 * The rectifier, max(0, x), for each number of any shape. PyTorch: `nn.ReLU`.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const network = nn.sequential(nn.conv2d({ in: 3, out: 8, kernel: 3 }), nn.relu());
 * console.log(trace(network, { input: [32, 32, 3] }).output.shape); // [ 30, 30, 8 ]
 * ```
 */
export const relu = makerOf("relu", ops.relu);
/** The hyperbolic tangent of each number, of any shape. PyTorch: `nn.Tanh`. */
export const tanh = makerOf("tanh", ops.tanh);
/**
 * 1.7159 tanh(2x/3) of each number: the squashing function of LeCun et al. 1998, appendix A. It maps 1 to 1 and -1 to
 * -1.
 */
export const scaledTanh = makerOf("scaledTanh", ops.scaledTanh);
/** 1 / (1 + exp(-x)) of each number, of any shape. PyTorch: `nn.Sigmoid`. */
export const sigmoid = makerOf("sigmoid", ops.sigmoid);
/** min(max(x, 0), 6) (Krizhevsky 2010). PyTorch's `ReLU6`. */
export const relu6 = makerOf("relu6", rectifiers.relu6);
/** clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019). PyTorch's `Hardsigmoid`. */
export const hardSigmoid = makerOf("hardSigmoid", rectifiers.hardSigmoid);
/** x clip(x / 6 + 1/2, 0, 1) (Howard et al. 2019). PyTorch's `Hardswish`. */
export const hardSwish = makerOf("hardSwish", rectifiers.hardSwish);
/** x times its sigmoid (Elfwing et al. 2017), also called swish. PyTorch's `SiLU`. */
export const silu = makerOf("silu", smooth.silu);
/** x tanh(log(1 + e^x)) (Misra 2019). PyTorch's `Mish`. */
export const mish = makerOf("mish", smooth.mish);
/** ELU with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017). PyTorch's `SELU`. */
export const selu = makerOf("selu", smooth.selu);

/** Options of `nn.gelu`. */
export interface GeluOptions {
  /** "tanh" takes the approximation by tanh; "none" the exact form, with erf. @default "none" */
  readonly approximate?: "none" | "tanh";
}
/**
 * x times the share of the standard normal distribution below x (Hendrycks and Gimpel 2016), for each number of any
 * shape. PyTorch: `nn.GELU`.
 */
export const gelu = makerWith("gelu", { approximate: oneOf(["none", "tanh"]) }, ({ approximate }: GeluOptions) =>
  approximate === "tanh" ? smooth.geluTanh : geluOf,
);

/** Options of `nn.leakyRelu`. */
export interface LeakyReluOptions {
  /**
   * The slope for negative numbers.
   * @default 0.01
   */
  readonly slope?: number;
}
/** x above 0, and slope x below (Maas et al. 2013). PyTorch's `LeakyReLU`. */
export const leakyRelu = makerWith(
  "leakyRelu",
  { slope: number() },
  ({ slope }: LeakyReluOptions) =>
    (x) =>
      rectifiers.leakyRelu(x, slope),
);

/** Options of `nn.elu` and `nn.celu`. */
export interface AlphaOptions {
  /** Minus the limit far below 0. @default 1 */
  readonly alpha?: number;
}
/** x above 0, and alpha (e^x - 1) below (Clevert et al. 2015). PyTorch's `ELU`. */
export const elu = makerWith(
  "elu",
  { alpha: number() },
  ({ alpha }: AlphaOptions) =>
    (x) =>
      smooth.elu(x, alpha),
);
/** x above 0, and alpha (e^(x / alpha) - 1) below (Barron 2017). PyTorch's `CELU`. */
export const celu = makerWith(
  "celu",
  { alpha: number({ above: 0 }) },
  ({ alpha }: AlphaOptions) =>
    (x) =>
      smooth.celu(x, alpha),
);

/** log(1 + e^(beta x)) / beta. PyTorch's `Softplus`. */
export const softplus = makerWith(
  "softplus",
  { beta: number({ above: 0 }), threshold: number() },
  (options: smooth.SoftplusOptions) => (x) => smooth.softplus(x, options),
);

/** Options of `nn.hardTanh`. */
export interface HardTanhOptions {
  /** The lower bound. @default -1 */
  readonly min?: number;
  /** The upper bound. @default 1 */
  readonly max?: number;
}
/** Every number brought into [min, max]. PyTorch's `Hardtanh`. */
export const hardTanh = makerWith(
  "hardTanh",
  { min: number(), max: number() },
  ({ min = -1, max = 1 }: HardTanhOptions) => {
    if (min >= max) throw new OptionError(`hardTanh: min is ${min} and max ${max}, expected min to be less than max`);
    return (x) => rectifiers.hardTanh(x, min, max);
  },
);
/**
 * exp(x_i) / sum over j of exp(x_j), over the last axis: the classes of a vector [classes], the channels of each pixel.
 * PyTorch: `nn.Softmax(dim)` over the channels. Networks that are trained by cross-entropy return logits and need none.
 */
export const softmax = makerOf("softmax", softmaxOf);
/**
 * An image [height, width, channels] becomes a vector of its channels one after another (C, H, W), the order of
 * PyTorch's `nn.Flatten`. Any other shape becomes a vector in its own order.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * const network = nn.sequential(nn.flatten(), nn.linear({ in: 784, out: 10 }));
 * console.log(trace(network, { input: [28, 28, 1] }).output.shape); // [ 10 ]
 * ```
 */
export const flatten = makerOf("flatten", flattenOf);
/** A layer that returns its input. PyTorch: `nn.Identity`. */
export const identity = makerOf("identity", (x) => x);

/**
 * A function of one value as a layer. `nn.sequential` makes this of a function by itself; as a field it gives a class's
 * computation a path of its own. It can have no parameters: those are fields of a class that extends `nn.Module`.
 *
 * @example
 * ```js
 * import { nn, ops, trace } from "fovea";
 *
 * const double = nn.lambda((x) => ops.scale(x, 2));
 * console.log(trace(double, { input: [4] }).output.shape); // [ 4 ]
 * ```
 *
 * @param where is named in errors
 * @throws OptionError on what is no function, a class, or a function of several arguments.
 */
export function lambda(call: (x: Value) => Value, where = "lambda"): Activation {
  if (typeof call !== "function") throw new OptionError(`${where} is ${shown(call)}, expected a function of one value`);
  if ((call as { prototype?: unknown }).prototype instanceof Module) {
    throw new OptionError(`${where} is the class ${call.name}, expected a layer; make one: new ${call.name}(...)`);
  }
  if (call.length > 1) {
    throw new OptionError(
      `${where} is ${shown(call)} of ${call.length} arguments, expected one value; write (x) => ..., with the others filled in`,
    );
  }
  return new Activation(call);
}
