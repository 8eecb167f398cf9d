/**
 * How a policy is trained: recipes by name, and a run's length in steps. There are more positions than most runs have
 * time for, so that nothing is counted in passes over them; evaluations are so many steps apart, and each begins a new
 * epoch of the run.
 */
import { OptionError } from "../../base/errors.js";
import { create } from "../../models/index.js";
import type { OptimizerConfig } from "../../train/defaults.js";
import type { Schedule } from "../../train/schedules/schedule.js";
import { checkPlanes } from "../policy/planes.js";
import type { PolicyConfig } from "./epochs.js";

export const RECIPES = ["modern", "paper"] as const;
/** Name of a recipe: the hyper-parameters of a training. */
export type RecipeName = (typeof RECIPES)[number];

export const NETWORK = "alphago-policy";

interface Recipe {
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  /** Of a run of `epochs` epochs of `steps` steps. */
  schedule(epochs: number, steps: number): Schedule;
}

/** Methods, "Policy network: classification": 50 machines took three weeks for 340 million such steps. */
const HALVED_EVERY = 80e6;

const recipes: Readonly<Record<RecipeName, Recipe>> = {
  paper: {
    batchSize: 16,
    optimizer: { name: "sgd", lr: 0.003, momentum: 0, nesterov: false, weightDecay: 0 },
    schedule(epochs, steps) {
      const milestones = new Set<number>();
      for (let step = HALVED_EVERY; step < epochs * steps; step += HALVED_EVERY)
        milestones.add(Math.round(step / steps));
      milestones.delete(0);
      return { kind: "step", milestones: [...milestones], gamma: 0.5 };
    },
  },
  // Chosen by short runs side by side (examples/go-policy), ahead of SGD with Nesterov's momentum.
  modern: {
    batchSize: 128,
    optimizer: { name: "adamw", lr: 0.002, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.01 },
    schedule: () => ({ kind: "one-cycle", rise: 0.2, initial: 0.1, final: 0.001 }),
  },
};

export interface PolicyWish {
  /** The store's file. */
  readonly store: string;
  /** Of its boards. */
  readonly size: number;
  readonly recipe: RecipeName;
  readonly filters: number;
  readonly layers: number;
  readonly planes: number;
  readonly seed: number;
  readonly testPositions: number;
  readonly batchSize?: number | undefined;
  readonly lr?: number | undefined;
  readonly weightDecay?: number | undefined;
}

/** Steps between evaluations, and how many of these there are. */
export interface Length {
  readonly evaluateEvery: number;
  readonly evaluations: number;
}

/** @throws OptionError where the network cannot be made, or there is no such set of planes. */
export function policyConfig(wish: PolicyWish, { evaluateEvery, evaluations }: Length): PolicyConfig {
  const { store, size, filters, layers, planes, seed, testPositions } = wish;
  const recipe = recipes[wish.recipe];
  checkPlanes(planes);
  const { lr = recipe.optimizer.lr, weightDecay = recipe.optimizer.weightDecay } = wish;
  return {
    network: NETWORK,
    options: create(NETWORK, { filters, layers, planes, size }).options,
    data: store,
    epochs: evaluations,
    batchSize: batchOf(wish),
    optimizer: { ...recipe.optimizer, lr, weightDecay },
    schedule: recipe.schedule(evaluations, evaluateEvery),
    seed,
    top5: true,
    positions: { evaluateEvery, testPositions },
  };
}

export const batchOf = ({ recipe, batchSize }: Pick<PolicyWish, "recipe" | "batchSize">): number =>
  batchSize ?? recipes[recipe].batchSize;

/** The part of the time that evaluations may take, and the most of them: more points than that, no curve needs. */
const EVALUATING = 0.08;
const MOST_EVALUATIONS = 24;

const evaluationsFor = (training: number, evaluation: number): number =>
  Math.max(1, Math.min(MOST_EVALUATIONS, Math.round((EVALUATING * training) / evaluation)));

/**
 * A run of so many steps, or the fewest above that evaluations divide evenly.
 * @throws OptionError where it is said how many steps are between evaluations, and that does not divide them.
 */
export function lengthOf(
  steps: number,
  wish: Pick<PolicyWish, "recipe" | "batchSize" | "testPositions">,
  evaluateEvery?: number,
): Length {
  if (evaluateEvery !== undefined) {
    if (steps % evaluateEvery === 0) return { evaluateEvery, evaluations: steps / evaluateEvery };
    const below = Math.floor(steps / evaluateEvery) * evaluateEvery;
    const near = below === 0 ? "" : `${below} or `;
    throw new OptionError(
      `--steps ${steps}: is no multiple of --evaluate-every ${evaluateEvery}, and a run ends with an evaluation; try --steps ${near}${below + evaluateEvery}`,
    );
  }
  // A step is about three evaluations of its positions.
  const wanted = Math.min(steps, evaluationsFor(3 * steps * batchOf(wish), wish.testPositions));
  const every = Math.ceil(steps / wanted);
  return { evaluateEvery: every, evaluations: Math.ceil(steps / every) };
}

/** What a run was measured to take. */
export interface Speed {
  readonly stepSeconds: number;
  /** Of one evaluation of the whole sample. */
  readonly evaluationSeconds: number;
  /** Until the first positions are there. */
  readonly startSeconds: number;
}

/** The run that takes so many seconds. */
export function lengthWithin(seconds: number, speed: Speed, evaluateEvery?: number): Length {
  const { stepSeconds, evaluationSeconds, startSeconds } = speed;
  const left = Math.max(0, seconds - startSeconds);
  if (evaluateEvery !== undefined) {
    const evaluations = Math.floor(left / (evaluateEvery * stepSeconds + evaluationSeconds));
    return { evaluateEvery, evaluations: Math.max(1, evaluations) };
  }
  const evaluations = evaluationsFor(left, evaluationSeconds);
  const every = Math.floor((left / evaluations - evaluationSeconds) / stepSeconds);
  return { evaluateEvery: Math.max(1, every), evaluations };
}
