/**
 * How far float32 may be from the float64 meaning of a graph, number by number. The meaning is evaluated several times
 * more, each node's result moved at random by what its own rounding can be; what comes out then shows how the graph as a
 * whole answers to rounding: sums that cancel, roots near zero, and maxima or relus that may fall on the other side.
 *
 * The rounding of a sum is taken from the sum of its terms' magnitudes, u (2 + sqrt(terms)) sum |terms|: Wilkinson's
 * probabilistic bound. That of any other op is a few u of its result, and of its result's answer to a few u of its inputs.
 */
import { type Feeds, reachable } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { type InputAttributes, inputOp, stateOp } from "#fovea/graph/graph.js";
import { sizeOf } from "#fovea/graph/shape.js";
import type { Tensor } from "#fovea/graph/tensor.js";
import { type Random, random } from "../support/random.js";

/** Half a unit in the last place of float32. */
const U = 2 ** -24;
/** How much more than its own rounding a node is moved by, so that a few tries find what rounding can do. */
const MORE = 6;
const TRIES = 4;
/** Where there is doubt: as many tries as show every maximum that may fall on the other side. */
export const MANY_TRIES = 80;
/** Finite numbers beyond this overflow on the way in float32, or lose their bits: such networks say nothing. */
const LARGEST = 1e30;

/** Ops that only move numbers, or choose among them. */
const EXACT = new Set(
  "reshape concat slice pad arrange relu reluGrad maxPool2d maxReduce argmax correct maxReduceGrad dropoutKey classWeight clip clipGrad abs sign greater greaterEqual less lessEqual equal notEqual maximum minimum where".split(
    " ",
  ),
);
/** Ops that add up products of their inputs, so that the inputs' magnitudes give the terms' magnitudes. */
const SUMS = new Set(
  (
    "conv2d conv2dInputGrad conv2dWeightGrad linear linearInputGrad linearWeightGrad avgPool2d avgPool2dGrad maxPool2dGrad " +
    "sum expand resize resizeGrad channelWindowSum centredProducts"
  ).split(" "),
);
const CONVOLUTIONS = new Set(["conv2d", "conv2dInputGrad", "conv2dWeightGrad"]);

export interface Expected {
  readonly value: Tensor;
  /** How far each number may be off. */
  readonly bounds: Float64Array;
  /** Whether all numbers on the way are finite. */
  readonly allFinite: boolean;
}

/** What is nearer to the meaning than this, times the median of its magnitudes, is float32's rounding, whatever the graph. */
const PLAIN = 2 ** -19;

/** The meaning itself, for a first look: bounds are those of plain rounding. */
export function meanings(values: readonly Value[], feeds: Feeds, batch: number): Expected[] | undefined {
  const exact = evaluateWith(reachable(values), feeds, batch, (_node, _inputs, result) => result);
  for (const tensor of exact.values()) if (!fits(tensor)) return undefined;
  const allFinite = areFinite(exact.values());
  return values.map((v) => {
    const value = exact.get(v)!;
    const usual = median(value.data.filter(Number.isFinite).map(Math.abs));
    return { value, bounds: new Float64Array(value.data.length).fill(PLAIN * usual), allFinite };
  });
}

/** Undefined where float32 has no room for a number on the way. */
export function expectations(
  values: readonly Value[],
  feeds: Feeds,
  batch: number,
  options: { readonly winograd: boolean; readonly tries?: number },
): Expected[] | undefined {
  const { winograd, tries = TRIES } = options;
  const nodes = reachable(values);
  const exact = evaluateWith(nodes, feeds, batch, (_node, _inputs, result) => result);
  for (const node of nodes) if (!fits(exact.get(node)!)) return undefined;
  const allFinite = areFinite(exact.values());
  const far = values.map((v) => new Float64Array(exact.get(v)!.data.length));
  for (let i = 0; i < tries; i++) {
    const rng = random(i + 1);
    const moved = evaluateWith(nodes, feeds, batch, (node, inputs, result) =>
      move(node, inputs, result, batch, winograd, rng),
    );
    for (const [n, v] of values.entries()) {
      const [a, b] = [exact.get(v)!.data, moved.get(v)!.data];
      for (let k = 0; k < a.length; k++) far[n]![k] = Math.max(far[n]![k]!, distance(a[k]!, b[k]!));
    }
  }
  return values.map((v, n) => {
    const value = exact.get(v)!;
    const usual = median(far[n]!.filter(Number.isFinite));
    const magnitude = (v: number) => (Number.isFinite(v) ? Math.abs(v) : 0);
    const bounds = far[n]!.map((d, k) => 2 * d + usual + 2 * U * magnitude(value.data[k]!) + 1e-35);
    return { value, bounds, allFinite };
  });
}

/** The first number that is further off than it may be. */
export function misfit(actual: ArrayLike<number>, { value, bounds }: Expected): string | undefined {
  if (actual.length !== value.data.length) return `${actual.length} numbers instead of ${value.data.length}`;
  let worst: { excess: number; text: string } | undefined;
  let count = 0;
  for (let i = 0; i < actual.length; i++) {
    const [a, e, bound] = [actual[i]!, value.data[i]!, bounds[i]!];
    if (Object.is(a, e) || Math.abs(a - e) <= bound) continue;
    if (bound === Number.POSITIVE_INFINITY) continue; // rounding alone makes an infinity of it, or none
    count++;
    const excess = Math.abs(a - e) / bound;
    if (worst === undefined || excess > worst.excess || Number.isNaN(excess)) {
      worst = { excess, text: `number ${i} is ${a}, expected ${e} within ${bound.toExponential(1)}` };
    }
  }
  return worst && `${count} of ${actual.length} are wrong: ${worst.text}`;
}

function evaluateWith(
  nodes: readonly Value[],
  feeds: Feeds,
  batch: number,
  change: (node: Value, inputs: readonly Tensor[], result: Tensor) => Tensor,
): Map<Value, Tensor> {
  const results = new Map<Value, Tensor>();
  for (const node of nodes) {
    const op: unknown = node.op;
    const { name } = node.attributes as InputAttributes;
    if (op === inputOp) results.set(node, feeds.inputs![name]!);
    else if (op === stateOp) results.set(node, feeds.states![name]!);
    else {
      const inputs = node.inputs.map((v) => results.get(v)!);
      results.set(node, change(node, inputs, node.op.reference(inputs, node.attributes, node, batch)));
    }
  }
  return results;
}

function move(
  node: Value,
  inputs: readonly Tensor[],
  result: Tensor,
  batch: number,
  winograd: boolean,
  rng: Random,
): Tensor {
  const { name } = node.op;
  if (EXACT.has(name) || node.dtype !== "f32" || (name === "resize" && isNearest(node))) return result;
  const samples = node.batched || !node.inputs.some((v) => v.batched) ? 1 : batch;
  const { multiplyAdds } = node.op.cost(node.inputs, node.attributes, node);
  const terms = Math.max(1, (multiplyAdds * samples) / Math.max(1, sizeOf(node.shape)));
  const part = MORE * U * (2 + Math.sqrt(terms));
  const off = () => 2 * rng.uniform() - 1;
  const sizes = termsOf(node, inputs, result, batch);
  if (sizes === undefined) {
    const nearby = inputs.map((x, i) =>
      node.inputs[i]!.dtype === "f32" ? mapped(x, (v) => v * (1 + MORE * U * off())) : x,
    );
    const answer = node.op.reference(nearby, node.attributes, node, batch);
    return mapped(answer, (v) => v * (1 + part * off()));
  }
  // Winograd's transforms add up whole tiles, and round by the largest of their numbers.
  const tile =
    winograd && CONVOLUTIONS.has(name) ? 2 * sizes.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0) : 0;
  return mapped(result, (v, i) =>
    Number.isFinite(v) ? v + (part * Math.abs(sizes.data[i]!) + MORE * U * tile) * off() : v,
  );
}

/** The sums of the terms' magnitudes; undefined for ops that are no sums. */
function termsOf(node: Value, inputs: readonly Tensor[], result: Tensor, batch: number): Tensor | undefined {
  const { name } = node.op;
  // (p - target) dy, of probabilities and targets up to 1
  if (name === "crossEntropyGrad") {
    const classes = node.shape.at(-1)!;
    return mapped(result, (v, i) => Math.abs(v) + Math.abs(inputs[2]!.data[Math.floor(i / classes)]!));
  }
  // log(sum of e^x) - x[label]
  if (name === "crossEntropy") {
    const [x] = inputs as [Tensor];
    const classes = node.inputs[0]!.shape.at(-1)!;
    const row = (i: number) => x.data.subarray(i * classes, (i + 1) * classes);
    return mapped(result, (v, i) => Math.abs(v) + row(i).reduce((most, one) => Math.max(most, Math.abs(one)), 0));
  }
  if (!SUMS.has(name)) return undefined;
  const magnitude = (x: Tensor, i: number): Tensor => {
    // where the maxima are depends on signs; centred products take the mean away
    if (name === "maxPool2dGrad" && i === 0) return x;
    const sign = name === "centredProducts" && i === 2 ? -1 : 1;
    return mapped(x, (v) => sign * Math.abs(v));
  };
  return node.op.reference(inputs.map(magnitude), node.attributes, node, batch);
}

const isNearest = (node: Value): boolean => (node.attributes as { mode?: string }).mode === "nearest";

function mapped({ shape, data }: Tensor, f: (v: number, i: number) => number): Tensor {
  const result = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) result[i] = f(data[i]!, i);
  return { shape, data: result };
}

function fits({ data }: Tensor): boolean {
  for (const v of data) if (Number.isFinite(v) && Math.abs(v) > LARGEST) return false;
  return true;
}

const areFinite = (tensors: Iterable<Tensor>): boolean => [...tensors].every(({ data }) => data.every(Number.isFinite));

function distance(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  return Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Number.POSITIVE_INFINITY;
}

function median(numbers: Float64Array): number {
  return numbers.length === 0 ? 0 : numbers.toSorted()[numbers.length >> 1]!;
}
