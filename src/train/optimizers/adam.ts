/** Adam and AdamW, with PyTorch's names, defaults and update rules. */
import { checkOptions, type Fields } from "../../base/options.js";
import { integerPower } from "../../base/portable-math.js";
import { takingOptions } from "../../base/positional.js";
import type { Assign, Value } from "../../graph/graph.js";
import { add, divide, multiply, scale, sqrt, square, subtract } from "../../ops/index.js";
import { betas, notNegative, PARAMETERS } from "./hyperparameters.js";
import type { Optimizer, UpdateContext } from "./optimizer.js";

/** Options of `adam` and `adamw`. */
export interface AdamOptions {
  /** The learning rate. A schedule scales it. @default 0.001 */
  readonly lr?: number;
  /** The parts of the running means of the gradient and of its square that are kept at a step. @default [0.9, 0.999] */
  readonly betas?: readonly [number, number];
  /** Added to the root of the mean square. @default 1e-8 */
  readonly eps?: number;
  /** Pulls parameters towards zero. @default 0; 0.01 for adamw */
  readonly weightDecay?: number;
}

export const ADAM: Fields<AdamOptions> = { lr: notNegative, betas, eps: notNegative, weightDecay: notNegative };

/**
 * Adam (Kingma and Ba 2014). Weight decay is added to the gradient. PyTorch: `optim.Adam`.
 *
 * @example
 * ```js
 * import { adam } from "fovea";
 *
 * const { lr, options } = adam({ weightDecay: 1e-4 });
 * console.log(lr, options.betas); // 0.001 [ 0.9, 0.999 ]
 * ```
 *
 * @throws OptionError on an option that is unknown or out of its range
 */
export const adam = takingOptions(
  "adam",
  ADAM,
  (options: AdamOptions = {}): Optimizer => adamLike("adam", options, 0),
  PARAMETERS,
);

/**
 * AdamW (Loshchilov and Hutter 2017): weight decay is taken off the parameter itself, p -= lr weightDecay p. PyTorch:
 * `optim.AdamW`.
 *
 * @example
 * ```js
 * import { adamw } from "fovea";
 *
 * console.log(adamw().options.weightDecay); // 0.01
 * ```
 *
 * @throws OptionError on an option that is unknown or out of its range
 */
export const adamw = takingOptions(
  "adamw",
  ADAM,
  (options: AdamOptions = {}): Optimizer => adamLike("adamw", options, 0.01),
  PARAMETERS,
);

function adamLike(name: "adam" | "adamw", options: AdamOptions, usualDecay: number): Optimizer {
  checkOptions(name, options, ADAM, `${name}: `);
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = usualDecay } = options;
  return {
    name,
    options: { lr, betas, eps, weightDecay },
    lr,
    scalars: (step) => momentCorrections(betas, step),
    update(context) {
      const { parameter, gradient, scalar, weightDecay: decay = weightDecay } = context;
      const learningRate = scalar("learningRate");
      const decayed = name === "adam" && decay > 0 ? add(gradient, scale(parameter, decay)) : gradient;
      const { assigns, mean, meanSquare } = moments(context, decayed, betas);
      const size = scale(sqrt(multiply(meanSquare, scalar("secondCorrection"))), 1, eps);
      const direction = divide(multiply(mean, scalar("firstCorrection")), size);
      const kept = name === "adamw" ? decayedBy(parameter, decay, learningRate) : parameter;
      return [...assigns, { state: parameter, value: subtract(kept, multiply(direction, learningRate)) }];
    },
  };
}

/** 1 / (1 - beta^t): the running means start at zero and would be too small for long. */
export const momentCorrections = (betas: readonly [number, number], step: number) => ({
  firstCorrection: 1 / (1 - integerPower(betas[0], step)),
  secondCorrection: 1 / (1 - integerPower(betas[1], step)),
});

/** The running means of a gradient and of its square, and the changes of the states that keep them. */
export function moments(
  { graph, name, parameter }: UpdateContext,
  gradient: Value,
  betas: readonly [number, number],
): { readonly assigns: Assign[]; readonly mean: Value; readonly meanSquare: Value } {
  const first = graph.state(`${name}.firstMoment`, "optimizer", parameter.shape);
  const second = graph.state(`${name}.secondMoment`, "optimizer", parameter.shape);
  const mean = add(scale(first, betas[0]), scale(gradient, 1 - betas[0]));
  const meanSquare = add(scale(second, betas[1]), scale(square(gradient), 1 - betas[1]));
  const assigns = [
    { state: first, value: mean },
    { state: second, value: meanSquare },
  ];
  return { assigns, mean, meanSquare };
}

/** p - lr decay p. */
export const decayedBy = (parameter: Value, decay: number, learningRate: Value): Value =>
  decay > 0 ? subtract(parameter, multiply(scale(parameter, decay), learningRate)) : parameter;
