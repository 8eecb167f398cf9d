/**
 * Optimisers as graphs: each says which states a parameter needs and how one step changes them. What varies from step to step
 * (the learning rate, bias corrections) comes in as scalar inputs, so that one program serves the whole run. Names, defaults
 * and update rules follow PyTorch.
 */
import { OptionError } from "../base/errors.js";
import { checkOptions, type Fields, flag, mismatch, needed, number } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Assign, Graph, StateAttributes, Value } from "../graph/graph.js";
import { add, divide, multiply, scale, sqrt, square, subtract } from "../ops/index.js";

/** What a 32-bit number can hold. */
const LARGEST = 3.4e38;
const notNegative = number({ from: 0, to: LARGEST }, "a number at least 0");

export interface UpdateContext {
  readonly graph: Graph;
  /** The parameter's name. */
  readonly name: string;
  readonly parameter: Value<StateAttributes>;
  readonly gradient: Value;
  /** A scalar input by name: `learningRate`, or one of `scalars`. */
  scalar(name: string): Value;
  /** In place of the optimiser's own weight decay. */
  readonly weightDecay?: number | undefined;
}

export interface Optimizer {
  readonly name: "sgd" | "adam" | "adamw";
  /** Every hyper-parameter, as checkpoints and logs record it. */
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>;
  /** The learning rate that a schedule scales. */
  readonly lr: number;
  /** Scalar inputs, besides `learningRate`, at step 1, 2, ... */
  scalars(step: number): Readonly<Record<string, number>>;
  /** The state changes of one parameter. */
  update(context: UpdateContext): Assign[];
}

/** Whether it is what `sgd`, `adam` and `adamw` give, or of the same form. */
export function isOptimizer(value: unknown): value is Optimizer {
  const { name, lr, scalars, update } = (value ?? {}) as Partial<Record<keyof Optimizer, unknown>>;
  const functions = typeof scalars === "function" && typeof update === "function";
  return functions && typeof name === "string" && typeof lr === "number" && Number.isFinite(lr);
}

export interface SgdOptions {
  readonly lr: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
}

const SGD: Fields<SgdOptions> = {
  lr: needed(notNegative),
  momentum: number({ from: 0, to: 1 }),
  weightDecay: notNegative,
  nesterov: flag,
};

/** What is said to those who give an optimiser the parameters, as PyTorch asks for. */
const PARAMETERS = "train gives it the parameters";

/**
 * Stochastic gradient descent: g += weightDecay * p; v = momentum * v + g; p -= lr * v, or with Nesterov's momentum
 * p -= lr * (g + momentum * v).
 */
export const sgd = takingOptions("sgd", SGD, sgdOf, PARAMETERS);

function sgdOf(options: SgdOptions): Optimizer {
  checkOptions("sgd", options, SGD, "sgd: ");
  const { lr, momentum = 0, nesterov = false, weightDecay: commonDecay = 0 } = options;
  if (nesterov && momentum === 0)
    throw new OptionError("sgd: nesterov needs a momentum above 0; give one, or leave nesterov out");
  return {
    name: "sgd",
    options: { lr, momentum, nesterov, weightDecay: commonDecay },
    lr,
    scalars: () => ({}),
    update({ graph, name, parameter, gradient, scalar, weightDecay = commonDecay }) {
      const decayed = weightDecay === 0 ? gradient : add(gradient, scale(parameter, weightDecay));
      if (momentum === 0) {
        return [{ state: parameter, value: subtract(parameter, multiply(decayed, scalar("learningRate"))) }];
      }
      const velocity = graph.state(`${name}.momentum`, "optimizer", parameter.shape);
      const moved = add(scale(velocity, momentum), decayed);
      const direction = nesterov ? add(decayed, scale(moved, momentum)) : moved;
      return [
        { state: velocity, value: moved },
        { state: parameter, value: subtract(parameter, multiply(direction, scalar("learningRate"))) },
      ];
    },
  };
}

export interface AdamOptions {
  readonly lr?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
}

/** A mean that forgets nothing, beta 1, would stay at zero: the correction of its start divides by 1 - beta. */
const beta = number({ from: 0, below: 1 });

const ADAM: Fields<AdamOptions> = {
  lr: notNegative,
  betas(value, name) {
    if (!Array.isArray(value) || value.length !== 2) throw mismatch(name, value, "two numbers, such as [0.9, 0.999]");
    for (const [i, item] of value.entries()) beta(item, `${name}[${i}]`);
  },
  eps: notNegative,
  weightDecay: notNegative,
};

/** Adam (Kingma and Ba 2014). Weight decay is added to the gradient. */
export const adam = takingOptions(
  "adam",
  ADAM,
  (options: AdamOptions = {}): Optimizer => adamLike("adam", options, 0),
  PARAMETERS,
);

/** AdamW (Loshchilov and Hutter 2017): weight decay is taken off the parameter itself, p -= lr * weightDecay * p. */
export const adamw = takingOptions(
  "adamw",
  ADAM,
  (options: AdamOptions = {}): Optimizer => adamLike("adamw", options, 0.01),
  PARAMETERS,
);

function adamLike(name: "adam" | "adamw", options: AdamOptions, usualDecay: number): Optimizer {
  checkOptions(name, options, ADAM, `${name}: `);
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay: commonDecay = usualDecay } = options;
  return {
    name,
    options: { lr, betas, eps, weightDecay: commonDecay },
    lr,
    // 1 / (1 - beta^t): the running means start at zero and would be too small for long
    scalars: (step) => ({
      firstCorrection: 1 / (1 - power(betas[0], step)),
      secondCorrection: 1 / (1 - power(betas[1], step)),
    }),
    update({ graph, name: path, parameter, gradient, scalar, weightDecay = commonDecay }) {
      const first = graph.state(`${path}.firstMoment`, "optimizer", parameter.shape);
      const second = graph.state(`${path}.secondMoment`, "optimizer", parameter.shape);
      const learningRate = scalar("learningRate");
      const decayed = name === "adam" && weightDecay > 0 ? add(gradient, scale(parameter, weightDecay)) : gradient;
      const m = add(scale(first, betas[0]), scale(decayed, 1 - betas[0]));
      const v = add(scale(second, betas[1]), scale(square(decayed), 1 - betas[1]));
      const size = scale(sqrt(multiply(v, scalar("secondCorrection"))), 1, eps);
      const direction = divide(multiply(m, scalar("firstCorrection")), size);
      const kept =
        name === "adamw" && weightDecay > 0
          ? subtract(parameter, multiply(scale(parameter, weightDecay), learningRate))
          : parameter;
      return [
        { state: first, value: m },
        { state: second, value: v },
        { state: parameter, value: subtract(kept, multiply(direction, learningRate)) },
      ];
    },
  };
}

/** base^n by squaring: Math.pow differs between engines in the last bit. */
function power(base: number, n: number): number {
  let result = 1;
  for (let b = base, e = n; e > 0; e = Math.floor(e / 2), b *= b) if (e % 2 === 1) result *= b;
  return result;
}
