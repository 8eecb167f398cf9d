/**
 * Several sums over batch and pixels of what stands in the same image, in one pass over memory: of x itself, of d (x - mean),
 * and of the squared deviations of x from its own mean, which batch normalisation needs in pairs, forward and backward.
 *
 * The image is cut into slots that depend on the shape alone, small enough to stay in a core's cache. Squared deviations are
 * taken from the slot's own mean, in a second walk over the slot, and joined as Chan, Golub and LeVeque (1979) do for parts
 * of a sample: with n_s numbers of sum t_s and squared deviations q_s in slot s, and the mean m of all,
 *
 *     q = sum of q_s + (t_s - n_s m)^2 / n_s
 */
import type { KernelBuilder } from "../codegen/builder.js";
import { defineKernel } from "../codegen/definition.js";
import type { Reg } from "../codegen/ir.js";
import type { Value } from "../graph/value.js";
import { type ChannelVectors, channelVectors, eachGroup, loadChannels, storeChannels, storeZeros } from "./channels.js";
import { type RowLayout, rowLayout } from "./layout.js";
import { SLOT } from "./slots.js";
import type { Buffer, Lowering } from "./strategy.js";
import { addRows } from "./sum-rows.js";

/** What is added up of every element. */
type Term = "x" | "squares" | "products";

/** Which sum a node is, if it is one of these: over all axes but the last, and the batch. */
function termOf(node: Value): Term | undefined {
  if (node.op.name === "centredProducts") return "products";
  if (node.op.name === "squaredDeviations")
    return (node.attributes as { readonly ownMean: boolean }).ownMean ? "squares" : undefined;
  if (node.op.name !== "sum") return undefined;
  const { axes, batch, mean } = node.attributes as {
    readonly axes: readonly number[];
    readonly batch: boolean;
    readonly mean: boolean;
  };
  const rank = node.inputs[0]!.shape.length;
  return batch && !mean && rank > 0 && axes.length === rank - 1 && !axes.includes(rank - 1) ? "x" : undefined;
}

/** What a sum reads when it is made together with others: squared deviations find the mean themselves. */
export function readsTogether(node: Value): readonly Value[] {
  return termOf(node) === "squares" ? node.inputs.slice(0, 1) : node.inputs;
}

/**
 * Of the nodes that read `image`, the two that are made in one pass over it; undefined where there are none. What else they
 * read is older than the image, so that none of it can wait for one of the sums.
 */
export function sumsTogether(image: Value, users: readonly Value[]): readonly [Value, Value] | undefined {
  const find = (term: Term) =>
    users.find(
      (user) =>
        user.inputs[0] === image &&
        termOf(user) === term &&
        readsTogether(user).every((input) => input === image || input.id < image.id),
    );
  const sum = find("x");
  const other = find("squares") ?? find("products");
  return sum === undefined || other === undefined ? undefined : [sum, other];
}

interface Cut {
  readonly input: RowLayout;
  /** Elements from one of a slot's sums to the next. */
  readonly stride: number;
  /** A slot is `partRows` rows of each of `samples` samples; `parts` of them make a sample. */
  readonly samples: number;
  readonly partRows: number;
  readonly parts: number;
  readonly term: "squares" | "products";
}

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
  };
  const { samples, parts, stride, term } = cut;
  const slots = Math.ceil(to.maxBatch / samples) * parts;
  const partial = to.temporary("partial sums", { fixedBytes: 8 * stride * slots });
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
    const vectors = channelVectors(input, k.target);
    const { lanes } = vectors;
    // vectors beside one another, and rows in flight: as many accumulators as leave room for what is computed
    const wide = k.target.vectorRegisters >= 32;
    const group = Math.min(vectors.count, wide ? 4 : 2);
    const unroll = group * (term === "products" ? 2 : 1) * 4 <= (wide ? 16 : 8) ? 4 : 2;
    const body = (piece: Reg) => {
      const slot = parts === 1 ? piece : k.div(piece, parts);
      const begin = k.var(parts === 1 ? 0 : k.mul(k.mod(piece, parts), partRows), "from", { frame: true });
      const end = k.var(parts === 1 ? input.rows : k.min(k.add(begin, partRows), input.rows), "to", { frame: true });
      const sample = k.var(samples === 1 ? slot : k.mul(slot, samples), "sample", { frame: true });
      const last = k.var(k.min(k.add(sample, samples), k.batch), "last", { frame: true });
      const into = k.var(k.mul(piece, 8 * stride), "into", { frame: true });
      if (stride > input.channelStride) {
        for (const row of [0, 1])
          storeZeros(
            k,
            k.ptrAdd(k.operand("sums"), into),
            4 * (row * stride + input.channelStride),
            stride - input.channelStride,
          );
      }
      eachGroup(k, vectors, group, (channel, indices) => {
        const at = k.var(channel ?? 0, "channel", { frame: true });
        const walk = (count: number, add: (sums: readonly Reg[], at: Reg) => void) =>
          addRows(
            k,
            {
              sample: { from: sample, to: last, bytes: 4 * input.sampleStride },
              rows: { from: begin, to: end, bytes: 4 * input.channelStride },
              inner: [],
              start: at,
              count,
              lanes,
              add,
            },
            unroll,
          );
        const load = (operand: string, bytes: Reg, index: number) =>
          loadChannels(k, vectors, k.ptrAdd(k.operand(operand), bytes), 0, index);
        const store = (row: number, values: readonly Reg[]) => {
          const pointer = k.ptrAdd(k.ptrAdd(k.operand("sums"), into), at);
          for (const [i, index] of indices.entries())
            storeChannels(k, vectors, pointer, 4 * row * stride, index, values[i]!, true);
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
        store(0, sums);
        const terms = termsOf(k, k.sub(last, sample), k.sub(end, begin), lanes);
        const means = sums.map((sum) => k.fdiv(sum, terms));
        const squares = walk(indices.length, (accumulators, place) => {
          for (const [i, index] of indices.entries()) {
            const difference = k.fsub(load("image", place, index), means[i]!);
            k.fmaTo(accumulators[i]!, difference, difference);
          }
        });
        // pad lanes hold 0 in x, so their means and squares are 0, too
        store(1, squares);
      });
    };
    k.loop(k.begin, k.end, body, { frame: true, name: "piece" });
  },
});

/** samples x rows in every lane. */
function termsOf(k: KernelBuilder, samples: Reg, rows: Reg, lanes: ChannelVectors["lanes"]): Reg {
  return k.toFloat(k.splatInt(k.mul(samples, rows), lanes));
}

/** Adds the slots up in order; one piece is one vector of channels. */
const joinKernel = defineKernel<Cut>("join sums", {
  operands: [
    ["partial", "read"],
    ["sum", "write"],
    ["other", "write"],
  ],
  write(k, { input, stride, samples, partRows, parts, term }) {
    const { lanes } = k.target;
    const slots = k.var(k.mul(k.div(k.add(k.batch, samples - 1), samples), parts), "slots", { frame: true });
    const body = (piece: Reg) => {
      const at = k.mul(piece, 4 * lanes);
      const first = k.ptrAdd(k.operand("partial"), at);
      const load = (slot: Reg, row: number) =>
        k.load(k.ptrAdd(first, k.mul(slot, 8 * stride)), 4 * row * stride, lanes);
      const total = k.acc(0, lanes, "total");
      const other = k.acc(0, lanes, "other");
      k.loop(0, slots, (slot) => {
        k.updateTo(total, "fadd", load(slot, 0));
        k.updateTo(other, "fadd", load(slot, 1));
      });
      if (term === "squares") {
        const mean = k.fdiv(total, termsOf(k, k.batch, k.int(input.rows), lanes));
        k.loop(0, slots, (slot) => {
          const sample = k.mul(parts === 1 ? slot : k.div(slot, parts), samples);
          const here = k.min(k.sub(k.batch, sample), samples);
          const row = parts === 1 ? k.int(0) : k.mul(k.mod(slot, parts), partRows);
          const terms = termsOf(k, here, k.min(k.sub(input.rows, row), partRows), lanes);
          const off = k.fnma(terms, mean, load(slot, 0));
          k.updateTo(other, "fadd", k.fdiv(k.fmul(off, off), terms));
        });
      }
      k.store(k.ptrAdd(k.operand("sum"), at), 0, total);
      k.store(k.ptrAdd(k.operand("other"), at), 0, other);
    };
    k.loop(k.begin, k.end, body, { name: "piece" });
  },
});
