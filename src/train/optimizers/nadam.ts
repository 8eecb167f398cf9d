/** NAdam, with PyTorch's names, defaults and update rule. */
import { checkOptions, type Fields, flag } from "../../base/options.js";
import { exp, integerPower } from "../../base/portable-math.js";
import { takingOptions } from "../../base/positional.js";
import { add, divide, multiply, scale, sqrt, subtract } from "../../ops/index.js";
import { ADAM, type AdamOptions, decayedBy, momentCorrections, moments } from "./adam.js";
import { notNegative, PARAMETERS, whereSet } from "./hyperparameters.js";
import type { Optimizer } from "./optimizer.js";

/** Options of `nadam`. */
export interface NadamOptions extends Omit<AdamOptions, "lr" | "weightDecay"> {
  /** The learning rate. A schedule scales it. @default 0.002 */
  readonly lr?: number;
  /**
   * Added to the gradient, times the parameter; with `decoupledWeightDecay` taken off the parameter itself. @default 0
   */
  readonly weightDecay?: number;
  /** How fast the momentum rises to its full size. @default 0.004 */
  readonly momentumDecay?: number;
  /** Takes weight decay off the parameter itself, as AdamW does. @default false */
  readonly decoupledWeightDecay?: boolean;
}

export const NADAM: Fields<NadamOptions> = { ...ADAM, momentumDecay: notNegative, decoupledWeightDecay: flag };

/**
 * Adam with Nesterov's momentum (Dozat 2016). The momentum of step t is beta1 (1 - 0.96^(t momentumDecay) / 2).
 * PyTorch's `NAdam`.
 *
 * @throws OptionError on an option that is not what it may be
 */
export const nadam = takingOptions("nadam", NADAM, nadamOf, PARAMETERS);

function nadamOf(options: NadamOptions = {}): Optimizer {
  checkOptions("nadam", options, NADAM, "nadam: ");
  const { lr = 2e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
  const { momentumDecay = 4e-3, decoupledWeightDecay = false } = options;
  const factors = momentumFactors(betas[0], momentumDecay);
  return {
    name: "nadam",
    options: { lr, betas, eps, weightDecay, momentumDecay, ...whereSet({ decoupledWeightDecay }) },
    lr,
    scalars: (step) => ({ ...factors(step), secondCorrection: momentCorrections(betas, step).secondCorrection }),
    update(context) {
      const { parameter, scalar, weightDecay: decay = weightDecay } = context;
      const learningRate = scalar("learningRate");
      const coupled = decay > 0 && !decoupledWeightDecay;
      const gradient = coupled ? add(context.gradient, scale(parameter, decay)) : context.gradient;
      const { assigns, mean, meanSquare } = moments(context, gradient, betas);
      const size = scale(sqrt(multiply(meanSquare, scalar("secondCorrection"))), 1, eps);
      const ahead = add(multiply(gradient, scalar("gradientFactor")), multiply(mean, scalar("momentFactor")));
      const kept = decoupledWeightDecay ? decayedBy(parameter, decay, learningRate) : parameter;
      const value = subtract(kept, multiply(divide(ahead, size), learningRate));
      return [...assigns, { state: parameter, value }];
    },
  };
}

/** ln 0.96. */
const LOG_096 = -0.040821994520255166;

/**
 * With the momentum m of each step and the product P of all up to step t: (1 - m_t) / (1 - P_t) of the gradient, and
 * m_(t+1) / (1 - P_(t+1)) of the mean.
 */
function momentumFactors(beta: number, decay: number) {
  const base = exp(LOG_096 * decay);
  const momentumAt = (step: number) => beta * (1 - 0.5 * integerPower(base, step));
  // Steps come one after another: the product is carried on, and begun again where they do not.
  let reached = { step: 0, product: 1 };
  return (step: number) => {
    if (step < reached.step) reached = { step: 0, product: 1 };
    let { step: at, product } = reached;
    while (at < step) product *= momentumAt(++at);
    reached = { step, product };
    const next = momentumAt(step + 1);
    return { gradientFactor: (1 - momentumAt(step)) / (1 - product), momentFactor: next / (1 - product * next) };
  };
}
