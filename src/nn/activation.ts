/** Layers without parameters: the nonlinearities, softmax, flatten, and functions of one's own. */
import { OptionError } from "../base/errors.js";
import { checkKnown, isRecord, shown } from "../base/options.js";
import { isValue, type Value } from "../graph/graph.js";
import * as ops from "../ops/activation.js";
import { gelu as geluOf } from "../ops/gelu.js";
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
/**
 * x times the share of the standard normal distribution below x (Hendrycks and Gimpel 2016), for each number of any
 * shape. This is the exact form, with erf. PyTorch: `nn.GELU()`.
 */
export const gelu = makerOf("gelu", geluOf);
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
