/** Whatever ends a run, by Ctrl-C or by kill -9 at any moment, it goes on to the bytes of one that was never stopped. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { events, fovea, startFovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

// 1800 steps: a second or two, of which every moment is a moment to be killed at.
const RUN = ["train", "lenet5", "--data", "./digits", "--epochs", "12", "--batch-size", "2", "--lr", "0.002"];
// The same with all that has states of its own, or counts.
const TECHNIQUES = [
  ...["--ema", "0.99", "--ema-warmup", "--accumulate", "4", "--clip-norm", "0.5", "--label-smoothing", "0.1"],
  ...[
    "--group",
    "bias$:lr=4,decay=0",
    "--no-decay",
    "norms-and-biases",
    "--freeze",
    "^conv1",
    "--schedule",
    "plateau",
    "--plateau-patience",
    "0",
    "--threshold",
    "0.3",
    "--factor",
    "0.5",
  ],
];
const OFTEN = ["--checkpoint-every", "0.05", "--json"];

const model = (folder: string) => readFileSync(join(folder, "run", "model.safetensors"));
const figures = (folder: string) =>
  events(readFileSync(join(folder, "run", "log.jsonl"), "utf8")).map(({ epoch, train, test, learningRate }) => ({
    epoch,
    train,
    test,
    learningRate,
  }));

interface Whole {
  readonly model: Buffer;
  readonly figures: unknown;
}
let whole: Whole;
const delay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function start(args: readonly string[] = []) {
  const folder = temporaryFolder();
  writePictures(folder);
  return { folder, run: startFovea([...RUN, ...OFTEN, "--out", "run", ...args], folder) };
}

function expectWhole(folder: string, expected = whole): void {
  expect(model(folder).equals(expected.model)).toBe(true);
  expect(figures(folder)).toEqual(expected.figures);
}

/** A run to its end, without a stop. */
async function runWhole(args: readonly string[] = []): Promise<Whole> {
  const folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  writePictures(folder);
  const { code, stderr } = await fovea([...RUN, ...args, "--out", "run", "--json"], folder);
  expect([code, stderr]).toEqual([0, ""]);
  const whole = { model: model(folder), figures: figures(folder) };
  rmSync(folder, { recursive: true });
  return whole;
}

describe("a run", () => {
  beforeAll(async () => {
    whole = await runWhole();
  });

  it("stopped by a signal saves, says how to go on, and ends with 130, 143 or 129", async () => {
    const { folder, run } = start();
    await run.said('"epoch":1');
    // A terminal and a starting script may both deliver the key press.
    run.child.kill("SIGINT");
    run.child.kill("SIGINT");
    const stopped = await run.ended;
    expect(stopped.code).toBe(130);
    expect(stopped.stderr).toContain("Stopping after this step");
    const last = events(stopped.stdout).at(-1)!;
    expect(last).toMatchObject({ event: "stopped", folder: "run" });
    expect(last["resume"]).toMatch(/train --resume run$/);
    // On the way it may be stopped again, by another signal.
    const again = startFovea(["train", "--resume", "run", ...OFTEN], folder);
    await again.said('"event":"epoch"');
    again.child.kill("SIGTERM");
    expect((await again.ended).code).toBe(143);
    const third = startFovea(["train", "--resume", "run", ...OFTEN], folder);
    await third.said('"event":"epoch"');
    third.child.kill("SIGHUP");
    expect((await third.ended).code).toBe(129);
    const end = await fovea(["train", "--resume", "run/checkpoint.safetensors", ...OFTEN, "--threads", "3"], folder);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expect(events(end.stdout)[0]!["resumedAt"]).toMatchObject({ epoch: expect.any(Number) });
    expectWhole(folder);
  });

  it.each([1, 2, 3])("killed at random moments goes on from what is there (%i)", async (seed) => {
    const { integer } = random(seed);
    const { folder, run } = start();
    await run.said('"event":"start"');
    await delay(integer(0, 600));
    run.child.kill("SIGKILL");
    await run.ended;
    for (let kills = 0; kills < 2; kills++) {
      const again = startFovea(["train", "--resume", "run", ...OFTEN], folder);
      await delay(integer(300, 900));
      again.child.kill("SIGKILL");
      await again.ended;
    }
    const end = await fovea(["train", "--resume", "run", ...OFTEN], folder);
    expect(end.code).toBe(0);
    expectWhole(folder);
  });

  it("of averaged weights, groups, clipping and accumulation, killed in the middle of an epoch, too", async () => {
    const expected = await runWhole(TECHNIQUES);
    expect(expected.model.equals(whole.model)).toBe(false);
    const { folder, run } = start(TECHNIQUES);
    await run.said('"epoch":1');
    await delay(100);
    run.child.kill("SIGKILL");
    await run.ended;
    expect(existsSync(join(folder, "run", "run.lock"))).toBe(true);
    const again = startFovea(["train", "--resume", "run", ...OFTEN], folder);
    await again.said('"event":"epoch"');
    again.child.kill("SIGSTOP"); // it still has the folder, and will not end meanwhile
    const beside = await fovea(["train", "--resume", "run"], folder);
    expect([beside.code, beside.stderr]).toEqual([
      1,
      expect.stringMatching(/run\.lock: process \d+ is working on this run/),
    ]);
    again.child.kill("SIGKILL");
    await again.ended;
    const end = await fovea(["train", "--resume", "run", ...OFTEN, "--threads", "1"], folder);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    expectWhole(folder, expected);
    expect(existsSync(join(folder, "run", "run.lock"))).toBe(false);
  });

  it("killed while its folder is made has none, or one that goes on", async () => {
    const { integer } = random(9);
    for (let round = 0; round < 2; round++) {
      const { folder, run } = start();
      await delay(integer(150, 400));
      run.child.kill("SIGKILL");
      await run.ended;
      const begun = existsSync(join(folder, "run"));
      const end = await fovea(begun ? ["train", "--resume", "run"] : [...RUN, "--out", "run"], folder);
      expect(end.code).toBe(0);
      expectWhole(folder);
    }
  });

  it("that is over stays as it is", async () => {
    const folder = temporaryFolder();
    writePictures(folder);
    const once = ["train", "mlp", "--data", "./digits", "--epochs", "1", "--out", "run"];
    expect((await fovea(once, folder)).code).toBe(0);
    const before = model(folder);
    const again = await fovea(["train", "--resume", "run"], folder);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^Test accuracy .* after 1 epoch and/m);
    expect(model(folder).equals(before)).toBe(true);
  });

  it("is resumed as it was begun, or not at all", async () => {
    const folder = temporaryFolder();
    writePictures(folder);
    const once = ["train", "mlp", "--data", "./digits", "--epochs", "1", "--out", "run"];
    expect((await fovea(once, folder)).code).toBe(0);
    const refused = async (args: string[], text: string) => {
      const { code, stderr } = await fovea(["train", "--resume", "run", ...args], folder);
      expect(stderr).toContain(text);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(code).not.toBe(0);
    };
    await refused(
      ["--epochs", "5", "--lr", "1"],
      "a run goes on as it was begun, but epochs is 5, was 1; optimizer.lr is 1, was 0.03",
    );
    await refused(["--out", "there"], "--out: a resumed run stays in its folder");
    await refused(["--resume", "none"], "none: no such folder; name the folder that `fovea train` wrote");
    await refused(["--resume", "digits"], "digits: holds no run (no config.json in it)");
    // The same settings may be said again; other data may not.
    expect((await fovea(["train", "mlp", "--resume", "run", "--epochs", "1"], folder)).code).toBe(0);
    const elsewhere = temporaryFolder();
    writePictures(elsewhere, 200, 80);
    await refused(["--data", join(elsewhere, "digits")], "belongs to another run: data train.length is 200, was 300");
  });
});
