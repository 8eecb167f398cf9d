/**
 * The weights of a network by name, its running statistics among them, outside any session: row-major, in fovea's layout (convolutions HWIO, linear layers
 * [in, out]).
 */
import { type Shape, sizeOf } from "../graph/value.js";
import { type Initializer, initialize, type Module, savedOf } from "../nn/index.js";
import { Random } from "../random.js";
import type { Session } from "../runtime/session.js";

export interface Weight {
  readonly shape: Shape;
  readonly data: Float32Array;
}

export type Weights = ReadonlyMap<string, Weight>;

/** What a network starts with: a function of the seed and each tensor's name, shape and initializer. */
export function initialWeights(network: Module, seed: number): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const [name, { shape, init }] of savedOf(network)) {
    weights.set(name, { shape, data: initialNumbers(name, shape, init, seed) });
  }
  return weights;
}

/** The same, but each tensor's numbers are made when they are asked for, and not kept: for networks of hundreds of megabytes. */
export function initialWeightsOnDemand(network: Module, seed: number): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const [name, { shape, init }] of savedOf(network)) {
    weights.set(name, {
      shape,
      get data() {
        return initialNumbers(name, shape, init, seed);
      },
    });
  }
  return weights;
}

/** Those that no program of the session reads. */
export function weightsBeside(session: Session, weights: Weights): Weights {
  const known = new Set(session.states().map(({ name }) => name));
  return new Map([...weights].filter(([name]) => !known.has(name)));
}

function initialNumbers(name: string, shape: Shape, init: Initializer, seed: number): Float32Array {
  const data = new Float32Array(sizeOf(shape));
  // One generator a parameter, named after it: adding a layer does not change the others.
  initialize(data, init, new Random(seed).fork(name));
  return data;
}

/** Writes weights into the states of the same names; those that no program of the session reads are left out. */
export async function writeWeights(session: Session, weights: Weights): Promise<void> {
  const known = new Set(session.states().map(({ name }) => name));
  for (const [name, { data }] of weights) if (known.has(name)) await session.writeState(name, data);
}

/**
 * The same for a session that only predicts, and weights that stay as they are for as long as it lives: they are read when they
 * are needed, and what is kept in another order is not kept in this one, too.
 */
export async function lendWeights(session: Session, weights: Weights): Promise<void> {
  const known = new Set(session.states().map(({ name }) => name));
  for (const [name, weight] of weights) if (known.has(name)) await session.lendState(name, () => weight.data);
}

/**
 * A copy of a network's weights as the session has them now; `others` gives those that no program reads, `stateOf` the state that
 * is read for a name.
 */
export async function readWeights(
  session: Session,
  network: Module,
  others: Weights,
  stateOf = (name: string) => name,
): Promise<Map<string, Weight>> {
  const known = new Set(session.states().map(({ name }) => name));
  const weights = new Map<string, Weight>();
  for (const [name, { shape }] of savedOf(network)) {
    const data = known.has(stateOf(name))
      ? ((await session.readState(stateOf(name))) as Float32Array)
      : others.get(name)!.data.slice();
    weights.set(name, { shape, data });
  }
  return weights;
}

/** The name of the first tensor that holds a number that is not finite. */
export function findNotFinite(tensors: Iterable<readonly [string, { readonly data: ArrayLike<number> }]>) {
  for (const [name, { data }] of tensors) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return name;
  }
  return undefined;
}
