/** Layers without parameters: the nonlinearities, softmax, flatten, and functions of one's own. */
import { OptionError } from "../base/errors.js";
import { checkKnown, isRecord, shown } from "../base/options.js";
import { isValue, type Value } from "../graph/graph.js";
import * as ops from "../ops/activation.js";
import { gelu as geluOf } from "../ops/gelu.js";
import { softmax as softmaxOf } from "../ops/loss.js";
import { flatten as flattenOf } from "../ops/shape.js";
import { Module } from "./module.js";

/** A layer that is one op. */
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

export const relu = makerOf("relu", ops.relu);
export const tanh = makerOf("tanh", ops.tanh);
/** 1.7159 tanh(2x/3), LeCun's squashing function. */
export const scaledTanh = makerOf("scaledTanh", ops.scaledTanh);
export const sigmoid = makerOf("sigmoid", ops.sigmoid);
/** x times the normal distribution's share below x: the exact form, with erf, as in PyTorch unless told otherwise. */
export const gelu = makerOf("gelu", geluOf);
/** Over the last axis. */
export const softmax = makerOf("softmax", softmaxOf);
/** An image becomes its channels one after another (C, H, W), as in PyTorch. */
export const flatten = makerOf("flatten", flattenOf);
/** A layer that gives what it is given, PyTorch's Identity. */
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
