/** Runs one op, or a small graph, through the float64 oracle. */
import { evaluate } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { DType } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";

/** An input for `run`: all extents and numbers; the first extent is the batch unless `batched` is false. */
export interface Given {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  readonly batched?: boolean;
  readonly dtype?: DType;
}

export const image = (...rows: (readonly number[])[]): Given => ({
  shape: [1, rows.length, rows[0]!.length, 1],
  data: rows.flat(),
});
/** A filter of one channel to one map. */
export const filter = (...rows: (readonly number[])[]): Given => ({
  shape: [rows.length, rows[0]!.length, 1, 1],
  data: rows.flat(),
  batched: false,
});
export const vector = (...data: number[]): Given => ({ shape: [data.length], data, batched: false });
export const rows = (...data: (readonly number[])[]): Given => ({
  shape: [data.length, data[0]!.length],
  data: data.flat(),
});
export const labels = (...data: number[]): Given => ({ shape: [data.length], data, dtype: "i32" });

function feed(graph: Graph, given: readonly Given[]) {
  const inputs: Record<string, Tensor> = {};
  const values = given.map(({ shape, data, batched = true, dtype = "f32" }, i) => {
    inputs[`x${i}`] = tensor(shape, data);
    return graph.input(`x${i}`, { shape: batched ? shape.slice(1) : shape, batched, dtype });
  });
  const batch = given.find((g) => g.batched ?? true)?.shape[0] ?? 1;
  return { inputs, values, batch };
}

/** The result of `make`. */
export function run(given: readonly Given[], make: (...values: Value[]) => Value): Tensor {
  const { inputs, values, batch } = feed(new Graph(), given);
  return evaluate([make(...values)], { inputs }, batch)[0]!;
}

/** The result of `make`, and what reaches each float input when `dy` comes from above. */
export function runWithGradients(given: readonly Given[], dy: ArrayLike<number>, make: (...values: Value[]) => Value) {
  const graph = new Graph();
  const { inputs, values, batch } = feed(graph, given);
  const y = make(...values);
  const weights = graph.input("dy", y);
  const loss = sum(multiply(y, weights), { batch: y.batched });
  const gradients = differentiate(
    loss,
    values.filter((v) => v.dtype === "f32"),
  );
  inputs["dy"] = tensor(y.batched ? [batch, ...y.shape] : y.shape, dy);
  const [result, ...reached] = evaluate([y, ...gradients], { inputs }, batch);
  return { y: result!, gradients: reached };
}

export const numbers = (t: Tensor): number[] => [...t.data];
/** A tensor's rows, its last axis across; a single channel counts as no axis. */
export function table(t: Tensor): number[][] {
  const shape = t.shape.at(-1) === 1 && t.shape.length > 2 ? t.shape.slice(0, -1) : t.shape;
  const width = shape.at(-1)!;
  return Array.from({ length: t.data.length / width }, (_, i) => [...t.data.slice(i * width, (i + 1) * width)]);
}
