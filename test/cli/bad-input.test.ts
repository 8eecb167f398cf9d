/** Everything a user can get wrong: one clear line on standard error, a code that is not 0, and nothing left behind. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { TensorToWrite } from "#fovea/formats/safetensors/safetensors.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { fovea } from "../support/cli.js";
import { pictures, writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  writePictures(folder, 60, 20);
});

/** Runs, expects the failure, and that nothing was written. */
async function fails(args: readonly string[], code: number, ...texts: (string | RegExp)[]): Promise<string> {
  const before = readdirSync(folder, { recursive: true }).sort();
  const { stdout, stderr, code: found } = await fovea(args, folder);
  for (const text of texts) expect(stderr).toMatch(text);
  expect(stderr).toMatch(/^fovea: /);
  expect(stderr).not.toContain("    at ");
  expect(stdout).not.toContain("Wrote");
  expect(found).toBe(code);
  expect(readdirSync(folder, { recursive: true }).sort()).toEqual(before);
  return stderr;
}

const TRAIN = ["train", "mlp", "--data", "./digits", "--epochs", "1"];

describe("words", () => {
  it.each<[string, string[], string]>([
    ["a network", ["train", "lenet", "--data", "./digits"], 'unknown network "lenet"; did you mean "lenet5"?'],
    ["a flag", [...TRAIN, "--epoch", "3"], "unknown option '--epoch'"],
    ["a command", ["trian"], "unknown command 'trian'"],
    ["a value", [...TRAIN, "--optimizer", "adm"], 'unknown value of --optimizer "adm"; did you mean "adam"?'],
    ["a backend", [...TRAIN, "--backend", "avx51"], 'did you mean "avx512"?'],
    ["a data set", ["train", "mlp", "--data", "mnits"], 'unknown data set "mnits"; did you mean "mnist"?'],
    ["an option", [...TRAIN, "--option", "clases=10"], 'unknown option of mlp "clases"; did you mean "classes"?'],
  ])("names the nearest of %s", async (_, args, text) => {
    const said = await fails(args, 2, text);
    if (text.includes("--epoch'")) expect(said).toContain("(Did you mean --epochs?)");
    if (text.includes("trian")) expect(said).toContain("(Did you mean train?)");
  });

  it.each<[string[], string]>([
    [["train"], "or a run to go on with: --resume RUN"],
    [["train", "mlp"], "train: say what to learn from, such as --data mnist"],
    [[...TRAIN, "--epochs", "0"], "--epochs 0: expected a whole number of at least 1"],
    [[...TRAIN, "--batch-size", "2.5"], "--batch-size 2.5: expected a whole number of at least 1"],
    [[...TRAIN, "--lr", "fast"], "--lr fast: expected a number of at least 0"],
    [[...TRAIN, "--momentum", "2"], "sgd: momentum is 2, expected a number from 0 to 1"],
    [[...TRAIN, "--optimizer", "adam", "--momentum", "0.5"], "--momentum: optimizer adam has no momentum"],
    [[...TRAIN, "--schedule", "step"], "give the epochs at which the rate falls, such as --milestones 3,5"],
    [[...TRAIN, "--gamma", "0.5"], "--gamma: schedule cosine has no gamma"],
    [[...TRAIN, "--memory-limit", "much"], "--memory-limit much: expected a size such as 500MB, 2GB or 2GiB"],
    [[...TRAIN, "--option", "classes"], "--option classes: expected key=value"],
    [[...TRAIN, "--threads", "1000"], "threads 1000: expected a whole number from 1 to 256"],
    [["eval"], "missing required argument 'model'"],
  ])("%j: %s", async (args, text) => {
    expect((await fails(args, 2)).includes(text)).toBe(true);
  });
});

describe("data", () => {
  const file = (name: string) => join(folder, "digits", name);

  it("that is cut short", async () => {
    const path = file("train-images-idx3-ubyte");
    writeFileSync(path, readFileSync(path).subarray(0, 20_000));
    await fails(TRAIN, 1, /train-images-idx3-ubyte: .*(cut short|truncated|20000)/);
  });

  it("with a wrong magic number", async () => {
    const path = file("train-labels-idx1-ubyte");
    const bytes = readFileSync(path);
    bytes[0] = 0x50;
    writeFileSync(path, bytes);
    await fails(TRAIN, 1, /train-labels-idx1-ubyte: .*(magic|IDX)/);
  });

  it("whose images and labels differ in count", async () => {
    const other = temporaryFolder();
    writePictures(other, 50, 20);
    writeFileSync(file("train-labels-idx1-ubyte"), readFileSync(join(other, "digits", "train-labels-idx1-ubyte")));
    await fails(TRAIN, 1, /holds 60 images but .* holds 50 labels; both must belong to one set/);
  });

  it("that is not there", async () => {
    await fails(["train", "mlp", "--data", "./none"], 1, /none: no such folder/);
    rmSync(file("t10k-labels-idx1-ubyte"));
    await fails(TRAIN, 1, /t10k-labels-idx1-ubyte missing/);
  });

  it("of a size that the network does not take", async () => {
    await fails([...TRAIN, "--option", "size=27"], 1, /pictures are 28x28x1, but the network takes 27x27x1/);
    await fails(
      [...TRAIN, "--option", "classes=3"],
      1,
      /has 10 classes, but the network tells 3 apart; set its option classes to 10/,
    );
  });
});

describe("memory", () => {
  it("that is too small for the batch, before anything is allocated", async () => {
    await fails(
      [...TRAIN, "--memory-limit", "1MB"],
      1,
      /memoryLimit allows 977 KiB; the least that would do is a memoryLimit of \d+MB; or choose a smaller batch than \d+/,
    );
  });
});

describe("models", () => {
  let path: string;
  beforeEach(async () => {
    path = join(folder, "model.safetensors");
    await saveModel(path, untrained(models.create("mlp"), { data: pictures(10) }));
  });
  const refused = (...texts: (string | RegExp)[]) => fails(["eval", path, "--data", "./digits"], 1, ...texts);
  const change = async (edit: (tensors: Map<string, TensorToWrite>) => void) => {
    const { tensors, metadata } = await readSafetensorsFile(path);
    const copy = new Map<string, TensorToWrite>(tensors);
    edit(copy);
    await writeSafetensorsFile(path, copy, metadata);
  };

  it("that are whole are taken", async () => {
    expect((await fovea(["eval", path, "--data", "./digits"], folder)).code).toBe(0);
  });
  it("cut short", async () => {
    writeFileSync(path, readFileSync(path).subarray(0, 5000));
    await refused(/model.safetensors: cut short: tensor/);
  });
  it("that are no safetensors", async () => {
    writeFileSync(path, '{"layers": []}');
    await refused(/not a safetensors file: this looks like a JSON text/);
  });
  it("with a tensor missing", async () => {
    await change((tensors) => tensors.delete("fc2.bias"));
    await refused('does not fit mlp: tensor "fc2.bias" (100) is missing');
  });
  it("with a tensor added", async () => {
    await change((tensors) => tensors.set("fc9.bias", { shape: [3], data: new Float32Array(3) }));
    await refused('tensor "fc9.bias" (3) belongs to no parameter');
  });
  it("with a tensor of another shape", async () => {
    await change((tensors) => tensors.set("fc2.bias", { shape: [5], data: new Float32Array(5) }));
    await refused('tensor "fc2.bias" is 5, expected 100');
  });
  it("that are a run without a model yet, or not there", async () => {
    mkdirSync(join(folder, "runs", "x"), { recursive: true });
    await fails(["eval", "runs/x"], 1, "runs/x: holds no run (no config.json in it)");
    await fails(["eval", "model.none"], 1, "model.none: no such file");
    await fails(["summary", "./none.safetensors"], 1, "none.safetensors: no such file");
  });
});

describe("training", () => {
  it("whose loss is not finite stops with step, rate and what to try, and breaks no model", async () => {
    expect((await fovea([...TRAIN, "--epochs", "2", "--out", "run"], folder)).code).toBe(0);
    const args = ["train", "lenet5", "--data", "./digits", "--epochs", "2", "--lr", "1e10", "--batch-size", "8"];
    const { code, stderr } = await fovea([...args, "--out", "broken", "--checkpoint-every", "0"], folder);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^fovea: .* is not finite at step \d+ \(epoch 1\) with learning rate [\de.+]+: try a lower learning rate/,
    );
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(join(folder, "broken"))).not.toContain("model.safetensors");
  });
});

describe("disks", () => {
  /** A file system of 64 kB; undefined where one may not be mounted. */
  function smallDisk(options: string): string | undefined {
    const path = join(folder, "disk");
    mkdirSync(path);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]).status !== 0) return undefined;
    onTestFinished(() => {
      spawnSync("umount", ["-l", path]);
    });
    return path;
  }

  it("that are full end the run with a clear error, and leave no half file", async ({ skip }) => {
    const disk = smallDisk("size=64k");
    if (disk === undefined) return skip("no file system may be mounted here");
    const { code, stderr } = await fovea([...TRAIN, "--out", disk], folder);
    expect(stderr).toMatch(
      /^fovea: .*\.safetensors: could not be written: the disk is full \(\d+ bytes free in .*\); \d+ bytes are needed/,
    );
    expect(code).toBe(1);
    expect(readdirSync(disk)).toEqual(["config.json"]);
  });

  it("that become full keep the checkpoint before, which goes on when there is room", async ({ skip }) => {
    // Room for the run's files and one being written, until something else takes it.
    const disk = smallDisk("size=8m");
    if (disk === undefined) return skip("no file system may be mounted here");
    const run = join(disk, "run");
    const args = ["train", "mlp", "--data", "./digits", "--epochs", "3", "--batch-size", "8"];
    expect((await fovea([...args, "--out", join(folder, "whole")], folder)).code).toBe(0);
    expect((await fovea([...args, "--out", run], folder, { FOVEA_THREADS: "1" })).code).toBe(0);
    const checkpoint = readFileSync(join(run, "checkpoint.safetensors"));
    rmSync(join(run, "model.safetensors"));
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, "more"), new Uint8Array(bavail * bsize - 500_000));
    const full = await fovea(["train", "--resume", run], folder);
    expect(full.code).toBe(1);
    expect(full.stderr).toMatch(/^fovea: .*model.safetensors: could not be written: the disk is full/);
    expect(readFileSync(join(run, "checkpoint.safetensors")).equals(checkpoint)).toBe(true);
    rmSync(join(disk, "more"));
    expect((await fovea(["train", "--resume", run], folder)).code).toBe(0);
    const model = readFileSync(join(run, "model.safetensors"));
    expect(model.equals(readFileSync(join(folder, "whole", "model.safetensors")))).toBe(true);
  });

  it("that are read-only", async ({ skip }) => {
    const disk = smallDisk("size=64k,ro");
    if (disk === undefined) return skip("no file system may be mounted here");
    await fails(
      [...TRAIN, "--out", join(disk, "run")],
      1,
      /disk\/run: could not be made: the file system is read-only/,
    );
    await fails([...TRAIN, "--out", disk], 1, /is on a read-only file system; write elsewhere/);
  });

  it("whose place is a file", async () => {
    writeFileSync(join(folder, "taken"), "");
    await fails([...TRAIN, "--out", "taken"], 1, /taken: is a file, not a folder; name a folder/);
    await fails([...TRAIN, "--out", "taken/run"], 1, /taken\/run: .*a file/);
  });
});
