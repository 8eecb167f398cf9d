/**
 * The weights of a network by name, its running statistics among them, outside any device: row-major, in fovea's layout
 * (convolutions HWIO, linear layers [in, out]).
 */
import { FileError, OptionError } from "../../base/errors.js";
import { shown } from "../../base/options.js";
import { Random } from "../../base/random.js";
import { atOnce, type Steps } from "../../base/steps.js";
import type { DeviceStates } from "../../devices/device.js";
import { type Shape, sameShape, sizeOf } from "../../graph/shape.js";
import { inTurns } from "../../host/event-loop.js";
import { type AnyModule, type Initializer, savedOf } from "../../nn/index.js";
import { checkInitializer, initializeSteps } from "../../nn/initializer.js";
import { checkModule } from "../../nn/module.js";

/** One tensor of a network's weights. */
export interface Weight {
  /** Its extents: [kernel height, kernel width, in / groups, out] for a convolution, [in, out] for a linear layer. */
  readonly shape: Shape;
  /** Its numbers, row-major. */
  readonly data: Float32Array;
}

/** The weights of a network, by parameter name. */
export type Weights = ReadonlyMap<string, Weight>;

/**
 * The weights that a network starts with, by name: a function of the seed and of each tensor's name, shape and
 * initializer. A tensor's numbers are drawn when they are first read, and then kept. `train` starts with the same by
 * its own seed.
 *
 * @example
 * ```js
 * import { initialWeights, nn } from "fovea";
 *
 * const weights = initialWeights(nn.linear({ in: 784, out: 10 }), 1);
 * console.log([...weights].map(([name, { shape }]) => `${name} ${shape}`)); // [ 'weight 784,10', 'bias 10' ]
 * ```
 *
 * @param seed whole number, 0 by default; the same seed draws the same bits
 * @throws OptionError if `network` is no module
 */
export function initialWeights(network: AnyModule, seed = 0): Map<string, Weight> {
  checkModule("initialWeights", network);
  return new Map(
    [...savedOf(network)].map(([name, { shape, init }]) => {
      let data: Float32Array | undefined;
      const draw = drawing(name, shape, init, seed);
      function* steps(): Steps<Float32Array> {
        if (data === undefined) {
          const drawn = yield* draw();
          data ??= drawn; // another may have drawn them meanwhile
        }
        return data;
      }
      return [name, drawnBy(shape, steps)];
    }),
  );
}

/**
 * The same, but each tensor's numbers are drawn whenever they are read, and not kept: for networks of hundreds of
 * megabytes.
 */
export function initialWeightsOnDemand(network: AnyModule, seed: number): Map<string, Weight> {
  return new Map(
    [...savedOf(network)].map(([name, { shape, init }]) => [name, drawnBy(shape, drawing(name, shape, init, seed))]),
  );
}

/** How the numbers of weights that are drawn are drawn in steps. */
const draws = new WeakMap<Weight, () => Steps<Float32Array>>();

function drawnBy(shape: Shape, steps: () => Steps<Float32Array>): Weight {
  const weight: Weight = {
    shape,
    get data() {
      return atOnce(steps());
    },
  };
  draws.set(weight, steps);
  return weight;
}

/** The numbers of a weight, with turns of the event loop in between where they are still to be drawn. */
async function numbersOf(weight: Weight): Promise<Float32Array> {
  const steps = draws.get(weight);
  return steps === undefined ? weight.data : inTurns(steps());
}

/** Those that no executable of the device reads. */
export function weightsBeside(device: DeviceStates, weights: Weights): Weights {
  const known = new Set(device.states().map(({ name }) => name));
  return new Map([...weights].filter(([name]) => !known.has(name)));
}

function drawing(name: string, shape: Shape, init: Initializer, seed: number): () => Steps<Float32Array> {
  checkInitializer(init);
  // One generator a parameter, named after it: adding a layer does not change the others.
  const random = () => new Random(seed).fork(name);
  random();
  return function* () {
    const data = new Float32Array(sizeOf(shape));
    yield* initializeSteps(data, init, random());
    return data;
  };
}

/** Writes weights into the states of the same names; those that no executable of the device reads are left out. */
export async function writeWeights(device: DeviceStates, weights: Weights): Promise<void> {
  const known = new Set(device.states().map(({ name }) => name));
  for (const [name, weight] of weights) if (known.has(name)) await device.writeState(name, await numbersOf(weight));
}

/**
 * The same for a device that only predicts, and weights that stay as they are for as long as it lives: they are read
 * when they are needed, and what is kept in another order is not kept in this one, too.
 * @throws OptionError where they are not the network's weights (`checkWeights`).
 */
export async function lendWeights(
  device: DeviceStates,
  { module, weights }: { readonly module: AnyModule; readonly weights: Weights },
  what: string,
): Promise<void> {
  await inTurns(checkWeights(module, weights, `${what}: the model's weights`));
  const known = new Set(device.states().map(({ name }) => name));
  for (const [name, weight] of weights) {
    if (!known.has(name)) continue;
    await numbersOf(weight); // a run is to find them there
    await device.lendState(name, () => weight.data);
  }
}

/** Differences that a message names. */
const MOST_NAMED = 6;

/**
 * Holds weights to a network: every tensor there and none besides, of its shape, in 32-bit numbers that are finite.
 * @param what is named in errors, such as "initial: the weights"
 * @throws OptionError naming each tensor that is not so.
 */
export function* checkWeights(network: AnyModule, weights: Weights, what: string): Steps<void> {
  const saved = savedOf(network);
  const problems: string[] = [];
  for (const [name, { shape }] of saved) {
    const problem = yield* whyNot(weights.get(name), shape);
    if (problem !== undefined) problems.push(`"${name}" (${textOf(shape)}) ${problem}`);
  }
  for (const name of weights.keys()) if (!saved.has(name)) problems.push(`"${name}" belongs to no layer`);
  if (problems.length === 0) return;
  const more = problems.length > MOST_NAMED ? `; and ${problems.length - MOST_NAMED} more` : "";
  throw new OptionError(`${what} do not fit the network: ${problems.slice(0, MOST_NAMED).join("; ")}${more}`);
}

/** Numbers that are looked at in a step. */
const CHECKED = 2 ** 19;

function* whyNot(weight: Weight | undefined, expected: Shape): Steps<string | undefined> {
  if (weight === undefined) return "is missing";
  const { shape } = weight;
  if (!Array.isArray(shape) || !sameShape(shape, expected)) return `is given as ${shown(shape)}`;
  // What is still to be drawn is as it should be.
  if (draws.has(weight)) return undefined;
  const { data } = weight;
  if (!(data instanceof Float32Array))
    return "is no Float32Array; bring its numbers into one, Float32Array.from(numbers)";
  if (data.length !== sizeOf(expected)) return `has ${data.length} numbers, expected ${sizeOf(expected)}`;
  for (let from = 0; from < data.length; from += CHECKED) {
    const at = firstNotFinite(data.subarray(from, from + CHECKED));
    if (at >= 0) return `has ${data[from + at]} as its number ${from + at}`;
    yield;
  }
  return undefined;
}

const textOf = (shape: Shape) => shape.join("x") || "one number";

/**
 * A copy of a network's weights as the device has them now, as `saveWeights` takes them.
 *
 * @example
 * ```js
 * import { initialWeights, nn, openDevice, readWeights, trace } from "fovea";
 *
 * const network = nn.linear({ in: 2, out: 1 });
 * const { output } = trace(network, { input: [2] });
 * const device = await openDevice({ backend: "wasm", threads: 1 });
 * await device.compile({ name: "predict", outputs: { output }, assigns: [] });
 * for (const [name, { data }] of initialWeights(network)) await device.writeState(name, data);
 * const weights = await readWeights(device, network);
 * await device.close();
 * console.log(weights.get("weight")?.shape); // [ 2, 1 ]
 * ```
 *
 * @param others gives those that no program of the device reads
 * @param stateOf the state that is read for a name
 * @throws OptionError where a weight is nowhere
 */
export async function readWeights(
  device: DeviceStates,
  network: AnyModule,
  others: Weights = new Map(),
  stateOf = (name: string) => name,
): Promise<Map<string, Weight>> {
  checkModule("readWeights", network);
  const known = new Set(device.states().map(({ name }) => name));
  const weights = new Map<string, Weight>();
  for (const [name, { shape }] of savedOf(network)) {
    const data = known.has(stateOf(name)) ? await device.readState(stateOf(name)) : others.get(name)?.data.slice();
    if (data === undefined)
      throw new OptionError(
        `readWeights: no program of the device reads "${name}"; give what it started with: readWeights(device, network, initialWeights(network))`,
      );
    weights.set(name, { shape, data: data as Float32Array });
  }
  return weights;
}

/** The name of the first tensor that holds a number that is not finite. */
export function findNotFinite(tensors: Iterable<readonly [string, { readonly data: ArrayLike<number> }]>) {
  for (const [name, { data }] of tensors) if (firstNotFinite(data) >= 0) return name;
  return undefined;
}

/** @throws FileError where a tensor of a file holds a number that is not finite, naming both. */
export function checkFinite(path: string, weights: Weights): void {
  for (const [name, { data }] of weights) {
    const at = firstNotFinite(data);
    if (at >= 0)
      throw new FileError(`${path}: tensor "${name}" holds ${data[at]} (its number ${at}), expected finite numbers`);
  }
}

function firstNotFinite(data: ArrayLike<number>): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}
