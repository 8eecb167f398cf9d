/** A run goes on with the command that began it, and with nothing that would begin another. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { expect, it } from "vitest";
import { OptionError } from "#fovea/base/errors.js";
import { declare, FLAGS, option, resumedRun, scheduleOptions } from "#fovea/cli/options/training.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";
import { temporaryFolder } from "../support/temporary.js";

const CONFIGS = {
  train: { ...TRAINING_DEFAULTS, network: "lenet5", options: {}, data: "mnist" },
  "segment train": { ...TRAINING_DEFAULTS, network: "unet", options: {}, data: "scenes" },
  "go train": {
    ...TRAINING_DEFAULTS,
    network: "alphago-policy",
    options: {},
    data: "kgs.store",
    positions: { evaluateEvery: 10, testPositions: 20 },
  },
} as const;
type Name = keyof typeof CONFIGS;
const NAMES = Object.keys(CONFIGS) as Name[];

function runOf(name: Name): string {
  const path = join(temporaryFolder(), "run");
  mkdirSync(path);
  writeFileSync(join(path, "config.json"), JSON.stringify(CONFIGS[name]));
  return path;
}

it.each(NAMES)("a run of %s is resumed by it alone", async (owner) => {
  const path = runOf(owner);
  const { folder, config } = await resumedRun(owner, path, {});
  expect(folder.path).toBe(path);
  expect(config).toMatchObject(CONFIGS[owner]);
  for (const other of NAMES.filter((name) => name !== owner)) {
    await expect(resumedRun(other, path, {})).rejects.toThrow(
      new OptionError(`--resume ${path}: is a run of ${owner}; go on with fovea ${owner} --resume ${path}`),
    );
  }
});

it("refuses what a run was begun with, in words that are typed", async () => {
  const path = runOf("train");
  const flags = { lr: 1, batchSize: 3, seed: undefined, weightDecay: 0 };
  await expect(resumedRun("train", path, flags, ["seed", "batchSize", "weightDecay"])).rejects.toThrow(
    new OptionError(
      "--resume: a run goes on as it was begun; leave out --batch-size, --weight-decay, or start a new run",
    ),
  );
  await expect(resumedRun("train", path, { ...flags, out: "there" }, ["lr"])).rejects.toThrow(
    "--out: a resumed run stays in its folder; leave --out out",
  );
  await expect(resumedRun("train", path, flags)).resolves.toBeDefined();
});

it("declares each flag with its own words, its heading and its reader", () => {
  const command = new Command("learn").exitOverride().helpOption("-h, --help", "show this");
  declare(command, undefined, [FLAGS.epochs(), FLAGS.batchSize("positions a step (default 128)")]);
  declare(command, "Schedule:", [option("--own", "of this one"), ...scheduleOptions()]);
  declare(command, "Output:", [FLAGS.noReport()]);
  const help = command.helpInformation();
  expect(help).toMatch(
    /Options:\n +--epochs <n> +passes over the training pictures \(default: 8, or\n +the network's own\)\n/,
  );
  expect(help).toMatch(
    /--batch-size <n> +positions a step \(default 128\)\n[\s\S]*\n\nSchedule:\n +--own +of this one\n/,
  );
  command.parse(["--epochs", "3", "--milestones", "2,4", "--batch-size", "7"], { from: "user" });
  expect(command.opts()).toEqual({ epochs: 3, milestones: [2, 4], batchSize: 7, report: true });
  expect(() => command.parse(["--batch-size", "0"], { from: "user" })).toThrow(
    "--batch-size 0: expected a whole number of at least 1",
  );
});
