/** RMSprop, with PyTorch's names, defaults and update rule. */
import { checkOptions, type Fields, flag } from "../../base/options.js";
import { takingOptions } from "../../base/positional.js";
import type { Assign } from "../../graph/graph.js";
import { add, divide, multiply, relu, scale, sqrt, square, subtract } from "../../ops/index.js";
import { beta, momentum, notNegative, PARAMETERS, whereSet } from "./hyperparameters.js";
import type { Optimizer } from "./optimizer.js";
import { moved } from "./sgd.js";

/** Options of `rmsprop`. */
export interface RmspropOptions {
  /** The learning rate. A schedule scales it. @default 0.01 */
  readonly lr?: number;
  /** The part of the running mean of the squared gradient that is kept at a step. @default 0.99 */
  readonly alpha?: number;
  /** Added to the root of the mean square. @default 1e-8 */
  readonly eps?: number;
  /** Added to the gradient, times the parameter. @default 0 */
  readonly weightDecay?: number;
  /** The share of the last step's direction that is kept. @default 0 */
  readonly momentum?: number;
  /** Divides by the gradient's standard deviation instead (Graves 2013). @default false */
  readonly centered?: boolean;
}

export const RMSPROP: Fields<RmspropOptions> = {
  lr: notNegative,
  alpha: beta,
  eps: notNegative,
  weightDecay: notNegative,
  momentum,
  centered: flag,
};

/**
 * RMSprop (Hinton 2012, lecture 6 of his course): s = alpha s + (1 - alpha) g^2; p -= lr g / (sqrt(s) + eps). PyTorch:
 * `optim.RMSprop`.
 *
 * @example
 * ```js
 * import { rmsprop } from "fovea";
 *
 * console.log(rmsprop({ momentum: 0.9 }).options.alpha); // 0.99
 * ```
 *
 * @throws OptionError on an option that is unknown or out of its range
 */
export const rmsprop = takingOptions("rmsprop", RMSPROP, rmspropOf, PARAMETERS);

function rmspropOf(options: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", options, RMSPROP, "rmsprop: ");
  const { lr = 0.01, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false } = options;
  return {
    name: "rmsprop",
    options: { lr, alpha, eps, weightDecay, ...whereSet({ momentum, centered }) },
    lr,
    scalars: () => ({}),
    update(context) {
      const { graph, name, parameter, scalar, weightDecay: decay = weightDecay } = context;
      const gradient = decay === 0 ? context.gradient : add(context.gradient, scale(parameter, decay));
      const squares = graph.state(`${name}.meanSquare`, "optimizer", parameter.shape);
      const meanSquare = add(scale(squares, alpha), scale(square(gradient), 1 - alpha));
      const assigns: Assign[] = [{ state: squares, value: meanSquare }];
      let variance = meanSquare;
      if (centered) {
        const means = graph.state(`${name}.mean`, "optimizer", parameter.shape);
        const mean = add(scale(means, alpha), scale(gradient, 1 - alpha));
        assigns.push({ state: means, value: mean });
        // Rounding could bring it below zero.
        variance = relu(subtract(meanSquare, square(mean)));
      }
      const step = moved(context, divide(gradient, scale(sqrt(variance), 1, eps)), {
        momentum,
        dampening: 0,
        nesterov: false,
      });
      const value = subtract(parameter, multiply(step.direction, scalar("learningRate")));
      return [...assigns, ...step.assigns, { state: parameter, value }];
    },
  };
}
