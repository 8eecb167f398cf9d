/**
 * A published ResNet-20 for CIFAR-10: its logits on the first 100 pictures of a sheet, and how many of the sheet's 1,000 it
 * names rightly. The data is not part of the project: FOVEA_DATA says where it is.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { expect, it } from "vitest";
import { createClassifier } from "#fovea/model/classifier.js";
import { parseModel } from "#fovea/model/model-file.js";
import * as models from "#fovea/models/index.js";

const data = process.env["FOVEA_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const weights = `${data}/weights/cifar10-resnet20/resnet20-12fca82f.safetensors`;
const golden = `${data}/weights/cifar10-resnet20/golden_resnet20_logits_test00_first100_f32le.bin`;
const sheet = `${data}/cifar10/test_00.png`;
const labels = `${data}/cifar10/test_labels.bin`;
const absent = [weights, golden, sheet, labels].filter((file) => !existsSync(file));

/** Picture i of a sheet: 40 a row, 32x32 each. */
function picture(pixels: Uint8Array, i: number): Uint8Array {
  const [left, top] = [(i % 40) * 32, Math.floor(i / 40) * 32];
  const line = (y: number) => pixels.subarray(((top + y) * 1280 + left) * 3, ((top + y) * 1280 + left + 32) * 3);
  return Buffer.concat(Array.from({ length: 32 }, (_, y) => line(y)));
}

const title = `reproduces the published logits and names 909 of 1,000${absent.length === 0 ? "" : " (skipped: no data, see FOVEA_DATA)"}`;
it.skipIf(absent.length > 0)(title, async () => {
  const model = parseModel(readFileSync(weights), { network: "resnet20" }, weights);
  expect(model.scaling).toEqual(models.definitionOf("resnet20").scaling);
  const { data: pixels, info } = await sharp(sheet).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([1280, 800, 3]);
  const classify = await createClassifier(model, { batch: 50, note: () => {} });
  const answers = await classify.all(Array.from({ length: 1000 }, (_, i) => picture(pixels, i)));
  await classify.close();
  const expected = new Float32Array(Uint8Array.from(readFileSync(golden)).buffer);
  expect(expected).toHaveLength(100 * 10);
  for (const [i, logit] of expected.entries()) {
    expect(Math.abs(answers[Math.floor(i / 10)]!.logits[i % 10]! - logit)).toBeLessThan(1e-3);
  }
  const right = readFileSync(labels);
  expect(answers.filter(({ label }, i) => label === right[i])).toHaveLength(909);
});
