/**
 * Elementwise ops of two inputs, with broadcasting as NumPy and PyTorch have it. **The batch is an axis of its own**: a
 * value without one is the same for every sample, and the axes of a sample line up from the last, where an extent of 1
 * or a missing axis is repeated. So beside an image [N, H, W, C] there may stand a number a channel [C], one a sample
 * and channel, [N, C] or [N, 1, 1, C], one a pixel [N, H, W, 1] or [H, W, 1], one a sample [N], or a scalar. A value of
 * [N, C] is never taken for [W, C], even where N = W: which of the two it is, is said by whether it has a batch.
 *
 * The nodes themselves take less: the result has the signature of a, and b the same, or (but for axes of 1 that it
 * begins with)
 *  - without a batch, the last axes of a's shape;
 *  - with a batch, no axes or the last one. The attribute `perSample` says so, because a tensor of [N] could else be
 * read as [C]. Whatever else is asked for is repeated by `expand` first.
 */
import type { Op, Traits, Value } from "../../graph/graph.js";
import { type Signature, sameShape, shapeText, sizeOf, withoutLeadingOnes } from "../../graph/shape.js";
import { broadcastShape, broadcastTo } from "../reduce.js";
import { costPerElement, expectInputs, FUSIBLE, mapTensor, refuse } from "../support.js";

export interface BinaryAttributes {
  /** b has one number, or one a channel, for each sample, where a has more. Absent otherwise. */
  readonly perSample?: true;
}

function sameSignature(a: Signature, b: Signature): boolean {
  return a.batched === b.batched && sameShape(a.shape, b.shape);
}

function isPerSample(a: Signature, b: Signature): boolean {
  if (!a.batched || !b.batched || b.shape.length > a.shape.length || sameShape(a.shape, b.shape)) return false;
  const own = withoutLeadingOnes(b.shape);
  return own.length === 0 || (own.length === 1 && own[0] === a.shape.at(-1));
}

/** Whether b can be spread over a by the node itself. */
export function spreads(a: Signature, b: Signature): boolean {
  if (sameSignature(a, b) || isPerSample(a, b)) return true;
  const own = withoutLeadingOnes(b.shape);
  return !b.batched && b.shape.length <= a.shape.length && sameShape(a.shape.slice(a.shape.length - own.length), own);
}

export function binaryOp(
  name: string,
  f: (a: number, b: number) => number,
  gradient: NonNullable<Op<BinaryAttributes>["gradient"]>,
  traits: Traits = FUSIBLE,
): Op<BinaryAttributes> {
  return {
    name,
    infer(inputs, attributes, path) {
      expectInputs(name, path, inputs, [{ name: "a" }, { name: "b" }]);
      const [a, b] = inputs as readonly [Signature, Signature];
      if (!spreads(a, b)) {
        refuse(
          name,
          path,
          `b is ${shapeText(b)}, which does not fit a of ${shapeText(a)}; expected extents that are the same or 1, ` +
            "from the last axis on (the batch N is an axis of its own)",
        );
      }
      if ((attributes.perSample ?? false) !== isPerSample(a, b)) {
        refuse(
          name,
          path,
          `perSample is ${attributes.perSample ?? false}, but b is ${shapeText(b)} and a ${shapeText(a)}`,
        );
      }
      return { shape: a.shape, batched: a.batched, dtype: "f32" };
    },
    gradient,
    reference([a, b], { perSample }, output, batch) {
      const each = sizeOf(output.shape);
      const size = perSample ? b!.data.length / batch : b!.data.length;
      const first = (i: number) => (perSample ? Math.floor(i / each) * size : 0);
      return mapTensor(a!, (x, i) => f(x, b!.data[first(i) + (i % size)]!));
    },
    cost: costPerElement(1),
    traits,
  };
}

/** The node itself: b is what it repeats. */
export function node(op: Op<BinaryAttributes>, a: Value, b: Value): Value {
  return a.graph.add(op, isPerSample(a, b) ? { perSample: true } : {}, [a, b]);
}

/** Both, with what the node cannot spread over the other repeated; as they are where they do not fit at all. */
export function broadcast(a: Value, b: Value): readonly [Value, Value] {
  if (spreads(a, b) || spreads(b, a)) return [a, b];
  const result = broadcastBoth(a, b);
  if (result === undefined || a.dtype !== "f32" || b.dtype !== "f32") return [a, b];
  const other = spreads(result, b) ? b : broadcastTo(b, result);
  const isWhole = sameSignature(result, other);
  return [isWhole && spreads(result, a) ? a : broadcastTo(a, result), other];
}

/**
 * The node of two values broadcast together. A node repeats its second input alone: `swapped` says of b and a what `op`
 * says of a and b.
 */
export function apply(op: Op<BinaryAttributes>, swapped: Op<BinaryAttributes>, x: Value, y: Value): Value {
  const [a, b] = broadcast(x, y);
  return spreads(a, b) || !spreads(b, a) ? node(op, a, b) : node(swapped, b, a);
}

/** The signature that two broadcast to; undefined where they do not fit. */
export function broadcastBoth(a: Signature, b: Signature): Signature | undefined {
  const shape = broadcastShape(a.shape, b.shape);
  return shape && { shape, batched: a.batched || b.batched, dtype: "f32" };
}
