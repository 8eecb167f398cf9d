/** A run of an executable in one call: inputs in, outputs out. */
import { OptionError, unknownName } from "../base/errors.js";
import { sizeOf } from "../graph/shape.js";
import type { Executable, Numbers } from "./device.js";

/** @throws OptionError where an input is unknown, missing or not of exactly `batch` samples. */
export async function runOnce(
  executable: Executable,
  given: Readonly<Record<string, Numbers | readonly number[]>>,
  batch: number,
): Promise<Record<string, Numbers>> {
  const { name: program, inputs, outputs } = executable;
  const names = inputs.map((port) => port.name);
  for (const name of Object.keys(given))
    if (!names.includes(name)) throw unknownName(`input of program "${program}"`, name, names);
  for (const { name, shape, batched } of inputs) {
    const data = given[name];
    if (data === undefined) throw new OptionError(`program "${program}": input "${name}" is missing`);
    const expected = sizeOf(shape) * (batched ? batch : 1);
    if (data.length !== expected)
      throw new OptionError(
        `input "${name}" of program "${program}": ${data.length} numbers given, expected ${expected} at batch ${batch}`,
      );
  }
  const slot = await executable.acquire();
  try {
    for (const name of names) slot.fill(name, given[name]!);
    await slot.run(batch);
    return Object.fromEntries(outputs.map(({ name }) => [name, slot.output(name)]));
  } finally {
    slot.release();
  }
}
