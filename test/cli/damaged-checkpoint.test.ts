/** A checkpoint in which a bit was turned is refused, and the run goes on from the one before it to the same bits. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseSafetensors } from "#fovea/formats/safetensors/safetensors.js";
import { writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { fovea, startFovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

const RUN = ["train", "lenet5", "--data", "./digits", "--epochs", "6", "--batch-size", "2", "--no-report"];
const OFTEN = ["--checkpoint-every", "0.02", "--json"];

it("is told, with the checkpoint before it to go on from", async () => {
  const folder = temporaryFolder();
  writePictures(folder);
  const run = startFovea([...RUN, ...OFTEN, "--out", "run"], folder);
  await run.said('"epoch":1');
  run.child.kill("SIGINT");
  expect((await run.ended).code).toBe(130);
  cpSync(join(folder, "run"), join(folder, "whole"), { recursive: true });
  const checkpoint = join(folder, "run", "checkpoint.safetensors");
  const bytes = readFileSync(checkpoint);
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(checkpoint, bytes);

  const refused = await fovea(["train", "--resume", "run", "--json"], folder);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /^fovea: run\/checkpoint\.safetensors: the checkpoint is damaged: the numbers of "[\w.]+" are not what was written; go on from the one before it, step \d+: --resume run\/checkpoint-before\.safetensors\n$/,
  );
  for (const from of ["run/checkpoint-before.safetensors", "whole"]) {
    const resumed = await fovea(["train", "--resume", from, "--json"], folder);
    expect([resumed.stderr, resumed.code]).toEqual(["", 0]);
  }
  const [one, other] = ["run", "whole"].map((name) => readFileSync(join(folder, name, "model.safetensors")));
  expect(one!.equals(other!)).toBe(true);
  expect(existsSync(join(folder, "run", "checkpoint-before.safetensors"))).toBe(false);

  // The run is over: what it ended with is all there is.
  writeFileSync(checkpoint, bytes.subarray(0, 1000));
  const over = await fovea(["train", "--resume", "run", "--json"], folder);
  expect(over.stderr).toContain("there is no other to go on from; start a new run, from the weights in run");
  rmSync(checkpoint);
});

it("is read without a sum, as versions before wrote it", async () => {
  const folder = temporaryFolder();
  writePictures(folder);
  const run = startFovea([...RUN, ...OFTEN, "--out", "run"], folder);
  await run.said('"epoch":1');
  run.child.kill("SIGINT");
  await run.ended;
  const path = join(folder, "run", "checkpoint.safetensors");
  const { tensors, metadata } = parseSafetensors(readFileSync(path));
  const { checksums, ...others } = metadata;
  expect(JSON.parse(checksums!).tensors["conv1.bias"]).toEqual(["6", expect.stringMatching(/^[0-9a-f]{32}$/)]);
  await writeSafetensorsFile(path, tensors, others);
  expect((await fovea(["train", "--resume", "run", "--json"], folder)).code).toBe(0);
});
