/**
 * The step of an op without a kernel: its inputs are read from the program's memory, the op's `reference` is called on
 * them, in float64, and its result is written back, rounded to float32. On the caller's thread, since an op is code of
 * this thread's.
 */
import { BackendError } from "../../base/errors.js";
import type { Program } from "../../compiler/program.js";
import { namedOp } from "../../graph/op-names.js";
import { sameShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { ReferenceCall } from "../../kernels/contract/emitter.js";
import type { Layout } from "../../kernels/contract/layout.js";
import type { OperandMemory } from "./backends/backend.js";
import { type Numbers, numbersFor, pack, unpack, viewOf } from "./memory/copy.js";

/** `operands`: the inputs, then the result. */
export function callReference(call: ReferenceCall, operands: readonly OperandMemory[], batch: number): void {
  const op = namedOp(call.op);
  if (op === undefined) throw new BackendError(`there is no op "${call.op}" any more`);
  const inputs = call.inputs.map((layout, i) => tensorOf(operands[i]!, layout, batch));
  const { output } = call;
  const expected = extentsOf(output, batch);
  const result = op.reference(inputs, call.attributes, output, batch);
  const { shape, data } = result ?? {};
  if (!Array.isArray(shape) || !sameShape(shape, expected) || data?.length !== sizeOf(expected))
    throw new BackendError(
      `${call.op}: its reference gives ${data?.length} numbers of shape [${shape}], expected shape [${expected.join(", ")}]`,
    );
  const to = numbersOf(operands.at(-1)!, output);
  // what lay there before must not stay in pad lanes
  to.fill(0, 0, Math.min(to.length, output.sampleStride * (output.batched ? batch : 1)));
  pack(to, output, rounded(data, output), batch, call.op);
}

/** The ops of a program that have no kernel, each once. */
export function referencedOps({ prepare, steps }: Program): readonly string[] {
  return [...new Set([...prepare, ...steps].flatMap(({ reference }) => reference?.op ?? []))];
}

function tensorOf(memory: OperandMemory, layout: Layout, batch: number): Tensor {
  const data = unpack(numbersOf(memory, layout), layout, batch);
  return { shape: extentsOf(layout, batch), data: Float64Array.from(data) };
}

const numbersOf = ({ segment, offset, bytes }: OperandMemory, layout: Layout): Numbers =>
  viewOf(segment, offset, bytes, layout);

const extentsOf = ({ batched, shape }: Layout, batch: number): readonly number[] =>
  batched ? [batch, ...shape] : shape;

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function rounded(data: ArrayLike<number>, layout: Layout): Numbers {
  const numbers = numbersFor(layout, data.length);
  numbers.set(data);
  return numbers;
}
