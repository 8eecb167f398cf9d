/** Runs on folders of pictures as people have them: halves, pictures that are added, classes in part, grey ones. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { events, fovea } from "../support/cli.js";
import { put } from "../support/picture-folder.js";
import { temporaryFolder } from "../support/temporary.js";

async function fill(folder: string, label: number, n: number, from = 0, channels: 1 | 3 = 3): Promise<void> {
  for (let i = from; i < from + n; i++) {
    const pixels = new Uint8Array(64 * channels).map((_, at) => (at % channels === label % channels ? 150 + i : 7 * i));
    const raw = { width: 8, height: 8, channels };
    put(
      folder,
      `p${i}.png`,
      await sharp(pixels, { raw })
        .toColourspace(channels === 1 ? "b-w" : "srgb")
        .png()
        .toBuffer(),
    );
  }
}

const train = (cwd: string, ...args: string[]) =>
  fovea(
    ["train", "mlp", "--data", "pics", "--size", "8", "--epochs", "2", "--no-report", "--out", "run", ...args],
    cwd,
  );
const configOf = (cwd: string) =>
  JSON.parse(readFileSync(join(cwd, "run/config.json"), "utf8")) as Record<string, unknown>;

describe("a run", () => {
  it("chooses by val, measures with test, and goes on with the same folders", async () => {
    const folder = temporaryFolder();
    for (const [half, n] of [
      ["Training", 6],
      ["dev", 4],
      ["Testing", 2],
    ] as const) {
      for (const [label, name] of ["cat", "dog"].entries()) await fill(join(folder, "pics", half, name), label, n);
    }
    const { stdout, stderr, code } = await train(folder, "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const epoch = events(stdout).find(({ event }) => event === "epoch")!;
    expect(Object.keys(epoch)).toEqual(expect.arrayContaining(["val", "test"]));
    expect(configOf(folder)["halves"]).toEqual({ train: "Training", val: "dev", test: "Testing" });
    const measure = async (...args: string[]) =>
      events((await fovea(["eval", "run", "--json", ...args], folder)).stdout)[0]!;
    expect((await measure())["samples"]).toBe(4);
    expect((await measure("--split", "val"))["samples"]).toBe(8);
    expect((await measure("--test", "dev", "--val", "none"))["samples"]).toBe(8);
    const again = await fovea(["train", "--resume", "run", "--no-report"], folder);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    const other = await fovea(["train", "--resume", "run", "--test", "dev"], folder);
    expect(other.stderr).toMatch(/--resume: a run goes on as it was begun; leave out --test/);
    const data = await fovea(["data", "pics", "--val", "none"], folder);
    expect(data.stdout).toMatch(/class {2}train {2}test\ncat {8}6 {5}2\ndog {8}6 {5}2/);
  });

  it("that says nothing of halves is split as it was; one that does keeps what is measured as pictures are added", async () => {
    const folder = temporaryFolder();
    for (const [label, name] of ["cat", "dog"].entries()) await fill(join(folder, "pics", name), label, 20);
    expect((await train(folder)).code).toBe(0);
    const config = configOf(folder);
    expect(config["halves"]).toEqual({ train: "." });
    const measured = async () => events((await fovea(["eval", "run", "--json"], folder)).stdout)[0]!;
    const before = await measured();
    await fill(join(folder, "pics/cat"), 0, 1, 20);
    const { halves, ...old } = config;
    expect(halves).toBeDefined();
    const after = await measured();
    expect([before["samples"], after["samples"], after["loss"] === before["loss"]]).toEqual([4, 4, true]);
    rmSync(join(folder, "pics/cat/p20.png"));
    // As a run of before has it: two pictures a class, by their order; its checkpoint is of other halves.
    writeFileSync(join(folder, "run/config.json"), JSON.stringify(old));
    const asBefore = await measured();
    expect([asBefore["samples"], asBefore["loss"] === before["loss"]]).toEqual([4, false]);
    expect((await fovea(["eval", "run"], folder)).stderr).toBe(
      "fovea: pics: the run is of a version that split pictures by their order, and so they are again; if some were added or taken away " +
        "since, it is measured on ones that it learned from\n",
    );
    const refused = await fovea(["train", "--resume", "run"], folder);
    expect(refused.stderr).toMatch(/belongs to another run: /);
  });

  it("is measured by the names of classes", async () => {
    const folder = temporaryFolder();
    for (const [label, name] of ["apple", "banana", "cherry"].entries()) {
      for (const half of ["train", "test"]) await fill(join(folder, "pics", half, name), label, 6);
    }
    expect((await train(folder, "--lr", "0.1", "--epochs", "9")).code).toBe(0);
    for (const [label, name] of [
      [1, "banana"],
      [2, "cherry"],
    ] as const) {
      for (const half of ["train", "test"]) await fill(join(folder, "some", half, name), label, 6);
    }
    const [all, some] = await Promise.all(
      ["pics", "some"].map(
        async (data) => events((await fovea(["eval", "run", "--json", "--data", data], folder)).stdout)[0]!,
      ),
    );
    const rows = all!["confusion"] as number[][];
    expect(some!["confusion"]).toEqual([[0, 0, 0], rows[1], rows[2]]);
    await fill(join(folder, "some/train/zebra"), 0, 2);
    await fill(join(folder, "some/test/zebra"), 0, 2);
    expect((await fovea(["eval", "run", "--data", "some"], folder)).stderr).toBe(
      "fovea: some test: zebra is no class of the model, which tells apple, banana, cherry apart (the data has banana, cherry, zebra); " +
        "rename the folders, or measure on the same classes\n",
    );
  });

  it("takes grey pictures into a network of colours, and says so", async () => {
    const folder = temporaryFolder();
    for (const [label, name] of ["cat", "dog"].entries()) await fill(join(folder, "pics", name), label, 6, 0, 1);
    const args = [
      "train",
      "fast-cifar",
      "--data",
      "pics",
      "--option",
      "widths=8,8,8",
      "--size",
      "32",
      "--epochs",
      "1",
      ...["--batch-size", "8", "--warmup", "0"],
      "--no-report",
    ];
    const open = await fovea([...args, "--out", "run"], folder);
    expect([open.code, open.stderr]).toEqual([0, ""]);
    const fixed = await fovea([...args, "--option", "channels=3", "--out", "other"], folder);
    expect([fixed.code, fixed.stderr]).toEqual([
      ...[0, "fovea: pics train: its pictures are grey; each is read as one of three equal channels\n"],
    ]);
  });

  it("says why one picture a class is not enough, and which files cannot be read", async () => {
    const folder = temporaryFolder();
    for (const [label, name] of ["cat", "dog"].entries()) await fill(join(folder, "pics", name), label, 1);
    expect((await train(folder)).stderr).toBe(
      "fovea: pics: has one picture of each class, so that none can be kept to measure with; add some, or put some into a folder test/CLASS\n",
    );
    for (const name of ["cat/p0", "cat/p1", "dog/p0", "dog/p1"]) put(join(folder, "pics"), `${name}.png`, "none");
    expect((await train(folder)).stderr).toMatch(
      /^fovea: pics train: none of its 2 pictures can be read: pics\/cat\/p\d\.png: is not a picture; .*; pics\/dog\/p\d\.png: is not a picture/,
    );
  });
});

it("helps with what networks learn with, as they have it", async () => {
  const { stdout } = await fovea(["train", "--help"], temporaryFolder());
  expect(stdout.replaceAll(/ +/g, " ")).toContain(
    "network lr batch-size epochs weight-decay warmup\n" +
      "lenet5-1998 0.003 20 0 500\nalexnet to alexnet-2012 0.01 128 0.0005\nvgg11 to vgg19_bn 0.00125 32 0.0005\n" +
      "resnet18 to seresnet50 0.0125 32 0.0001\nresnet20 to resnet110 0.1 128 164 0.0001 400\n",
  );
});
