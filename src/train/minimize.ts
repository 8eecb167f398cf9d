/**
 * One update of an optimiser, drawn into the graph of a loss: what a training step of one's own assigns, and what it
 * takes anew in each run.
 */
import { OptionError, ShapeError } from "../base/errors.js";
import { checkOptions, expecting, type Fields, mismatch, text, whole } from "../base/options.js";
import {
  type Assign,
  type Graph,
  isValue,
  noValue,
  type StateAttributes,
  stateOp,
  type Value,
} from "../graph/graph.js";
import { tracingOf } from "../nn/module.js";
import { differentiate } from "../ops/index.js";
import { anOptimizer, type Optimizer } from "./optimizers/optimizer.js";
import { checkSchedule, learningRateAt, type Schedule } from "./schedules/schedule.js";

/** Options of `minimize`. */
export interface MinimizeOptions {
  /**
   * The states of the loss's graph that are to change; the others are frozen.
   * @default all of its kind "parameter", but for those that their layers say are not trained
   */
  readonly parameters?: Iterable<Value<StateAttributes>>;
  /**
   * Tells several updates of one graph apart: its inputs are `name.learningRate` and so on, and its states
   * `fc.weight.name.momentum`.
   * @default "", for inputs without a prefix
   */
  readonly name?: string;
  /** How the learning rate runs over the steps. @default the optimizer's `lr` throughout */
  readonly schedule?: Schedule;
  /**
   * Steps of the training, for schedules that end.
   * @default none: the schedule must need none
   */
  readonly totalSteps?: number;
  /** For schedules that count epochs. @default totalSteps */
  readonly stepsPerEpoch?: number;
}

/** One update of an optimizer, as `minimize` draws it. */
export interface Minimization {
  /** The changes of parameters and of the optimizer's own states: what the entry of a step assigns. */
  readonly assigns: readonly Assign[];
  /**
   * The numbers that a run of step 1, 2, ... is given beside the data: the learning rate and the optimizer's numbers,
   * by the names of their inputs.
   */
  at(step: number): Readonly<Record<string, number>>;
}

const OPTIONS: Fields<MinimizeOptions> = {
  parameters: expecting(
    "a list of states, as drawn.parametersOf(network) gives it",
    (given) => typeof (given as Iterable<unknown> | null)?.[Symbol.iterator] === "function",
  ),
  name: text,
  schedule: (schedule) => checkSchedule(schedule as Schedule),
  totalSteps: whole(1),
  stepsPerEpoch: whole(1),
};

/**
 * Lowers a loss: draws the gradient of the loss for each parameter and the optimizer's update, which is the same as in
 * `train`. Numbers that the update takes anew in each run become inputs without axes, which `at(step)` returns.
 *
 * @example
 * ```js
 * import { adam, initialWeights, minimize, nn, openDevice, ops, trace } from "fovea";
 *
 * const network = nn.linear({ in: 1, out: 1 }); // y = weight * x + bias
 * const { graph, output, updates } = trace(network, { input: [1], training: true });
 * const target = graph.input("target", { shape: [1] });
 * const loss = ops.mean(ops.meanSquaredError(output, target), { batch: true });
 * const learning = minimize(loss, adam({ lr: 0.1 }));
 *
 * const device = await openDevice({ backend: "wasm", threads: 1 });
 * const step = await device.compile({ name: "step", outputs: { loss }, assigns: [...learning.assigns, ...updates] });
 * for (const [name, { data }] of initialWeights(network)) await device.writeState(name, data);
 * for (let i = 1; i <= 200; i++) await step.run({ input: [0, 1, 2], target: [1, 3, 5], ...learning.at(i) });
 * const [weight] = await device.readState("weight");
 * await device.close();
 * console.log(weight.toFixed(1)); // 2.0
 * ```
 *
 * @param loss one number for the whole batch, f32 of shape []
 * @throws ShapeError if the loss has a batch or extents, if a parameter is no state of its graph, or if an op on the
 * way has no gradient; OptionError on an option that is not what it may be
 */
export function minimize(loss: Value, optimizer: Optimizer, options: MinimizeOptions = {}): Minimization {
  if (!isValue(loss)) throw new ShapeError(`minimize: ${noValue("loss", loss)}`);
  anOptimizer(optimizer, "minimize: the optimizer");
  if (Array.isArray(options))
    throw mismatch("minimize: the options", options, "an object; parameters are given as { parameters: [...] }");
  checkOptions("minimize", options, OPTIONS, "minimize: ");
  const { name = "" } = options;
  const { graph } = loss;
  const chosen = chosenOf(loss, options);
  const input = (scalar: string) => (name === "" ? scalar : `${name}.${scalar}`);
  const scalar = (of: string): Value => {
    const known = graph.inputs.find(({ attributes }) => attributes.name === input(of));
    return known ?? graph.input(input(of), { shape: [], batched: false });
  };
  const gradients = differentiate(loss, chosen);
  const assigns = chosen.flatMap((parameter, i) => {
    const own = parameter.attributes.name;
    const context = { graph, name: name === "" ? own : `${own}.${name}`, parameter, gradient: gradients[i]!, scalar };
    return graph.scope(parameter.path, () => optimizer.update(context));
  });
  const rateAt = ratesOf(optimizer, options);
  const at = (step: number) => {
    if (!Number.isInteger(step) || step < 1) throw mismatch("minimize: at: the step", step, "a whole number from 1");
    const numbers = { learningRate: rateAt(step), ...optimizer.scalars(step) };
    return Object.fromEntries(Object.entries(numbers).map(([of, number]) => [input(of), number]));
  };
  return { assigns, at };
}

function chosenOf({ graph }: Value, { parameters }: MinimizeOptions): readonly Value<StateAttributes>[] {
  const chosen = parameters === undefined ? trainedOf(graph) : [...new Set(parameters)];
  for (const [i, parameter] of chosen.entries()) {
    if (!isValue(parameter)) throw new ShapeError(`minimize: ${noValue(`parameters[${i}]`, parameter)}`);
    if ((parameter.op as unknown) !== stateOp || (parameter as Value).graph !== graph)
      throw new ShapeError(
        `minimize: parameters[${i}] is a value (of ${(parameter as Value).op.name}), expected a state of the loss's graph`,
      );
  }
  if (chosen.length === 0)
    throw new OptionError(
      'minimize: there are no parameters; graph.state(name, "parameter", shape) makes one, as the layers of a traced network do',
    );
  return chosen;
}

function trainedOf(graph: Graph): readonly Value<StateAttributes>[] {
  const layers = [...(tracingOf(graph)?.parameters ?? [])];
  const fixed = new Set(layers.flatMap(([{ trainable }, state]) => (trainable ? [] : [state])));
  return graph.states.filter((state) => state.attributes.kind === "parameter" && !fixed.has(state));
}

const ENDLESS: readonly Schedule["kind"][] = ["constant", "step", "exponential", "warm-restarts", "plateau"];

function ratesOf({ lr }: Optimizer, options: MinimizeOptions): (step: number) => number {
  const { schedule = { kind: "constant" }, totalSteps = 1, stepsPerEpoch = totalSteps } = options;
  if (options.totalSteps === undefined && !ENDLESS.includes(schedule.kind))
    throw new OptionError(`minimize: schedule ${schedule.kind} needs the steps of the training; give totalSteps`);
  const countsEpochs = schedule.kind === "step" || schedule.kind === "exponential" || schedule.kind === "warm-restarts";
  if (countsEpochs && options.stepsPerEpoch === undefined)
    throw new OptionError(`minimize: schedule ${schedule.kind} counts epochs; give stepsPerEpoch`);
  if (schedule.kind === "plateau")
    throw new OptionError(
      "minimize: schedule plateau follows the figures of train's epochs; take another, or scale learningRate yourself",
    );
  return (step) => learningRateAt(schedule, lr, step - 1, { totalSteps, stepsPerEpoch });
}
