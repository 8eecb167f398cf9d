/** Options of every network of the zoo: whatever they are, a network is made at once or refused in words. */
import { expect, it } from "vitest";
import { FoveaError } from "#fovea/base/errors.js";
import { encodeSafetensors } from "#fovea/formats/safetensors/safetensors.js";
import { parseModel } from "#fovea/model/model-file.js";
import { create, list, type ModelOption } from "#fovea/models/index.js";
import { savedOf } from "#fovea/nn/index.js";

const WRONG = [-1e9, -1, 0, 0.5, 1.5, 64, 65_536, 65_537, 1e8, 2 ** 31, 1e308, Number.NaN, Number.POSITIVE_INFINITY];
const LENGTHS = [0, 1, 64, 65, 1e6];

const all = [...list("classification"), ...list("segmentation")];

it.each(all.map(({ name, defaults }) => [name, defaults] as const))("%s", (name, defaults) => {
  const tensors = (option: string, value: ModelOption): number => {
    try {
      return savedOf(create(name, { [option]: value }).module).size;
    } catch (error) {
      expect(error, `${option} ${String(value).slice(0, 80)}`).toBeInstanceOf(FoveaError);
      expect((error as Error).message.length).toBeLessThan(2000);
      return 0;
    }
  };
  for (const [option, standard] of Object.entries(defaults)) {
    const numbers = Array.isArray(standard)
      ? [
          ...WRONG.flatMap((value) => [standard.map(() => value), [value]]),
          ...LENGTHS.map((length) => new Array<number>(length).fill(1)),
        ]
      : WRONG;
    for (const value of typeof standard === "string" || typeof standard === "boolean" ? [""] : numbers) {
      expect(tensors(option, value), `${option} ${String(value).slice(0, 80)}`).toBeLessThan(3000);
    }
  }
});

it("says the bound", () => {
  expect(() => create("alphago-policy", { layers: 1e8 })).toThrow(
    "alphago-policy: option layers is 100000000, expected a number of at most 1000",
  );
  expect(() => create("resnet18", { size: Number.POSITIVE_INFINITY })).toThrow(
    "resnet18: option size is Infinity, expected a number of at most 65536",
  );
  expect(() => create("unet", { widths: new Array<number>(1e5).fill(1) })).toThrow(
    "unet: option widths has 100000 numbers, expected at most 64",
  );
});

it("refuses a file that asks for more than its tensors can fill, before it is built", () => {
  const file = (options: object) => {
    const metadata = { format: "fovea", version: "1", network: "alphago-policy", options: JSON.stringify(options) };
    return Buffer.concat(encodeSafetensors([], metadata));
  };
  expect(() => parseModel(file({ layers: 1e8 }), {}, "a.safetensors")).toThrow(
    "a.safetensors: names a network that cannot be made: alphago-policy: option layers is 100000000, expected a number of at most 1000",
  );
  const began = process.memoryUsage().arrayBuffers;
  expect(() => parseModel(file({ layers: 1000, filters: 65_536 }), {}, "a.safetensors")).toThrow(
    /does not fit alphago-policy: tensor "conv1.weight" \(65536x48x5x5\) is missing; .*; and 1980 more\. .* The file holds no tensors$/,
  );
  expect(process.memoryUsage().arrayBuffers - began).toBeLessThan(50e6);
});
