/**
 * Two sums over batch and pixels of what stands in the same image, in one pass over memory: of x (or its mean) with the
 * squared deviations of x from its own mean, and of d with d (x - mean): what batch normalisation needs, forward and
 * backward.
 *
 * The image is cut into slots that depend on the shape alone, small enough to stay in a core's cache. What is near a
 * large mean keeps its digits: a slot's numbers are walked a second time, as deviations from what float32 made of their
 * mean, c_s, and these have a sum r_s of their own and squares q_s (the corrected two-pass algorithm of Chan, Golub and
 * LeVeque 1983). Slots are joined as the same authors do for parts of a sample (1979), in distances from the first
 * one's c: with n_s numbers in slot s and M in all,
 *
 *     d_s = c_s - c_0 + r_s / n_s,  D = sum of n_s d_s / M,  mean = c_0 + D,  squares = sum of q_s - r_s^2 / n_s + n_s (d_s - D)^2
 *
 * so that the mean is the nearest float32 or the next, however large it is beside the deviations.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { SquaredDeviationsAttributes, SumAttributes } from "../../graph/attributes.js";
import type { Value } from "../../graph/graph.js";
import type { Buffer } from "../contract/emitter.js";
import { type RowLayout, rowLayout } from "../contract/layout.js";
import type { Lowering } from "../contract/strategy.js";
import { channelVectors, eachGroup, loadChannels, storeChannels, storeZeros } from "../language/channels.js";
import { eachPiece } from "../language/pieces.js";
import { SLOT } from "../language/slots.js";
import { addRows } from "../language/sum-rows.js";
import { F32 } from "../language/view.js";

/** What is added up of every element. */
type Term = "x" | "mean" | "squares" | "products";

/** Which sum a node is, if it is one of these: over all axes but the last, and the batch. */
function termOf(node: Value): Term | undefined {
  if (node.op.name === "centredProducts") return "products";
  if (node.op.name === "squaredDeviations")
    return (node.attributes as SquaredDeviationsAttributes).ownMean ? "squares" : undefined;
  if (node.op.name !== "sum") return undefined;
  const { axes, batch, mean } = node.attributes as SumAttributes;
  const rank = node.inputs[0]!.shape.length;
  if (!batch || rank === 0 || axes.length !== rank - 1 || axes.includes(rank - 1)) return undefined;
  return mean ? "mean" : "x";
}

/** What a sum reads when it is made together with others: squared deviations find the mean themselves. */
export function readsTogether(node: Value): readonly Value[] {
  return termOf(node) === "squares" ? node.inputs.slice(0, 1) : node.inputs;
}

/**
 * Of the nodes that read `image`, the two that are made in one pass over it; undefined where there are none. What else
 * they read is older than the image, so that none of it can wait for one of the sums.
 */
export function sumsTogether(image: Value, users: readonly Value[]): readonly [Value, Value] | undefined {
  const find = (term: Term) =>
    users.find(
      (user) =>
        user.inputs[0] === image &&
        termOf(user) === term &&
        readsTogether(user).every((input) => input === image || input.id < image.id),
    );
  const squares = find("squares");
  const sum = (squares && find("mean")) ?? find("x");
  const other = squares ?? find("products");
  return sum === undefined || other === undefined ? undefined : [sum, other];
}

interface Cut {
  readonly input: RowLayout;
  /** Elements from one of a slot's numbers to the next. */
  readonly stride: number;
  /** A slot is `partRows` rows of each of `samples` samples; `parts` of them make a sample. */
  readonly samples: number;
  readonly partRows: number;
  readonly parts: number;
  readonly term: "squares" | "products";
  /** Whether the first result is the mean, not the sum. */
  readonly hasMean: boolean;
}

/** Numbers a channel that a slot leaves: both sums, or c, squares and r. */
const numbersOf = ({ term }: Pick<Cut, "term">) => (term === "squares" ? 3 : 2);

export function lowerChannelSums([sum, other]: readonly [Value, Value], to: Lowering): void {
  const image = sum.inputs[0]!;
  const input = to.layout(image);
  const { rows, sampleStride } = input;
  const wanted = Math.min(rows, Math.ceil(sampleStride / (2 * SLOT)));
  const partRows = Math.ceil(rows / wanted);
  const cut: Cut = {
    input: rowLayout(input),
    stride: to.layout(sum).sampleStride,
    samples: Math.max(1, Math.floor(SLOT / sampleStride)),
    partRows,
    parts: Math.ceil(rows / partRows),
    term: termOf(other) as "squares" | "products",
    hasMean: termOf(sum) === "mean",
  };
  const { samples, parts, stride, term } = cut;
  const slots = Math.ceil(to.maxBatch / samples) * parts;
  const partial = to.temporary("partial sums", { fixedBytes: F32 * numbersOf(cut) * stride * slots });
  const beside: Buffer[] = term === "products" ? other.inputs.slice(1).map((v) => to.buffer(v)) : [];
  to.step(to.kernel(slotsKernel, cut), [to.buffer(image), ...beside, partial], { count: parts, samples });
  const pieces = { count: stride / to.target.lanes };
  to.step(to.kernel(joinKernel, cut), [partial, to.buffer(sum), to.buffer(other)], pieces);
}

const slotsKernel = defineKernel<Cut>("channelSums", {
  operands: ({ term }) => [
    ["image", "read"],
    ...(term === "products" ? (["x", "mean"] as const) : []).map((name) => [name, "read"] as const),
    ["sums", "write"],
  ],
  write(k, { input, stride, samples, partRows, parts, term }) {
    const numbers = numbersOf({ term });
    const vectors = channelVectors(input, k.target);
    const { lanes } = vectors;
    // vectors beside one another, and rows in flight: accumulators in half of the registers leave room for what is computed
    const accumulators = Math.ceil(k.target.registers.vector / 2);
    const group = Math.min(vectors.count, Math.max(1, Math.floor(accumulators / 4)));
    const unrollOf = (count: number) => (count * 4 <= accumulators ? 4 : 2);
    const body = (piece: Reg) => {
      const slot = parts === 1 ? piece : k.div(piece, parts);
      const begin = k.var(parts === 1 ? 0 : k.mul(k.mod(piece, parts), partRows), "from");
      const end = k.var(parts === 1 ? input.rows : k.min(k.add(begin, partRows), input.rows), "to");
      const sample = k.var(samples === 1 ? slot : k.mul(slot, samples), "sample");
      const last = k.var(k.min(k.add(sample, samples), k.batch), "last");
      const into = k.var(k.mul(piece, F32 * numbers * stride), "into");
      if (stride > input.channelStride) {
        for (let row = 0; row < numbers; row++)
          storeZeros(
            k,
            k.ptrAdd(k.operand("sums"), into),
            F32 * (row * stride + input.channelStride),
            stride - input.channelStride,
          );
      }
      eachGroup(k, vectors, group, (channel, indices) => {
        const at = k.var(channel ?? 0, "channel");
        const walk = (count: number, add: (sums: readonly Reg[], at: Reg) => void) =>
          addRows(
            k,
            {
              sample: { from: sample, to: last, bytes: F32 * input.sampleStride },
              rows: { from: begin, to: end, bytes: F32 * input.channelStride },
              inner: [],
              start: at,
              count,
              lanes,
              add,
            },
            unrollOf(count),
          );
        const load = (operand: string, bytes: Reg, index: number) =>
          loadChannels(k, vectors, k.ptrAdd(k.operand(operand), bytes), 0, index);
        const store = (row: number, values: readonly Reg[]) => {
          const pointer = k.ptrAdd(k.ptrAdd(k.operand("sums"), into), at);
          for (const [i, index] of indices.entries())
            storeChannels(k, vectors, pointer, F32 * row * stride, index, values[i]!, true);
        };
        if (term === "products") {
          const means = indices.map((index) => load("mean", at, index));
          const sums = walk(2 * indices.length, (accumulators, place) => {
            for (const [i, index] of indices.entries()) {
              const d = load("image", place, index);
              k.updateTo(accumulators[i]!, "fadd", d);
              k.fmaTo(accumulators[indices.length + i]!, d, k.fsub(load("x", place, index), means[i]!));
            }
          });
          store(0, sums.slice(0, indices.length));
          store(1, sums.slice(indices.length));
          return;
        }
        const sums = walk(indices.length, (accumulators, place) => {
          for (const [i, index] of indices.entries()) k.updateTo(accumulators[i]!, "fadd", load("image", place, index));
        });
        const count = k.var(k.mul(k.sub(last, sample), k.sub(end, begin)), "count");
        const terms = () => k.toFloat(k.splatInt(count, lanes));
        const centres = sums.map((sum) => k.fdiv(sum, terms()));
        // pad lanes hold 0 in x, so their centres and deviations are 0, too
        store(0, centres);
        const deviations = walk(2 * indices.length, (accumulators, place) => {
          for (const [i, index] of indices.entries()) {
            const difference = k.fsub(load("image", place, index), centres[i]!);
            k.updateTo(accumulators[i]!, "fadd", difference);
            k.fmaTo(accumulators[indices.length + i]!, difference, difference);
          }
        });
        const rests = deviations.slice(0, indices.length);
        store(2, rests);
        const squares = rests.map((rest, i) => {
          const excess = k.fdiv(k.fmul(rest, rest), terms());
          return k.pmax(k.fsub(deviations[indices.length + i]!, excess), k.splat(0, lanes));
        });
        store(1, squares);
      });
    };
    eachPiece(k, body);
  },
});

/** Adds the slots up in order; one piece is one vector of channels. */
const joinKernel = defineKernel<Cut>("join sums", {
  operands: [
    ["partial", "read"],
    ["sum", "write"],
    ["other", "write"],
  ],
  write(k, cut) {
    const { samples, parts, term, stride } = cut;
    const { lanes } = k.target;
    const slots = k.var(k.mul(k.div(k.add(k.batch, samples - 1), samples), parts), "slots");
    const body = (piece: Reg) => {
      const at = k.mul(piece, F32 * lanes);
      const first = k.ptrAdd(k.operand("partial"), at);
      const load: Load = (slot, row) =>
        k.load(k.ptrAdd(first, k.mul(slot, F32 * numbersOf(cut) * stride)), F32 * row * stride, lanes);
      const [sum, other] = term === "squares" ? joinMoments(k, cut, slots, load) : joinSums(k, slots, load);
      k.store(k.ptrAdd(k.operand("sum"), at), 0, sum);
      k.store(k.ptrAdd(k.operand("other"), at), 0, other);
    };
    k.loop(k.begin, k.end, body, { frame: false, name: "piece" });
  },
});

/** One of a slot's numbers. */
type Load = (slot: Reg, row: number) => Reg;

function joinSums(k: KernelBuilder, slots: Reg, load: Load): [Reg, Reg] {
  const { lanes } = k.target;
  const total = k.acc(0, lanes, "total");
  const other = k.acc(0, lanes, "other");
  k.loop(0, slots, (slot) => {
    k.updateTo(total, "fadd", load(slot, 0));
    k.updateTo(other, "fadd", load(slot, 1));
  });
  return [total, other];
}

/** The sum or the mean, and the squared deviations from it. */
function joinMoments(k: KernelBuilder, cut: Cut, slots: Reg, load: Load): [Reg, Reg] {
  const { input, samples, partRows, parts, hasMean } = cut;
  const { lanes } = k.target;
  const termsOf = (slot: Reg) => {
    const sample = k.mul(parts === 1 ? slot : k.div(slot, parts), samples);
    const here = k.min(k.sub(k.batch, sample), samples);
    const row = parts === 1 ? k.int(0) : k.mul(k.mod(slot, parts), partRows);
    return k.toFloat(k.splatInt(k.mul(here, k.min(k.sub(input.rows, row), partRows)), lanes));
  };
  const centre = load(k.int(0), 0);
  const distances = k.acc(0, lanes, "distances");
  const centres = k.acc(0, lanes, "centres");
  k.loop(0, slots, (slot) => {
    k.updateTo(centres, "fadd", load(slot, 0));
    k.fmaTo(distances, termsOf(slot), k.fsub(load(slot, 0), centre));
    k.updateTo(distances, "fadd", load(slot, 2));
  });
  const all = k.toFloat(k.splatInt(k.mul(k.batch, input.rows), lanes));
  const shift = k.fdiv(distances, all);
  const squares = k.acc(0, lanes, "squares");
  k.loop(0, slots, (slot) => {
    const terms = termsOf(slot);
    const distance = k.fadd(k.fsub(load(slot, 0), centre), k.fdiv(load(slot, 2), terms));
    const off = k.fsub(distance, shift);
    k.updateTo(squares, "fadd", load(slot, 1));
    k.fmaTo(squares, k.fmul(off, off), terms);
  });
  const sum = hasMean ? k.fadd(centre, shift) : k.fma(centre, all, distances);
  // the distance from an infinite centre is NaN, where the sum itself may be infinite
  return [k.select(k.cmp("unordered", sum, sum), centres, sum), squares];
}
