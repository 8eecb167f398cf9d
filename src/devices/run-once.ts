/** A run of an executable in one call: inputs in, outputs out. */
import { OptionError, unknownName } from "../base/errors.js";
import { isRecord, mismatch } from "../base/options.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import type { Executable, Given, Numbers, PortDescription } from "./device.js";
import { checkNumbers } from "./given-numbers.js";

/** @throws OptionError where an input is unknown, missing or not of exactly `batch` samples. */
export async function runOnce(
  executable: Executable,
  given: Readonly<Record<string, Given>>,
  batch?: number,
): Promise<Record<string, Numbers>> {
  const { name: program, inputs, outputs, maxBatch } = executable;
  const names = inputs.map((port) => port.name);
  if (!isRecord(given)) throw mismatch(`program "${program}": the inputs`, given, "an object of numbers by name");
  for (const name of Object.keys(given))
    if (!names.includes(name)) throw unknownName(`input of program "${program}"`, name, names);
  const lists = inputs.map((port) => listOf(port, given[port.name], program));
  const samples = batch ?? samplesIn(inputs, lists);
  if (!Number.isInteger(samples) || samples < 1 || samples > maxBatch)
    throw new OptionError(
      `program "${program}": batch ${samples} is not a whole number from 1 to ${maxBatch}; a larger one goes in parts, or compile it with a larger maxBatch`,
    );
  for (const [i, port] of inputs.entries()) {
    const expected = sizeOf(port.shape) * (port.batched ? samples : 1);
    if (lists[i]!.length !== expected)
      throw new OptionError(
        `input "${port.name}" of program "${program}": ${lists[i]!.length} numbers given, expected ${expected} at batch ${samples} (${shapeText(port)})`,
      );
  }
  const slot = await executable.acquire();
  try {
    for (const [i, name] of names.entries()) slot.fill(name, lists[i]!);
    await slot.run(samples);
    return Object.fromEntries(outputs.map(({ name }) => [name, slot.output(name)]));
  } finally {
    slot.release();
  }
}

function listOf(port: PortDescription, given: Given | undefined, program: string): Numbers | readonly number[] {
  if (given === undefined)
    throw new OptionError(
      `program "${program}": input "${port.name}" is missing; it takes ${port.dtype} ${shapeText(port)}`,
    );
  if (typeof given === "number") return [given];
  checkNumbers(given, `input "${port.name}" of program "${program}"`);
  return given;
}

/** As the first input with a batch has them, rounded up; what does not fit is found by its length. */
function samplesIn(inputs: readonly PortDescription[], lists: readonly { readonly length: number }[]): number {
  const first = inputs.findIndex(({ batched }) => batched);
  return first < 0 ? 1 : Math.ceil(lists[first]!.length / Math.max(1, sizeOf(inputs[first]!.shape)));
}
