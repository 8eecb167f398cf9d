/**
 * What an optimiser is: the states that a parameter needs, and how one step changes them, as a graph. Numbers that
 * change from step to step (the learning rate, bias corrections) are scalar inputs, so that one program serves the
 * whole run.
 */
import { type Check, expecting } from "../../base/options.js";
import type { Assign, Graph, StateAttributes, Value } from "../../graph/graph.js";

/** The values from which an optimizer draws the update of one parameter. */
export interface UpdateContext {
  /** The graph of the training step. */
  readonly graph: Graph;
  /** The parameter's name. States of the optimizer are named after it: `fc.weight.momentum`. */
  readonly name: string;
  /** The parameter that is updated. */
  readonly parameter: Value<StateAttributes>;
  /** The gradient, of the parameter's shape. */
  readonly gradient: Value;
  /** A scalar input by name: `learningRate`, or one of the optimizer's `scalars`. */
  scalar(name: string): Value;
  /** Replaces the optimizer's own weight decay, where it is given. */
  readonly weightDecay?: number | undefined;
}

/** A number, flag or list of numbers that an optimizer was made with. */
export type Hyperparameter = number | boolean | readonly number[];

/** An update rule. `sgd`, `adam` and the others make one; an object of this form is an optimizer of one's own. */
export interface Optimizer {
  /** As checkpoints and logs call it. */
  readonly name: string;
  /** Every hyper-parameter, as checkpoints and logs record it. */
  readonly options: Readonly<Record<string, Hyperparameter>>;
  /** The learning rate that a schedule scales. */
  readonly lr: number;
  /** The scalar inputs of step 1, 2, ..., besides `learningRate`. */
  scalars(step: number): Readonly<Record<string, number>>;
  /** The state changes of one parameter. */
  update(context: UpdateContext): Assign[];
}

/** Whether a value is of the form of an optimizer. */
export function isOptimizer(value: unknown): value is Optimizer {
  const { name, lr, scalars, update } = (value ?? {}) as Partial<Record<keyof Optimizer, unknown>>;
  const functions = typeof scalars === "function" && typeof update === "function";
  return functions && typeof name === "string" && typeof lr === "number" && Number.isFinite(lr);
}

/** An option that is an optimizer. */
export const anOptimizer: Check = expecting("an optimizer, such as sgd({ lr: 0.1 })", isOptimizer);
