/** Stochastic gradient descent, with PyTorch's names, defaults and update rule. */
import { OptionError } from "../../base/errors.js";
import { checkOptions, type Fields, flag, needed } from "../../base/options.js";
import { takingOptions } from "../../base/positional.js";
import type { Assign, Value } from "../../graph/graph.js";
import { add, multiply, scale, subtract } from "../../ops/index.js";
import { momentum, notNegative, PARAMETERS, whereSet } from "./hyperparameters.js";
import type { Optimizer, UpdateContext } from "./optimizer.js";

/** Options of `sgd`. */
export interface SgdOptions {
  /** The learning rate. A schedule scales it. */
  readonly lr: number;
  /** The share of the last step's direction that is kept. @default 0 */
  readonly momentum?: number;
  /** The share of a gradient that does not enter the momentum, from the second step on. @default 0 */
  readonly dampening?: number;
  /** Added to the gradient, times the parameter. @default 0 */
  readonly weightDecay?: number;
  /** Looks ahead by the momentum (Sutskever et al. 2013). @default false */
  readonly nesterov?: boolean;
}

export const SGD: Fields<SgdOptions> = {
  lr: needed(notNegative),
  momentum,
  dampening: momentum,
  weightDecay: notNegative,
  nesterov: flag,
};

/**
 * Stochastic gradient descent: g += weightDecay p; v = momentum v + (1 - dampening) g; p -= lr v, or with Nesterov's
 * momentum p -= lr (g + momentum v). At the first step v = g. PyTorch: `optim.SGD`.
 *
 * @example
 * ```js
 * import { sgd } from "fovea";
 *
 * const { name, lr } = sgd({ lr: 0.1, momentum: 0.9, nesterov: true });
 * console.log(name, lr); // sgd 0.1
 * ```
 *
 * @throws OptionError on an option that is unknown, missing or out of its range, and on Nesterov's momentum that is 0
 * or dampened
 */
export const sgd = takingOptions("sgd", SGD, sgdOf, PARAMETERS);

function sgdOf(options: SgdOptions): Optimizer {
  checkOptions("sgd", options, SGD, "sgd: ");
  const { lr, momentum = 0, nesterov = false, weightDecay = 0, dampening = 0 } = options;
  const movement = { momentum, nesterov, dampening };
  checkMovement("sgd", movement);
  return {
    name: "sgd",
    options: { lr, momentum, nesterov, weightDecay, ...whereSet({ dampening }) },
    lr,
    scalars: (step) => movementScalars(movement, step),
    update(context) {
      const { parameter, gradient, weightDecay: decay = weightDecay, scalar } = context;
      const decayed = decay === 0 ? gradient : add(gradient, scale(parameter, decay));
      const { assigns, direction } = moved(context, decayed, movement);
      return [
        ...assigns,
        { state: parameter, value: subtract(parameter, multiply(direction, scalar("learningRate"))) },
      ];
    },
  };
}

/** How a direction is carried on from step to step. */
export interface Movement {
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
}

/** @throws OptionError where Nesterov's momentum has none, or is dampened */
export function checkMovement(optimizer: string, { momentum, nesterov, dampening }: Movement): void {
  if (nesterov && momentum === 0)
    throw new OptionError(`${optimizer}: nesterov needs a momentum above 0; give one, or leave nesterov out`);
  if (nesterov && dampening !== 0)
    throw new OptionError(
      `${optimizer}: nesterov needs a dampening of 0, and it is ${dampening}; leave one of them out`,
    );
}

/** The first direction enters whole, for nothing is kept yet that it could be a part of. */
export const movementScalars = ({ momentum, dampening }: Movement, step: number): Record<string, number> =>
  momentum === 0 || dampening === 0 ? {} : { undamped: step === 1 ? 1 : 1 - dampening };

/** The direction with momentum, and the change of the state that keeps it. */
export function moved(
  { graph, name, parameter, scalar }: UpdateContext,
  gradient: Value,
  { momentum, dampening, nesterov }: Movement,
): { readonly assigns: Assign[]; readonly direction: Value } {
  if (momentum === 0) return { assigns: [], direction: gradient };
  const velocity = graph.state(`${name}.momentum`, "optimizer", parameter.shape);
  const entering = dampening === 0 ? gradient : multiply(gradient, scalar("undamped"));
  const next = add(scale(velocity, momentum), entering);
  return {
    assigns: [{ state: velocity, value: next }],
    direction: nesterov ? add(gradient, scale(next, momentum)) : next,
  };
}
