/** `fovea go train` and `fovea go eval` as a user runs them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sourcesText } from "#fovea/cli/commands/go/eval.js";
import { randomGames, storeBytes } from "../go/support/random-store.js";
import { events, fovea, startFovea } from "../support/cli.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

let store: Uint8Array;

function folderWithStore(): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "seven.store"), store);
  return folder;
}

const SMALL = ["--filters", "8", "--layers", "3", "--batch-size", "8", "--threads", "1"];
const RUN = ["go", "train", "seven.store", ...SMALL, "--steps", "400", "--evaluate-every", "100", "--seed", "2"];
// A second or more, so that a run is still on its way when it is killed.
const LONG = ["go", "train", "seven.store", ...SMALL, "--steps", "2400", "--evaluate-every", "200", "--seed", "2"];
const OFTEN = ["--checkpoint-every", "0.05", "--json", "--no-report"];

const model = (folder: string) => readFileSync(join(folder, "run", "model.safetensors"));
const figures = (folder: string) =>
  events(readFileSync(join(folder, "run", "log.jsonl"), "utf8")).map(
    ({ step, positions, train, test, learningRate }) => ({
      step,
      positions,
      train,
      test,
      learningRate,
    }),
  );

beforeAll(() => {
  store = storeBytes(randomGames({ train: 40, test: 3 }));
});

describe("go train", () => {
  it("trains, measures and reports; and eval says the same of the same positions", async () => {
    const folder = folderWithStore();
    const { code, stdout, stderr } = await fovea([...RUN, "--out", "run"], folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/network +alphago-policy \(filters 8, layers 3, planes 48, size 7\), 10,249 parameters\n/);
    expect(stdout).toMatch(/training +400 steps of 8: 3,200 positions, seed 2\n/);
    expect(stdout).toMatch(/test games +3 of 43: a game is a test game where its hash is a multiple of 50\n/);
    expect(stdout).toMatch(
      /step 400 {2}loss [\d.]+ {2}test loss [\d.]+ {2}top-1 [\d.]+% {2}top-5 [\d.]+% {2}[\d,]+ positions\/s/,
    );
    const log = figures(folder);
    expect(log.map(({ step, positions }) => [step, positions])).toEqual([
      [100, 800],
      [200, 1600],
      [300, 2400],
      [400, 3200],
    ]);
    const report = readFileSync(join(folder, "run", "report.html"), "utf8");
    expect(report).toContain("<title>alphago-policy (filters 8, layers 3, planes 48, size 7) on seven.store</title>");
    expect(report).toContain("3 of 43 games: a game is a test game where its hash is a multiple of 50");
    expect(report.match(/<svg/g)).toHaveLength(2);
    expect(report).not.toMatch(/NaN|undefined/);

    const measured = await fovea(["go", "eval", "run", "--json", "--threads", "1"], folder);
    expect([measured.code, measured.stderr]).toEqual([0, ""]);
    const said = events(measured.stdout)[0]!;
    const last = log[3]!.test as { accuracy: number; top5: number; loss: number };
    expect(said).toMatchObject({ top1: last.accuracy, top5: last.top5, completed: true, store: "seven.store" });
    expect(said["loss"]).toBeCloseTo(last.loss, 5);
    expect(said["testGames"]).toMatchObject({ games: 3, of: 43, sources: { "games.sgf": 3 } });
    const shown = await fovea(["go", "eval", "run", "seven.store", "--symmetries", "--positions", "20"], folder);
    expect(shown.stdout).toMatch(/positions +20 of \d+, each in 8 symmetries, in/);
    expect(shown.stdout).toMatch(/opening \(moves 1 to 60\) +20 /);
    expect(shown.stdout).toMatch(/\nall +20 +[\d.]+% +[\d.]+% +[\d.]+\n/);
  });

  it("killed at random moments, or stopped by Ctrl-C, ends in the bits of a run never stopped", async () => {
    const whole = folderWithStore();
    expect((await fovea([...LONG, ...OFTEN, "--out", "run"], whole)).code).toBe(0);
    const folder = folderWithStore();
    const { integer } = random(4);
    const run = startFovea([...LONG, ...OFTEN, "--out", "run"], folder);
    await run.said('"step":200');
    await new Promise((resolve) => setTimeout(resolve, integer(0, 200)));
    run.child.kill("SIGKILL");
    await run.ended;
    const again = startFovea(["go", "train", "--resume", "run", ...OFTEN], folder);
    await again.said('"event":"start"');
    again.child.kill("SIGINT");
    const stopped = await again.ended;
    expect(stopped.code).toBe(130);
    expect(events(stopped.stdout).at(-1)!["resume"]).toMatch(/go train --resume run$/);
    const end = await fovea(["go", "train", "--resume", "run", ...OFTEN, "--threads", "2"], folder);
    expect([end.code, end.stderr]).toEqual([0, ""]);
    const { resumedAt } = events(end.stdout)[0] as { resumedAt: { step: number } };
    expect(resumedAt.step).toBeGreaterThan(0);
    expect(figures(folder)).toEqual(figures(whole));
    expect(model(folder).equals(model(whole))).toBe(true);
  });

  it("for some minutes finds out how many steps these are", async () => {
    const folder = folderWithStore();
    const args = ["go", "train", "seven.store", ...SMALL, "--minutes", "0.03", "--out", "run", "--json", "--no-report"];
    const { code, stdout, stderr } = await fovea(args, folder);
    expect([code, stderr]).toEqual([0, "Measuring how fast this is ...\n"]);
    const { config, steps } = events(stdout)[0] as {
      config: { epochs: number; positions: { evaluateEvery: number } };
      steps: number;
    };
    expect(config.epochs * config.positions.evaluateEvery).toBe(steps);
    expect(events(stdout).at(-1)).toMatchObject({ event: "end", step: steps });
  });
});

describe("what cannot be", () => {
  it.each<[string, string[], number, string]>([
    [
      "no store",
      ["train"],
      2,
      "go train: name a store of games (fovea go prepare makes one), or a run to go on with: --resume RUN",
    ],
    ["a store cut short", ["train", "short.store"], 1, "short.store: is cut short: it has 2000 bytes, expected"],
    [
      "a store that is none",
      ["train", "no.store"],
      1,
      'no.store: is not a store of games (expected "FOVEAGO1" at its start)',
    ],
    ["no test games", ["train", "only.store"], 1, "only.store: none of its 5 games is a test game"],
    ["no training games", ["train", "tests.store"], 1, "tests.store train: has no training games"],
    ["odd planes", ["train", "seven.store", "--planes", "7"], 2, "planes is 7, expected 1, 4, 20, 48"],
    [
      "a network of no filters",
      ["train", "seven.store", "--filters", "0"],
      2,
      "--filters 0: expected a whole number of at least 1",
    ],
    [
      "two lengths",
      ["train", "seven.store", "--steps", "5", "--minutes", "1"],
      2,
      "--minutes and --steps: both say how long the run is",
    ],
    [
      "steps that do not divide",
      ["train", "seven.store", "--steps", "5", "--evaluate-every", "3"],
      2,
      "try --steps 3 or 6",
    ],
    ["no run", ["train", "--resume", "nowhere"], 1, "nowhere: no such folder"],
    ["another run", ["train", "--resume", "run", "--lr", "1", "--steps", "9"], 2, "leave out --steps, --lr"],
    ["no model", ["eval", "nowhere", "seven.store"], 1, "nowhere: no such file"],
    [
      "a model of another board",
      ["eval", "run", "nine.store", "--threads", "1"],
      2,
      "the games are played on 9x9, but the network plays 7x7",
    ],
    ["eval without test games", ["eval", "run", "only.store"], 1, "only.store: none of its 5 games is a test game"],
  ])("%s", async (_, args, code, message) => {
    const folder = folderWithStore();
    const write = (name: string, options: Parameters<typeof randomGames>[0]) =>
      writeFileSync(join(folder, name), storeBytes(randomGames(options)));
    writeFileSync(join(folder, "short.store"), store.subarray(0, 2000));
    writeFileSync(join(folder, "no.store"), "games");
    write("only.store", { train: 5, test: 0 });
    write("tests.store", { train: 0, test: 2 });
    write("nine.store", { train: 1, test: 1, size: 9 });
    if (args.includes("run")) {
      mkdirSync(join(folder, "run"));
      for (const [name, bytes] of finished) writeFileSync(join(folder, "run", name), bytes);
    }
    const ended = await fovea(["go", ...args], folder);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
    expect(ended.code).toBe(code);
  });

  const finished = new Map<string, Buffer>();
  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
    writeFileSync(join(folder, "seven.store"), store);
    await fovea(["go", "train", "seven.store", ...SMALL, "--steps", "1", "--out", "run", "--no-report"], folder);
    for (const name of ["config.json", "model.safetensors"]) {
      finished.set(name, readFileSync(join(folder, "run", name)));
    }
    rmSync(folder, { recursive: true });
  });
});

it("names the sources with the most games, and counts the others", () => {
  const sources = Object.fromEntries(Array.from({ length: 122 }, (_, i) => [`games${i}.sgf`, i + 1]));
  expect(sourcesText(sources)).toBe(
    "games121.sgf 122, games120.sgf 121, games119.sgf 120, games118.sgf 119, games117.sgf 118, 117 more",
  );
  expect(sourcesText({ a: 1, b: 2000 })).toBe("b 2,000, a 1");
});
