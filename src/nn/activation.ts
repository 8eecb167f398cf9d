/** Layers without parameters: the nonlinearities, softmax and flatten. */
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
