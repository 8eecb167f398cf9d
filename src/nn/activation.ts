/** Layers without parameters: the nonlinearities, softmax, flatten, and functions of one's own. */
import { OptionError } from "../base/errors.js";
import { shown } from "../base/options.js";
import type { Value } from "../graph/graph.js";
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

export const relu = (): Activation => new Activation(ops.relu);
export const tanh = (): Activation => new Activation(ops.tanh);
/** 1.7159 tanh(2x/3), LeCun's squashing function. */
export const scaledTanh = (): Activation => new Activation(ops.scaledTanh);
export const sigmoid = (): Activation => new Activation(ops.sigmoid);
/** x times the normal distribution's share below x: the exact form, with erf, as in PyTorch unless told otherwise. */
export const gelu = (): Activation => new Activation(geluOf);
/** Over the last axis. */
export const softmax = (): Activation => new Activation(softmaxOf);
/** An image becomes its channels one after another (C, H, W), as in PyTorch. */
export const flatten = (): Activation => new Activation(flattenOf);
/** A layer that gives what it is given, PyTorch's Identity. */
export const identity = (): Activation => new Activation((x) => x);

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
