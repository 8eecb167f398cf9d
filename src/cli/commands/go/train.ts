/** `fovea go train`: trains a policy on a store of games and keeps the run in a folder. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { testGames } from "../../../go/games/position-sets.js";
import { openStore } from "../../../go/games/store-node.js";
import { PLANE_COUNTS } from "../../../go/policy/planes.js";
import {
  lengthOf,
  lengthWithin,
  type PolicyWish,
  policyConfig,
  RECIPES,
  type RecipeName,
} from "../../../go/training/config.js";
import { type PositionData, positionData } from "../../../go/training/data-node.js";
import { isPolicyConfig, type PolicyConfig } from "../../../go/training/epochs.js";
import { measureSpeed } from "../../../go/training/speed.js";
import { checkRunFolder, type RunFolder } from "../../../run/folder-node.js";
import type { RunPlan, RunResult } from "../../../run/run-node.js";
import type { EpochRecord } from "../../../train/records.js";
import { numberOf, oneOf, wholeOf } from "../../options/arguments.js";
import { type MachineFlags, machineOptions, sessionOptions, TRAINING_MACHINE } from "../../options/machine.js";
import { declare, FLAGS, keepingOptions, option, type RunFlags, resumedRun } from "../../options/training.js";
import { Output } from "../../terminal/output.js";
import { showTraining } from "../../terminal/show-training.js";
import { GoTrainDisplay } from "./train-display.js";

interface Flags extends RunFlags, MachineFlags {
  readonly recipe?: RecipeName;
  readonly filters?: number;
  readonly layers?: number;
  readonly planes?: number;
  readonly minutes?: number;
  readonly steps?: number;
  readonly evaluateEvery?: number;
  readonly testPositions?: number;
  /** True unless --no-report. */
  readonly report: boolean;
}

/** What a run is begun with, and stays with. */
const BEGUN_WITH = [
  "recipe",
  "filters",
  "layers",
  "planes",
  "minutes",
  "steps",
  "evaluateEvery",
  "testPositions",
  "batchSize",
  "lr",
  "weightDecay",
  "seed",
] as const satisfies readonly (keyof Flags)[];

const DEFAULTS = {
  recipe: "modern",
  filters: 192,
  layers: 13,
  planes: 48,
  minutes: 90,
  testPositions: 10_000,
  seed: 0,
} as const;
/** The part of a run of so many minutes that may go into measuring how fast it will be, and the most seconds of it. */
const MEASURING = { part: 0.05, most: 10 } as const;

export function goTrainCommand(go: Command): void {
  const { recipe, filters, layers, planes, minutes, testPositions, seed } = DEFAULTS;
  const command = go
    .command("train")
    .summary("train a policy on the positions of games")
    .description(
      "Trains AlphaGo's policy network to foresee the moves of the training games of a store, each position in one of the board's 8 " +
        "symmetries, and measures it on a fixed sample of positions of the test games. The run is kept in a folder; Ctrl-C saves and " +
        "stops, and it goes on with --resume and ends in the same bits as one never stopped.",
    )
    .argument("[store]", "the file that `fovea go prepare` wrote");
  declare(command, "Network:", [
    option("--filters <n>", `of each hidden layer (default: ${filters})`, wholeOf("--filters", 1)),
    option("--layers <n>", `convolutions in all (default: ${layers})`, wholeOf("--layers", 2)),
    option(
      "--planes <n>",
      `feature planes of a position, ${PLANE_COUNTS.join(", ")} (default: ${planes})`,
      wholeOf("--planes", 1),
    ),
  ]);
  declare(command, "Length:", [
    option(
      "--minutes <m>",
      `measure the speed first, and take the steps that fill this time (default: ${minutes})`,
      numberOf("--minutes", 0.01),
    ),
    option("--steps <n>", "updates, in place of minutes", wholeOf("--steps", 1)),
    option(
      "--evaluate-every <steps>",
      "steps between evaluations (default: so that they take some 8% of the time)",
      wholeOf("--evaluate-every", 1),
    ),
    option(
      "--test-positions <n>",
      `positions of the fixed sample that is measured (default: ${testPositions})`,
      wholeOf("--test-positions", 1),
    ),
  ]);
  declare(command, "Recipe:", [
    option(
      "--recipe <name>",
      `${RECIPES.join(", ")} (default: ${recipe}): paper is plain SGD with batches of 16 at 0.003, halved every 80 million steps; ` +
        "modern is AdamW with batches of 128 and one cycle of the rate",
      oneOf("--recipe", RECIPES),
    ),
    FLAGS.batchSize("positions a step (default: 128; 16 in paper)"),
    FLAGS.lr("the highest learning rate (default: the recipe's)"),
    FLAGS.weightDecay("pulls weights towards zero (default: the recipe's)"),
    FLAGS.seed(`of the first weights and the order of positions (default: ${seed})`),
  ]);
  declare(command, "Run:", [
    FLAGS.out(),
    FLAGS.resume(),
    FLAGS.checkpointEvery("seconds between checkpoints (default: 30)"),
    FLAGS.tensorboard(),
  ]);
  machineOptions(command, TRAINING_MACHINE);
  declare(command, "Output:", [FLAGS.noReport(), FLAGS.json()]);
  command
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go prepare ./kgs --out kgs.store
  $ fovea go train kgs.store --filters 64 --layers 10 --minutes 90
  $ fovea go train kgs.store --recipe paper --steps 2000000
  $ fovea go train --resume runs/alphago-policy-kgs.store`,
    )
    .action(async (path: string | undefined, flags: Flags) => {
      process.exitCode = await train(path, flags);
    });
}

function train(path: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags.json ?? false);
  const session = sessionOptions(flags, (text) => output.note(text));
  return showTraining(output, async (preparing) => {
    const begun = await prepare(path, flags, output, async (wish, store, positions) => {
      preparing.looksItself = true;
      const seconds = 60 * (flags.minutes ?? DEFAULTS.minutes);
      output.note("Measuring how fast this is ...");
      const speed = await measureSpeed({
        config: policyConfig(wish, { evaluateEvery: 1, evaluations: 1 }),
        store,
        test: positions.test,
        session,
        seconds: Math.min(MEASURING.most, MEASURING.part * seconds),
        signal: preparing.signal,
      });
      if (preparing.requested) process.exit(preparing.exitCode);
      preparing.looksItself = false;
      return lengthWithin(seconds, speed, flags.evaluateEvery);
    });
    const { config, resume, positions, games } = begun;
    const data = { train: positions.train(config.positions.evaluateEvery * config.batchSize), test: positions.test };
    const logged = (history: readonly EpochRecord[]) => placesOf(history, config);
    return {
      options: { config, data, resume, session, logged, ...keepingOptions(flags) },
      display: new GoTrainDisplay(output, config, games),
      report: flags.report ? (plan, result) => reportOn(config, plan, result, games) : undefined,
    };
  });
}

/** Where in the run each evaluation was: steps, positions, and seconds of training and testing. */
function placesOf(history: readonly EpochRecord[], config: PolicyConfig) {
  const { evaluateEvery } = config.positions;
  let seconds = 0;
  return history.map(({ epoch, trainSeconds, testSeconds }) => {
    seconds += trainSeconds + testSeconds;
    const step = epoch * evaluateEvery;
    return { step, positions: step * config.batchSize, seconds };
  });
}

interface Begun {
  readonly config: PolicyConfig;
  readonly resume: RunFolder | undefined;
  readonly positions: PositionData;
  readonly games: ReturnType<typeof testGames>;
}

/** Everything that can be wrong with the flags is found here, before anything is computed. */
async function prepare(
  path: string | undefined,
  flags: Flags,
  output: Output,
  measured: (
    wish: PolicyWish,
    store: Awaited<ReturnType<typeof openStore>>,
    positions: PositionData,
  ) => Promise<Parameters<typeof policyConfig>[1]>,
): Promise<Begun> {
  const note = (text: string) => output.note(text);
  if (flags.resume !== undefined) return resumed(flags.resume, path, flags, note);
  if (path === undefined) {
    throw new OptionError(
      "go train: name a store of games (fovea go prepare makes one), or a run to go on with: --resume RUN",
    );
  }
  if (flags.minutes !== undefined && flags.steps !== undefined) {
    throw new OptionError("--minutes and --steps: both say how long the run is; give one");
  }
  if (flags.out !== undefined) await checkRunFolder(flags.out);
  const store = await openStore(path);
  const games = testGames(store, path);
  const { recipe, filters, layers, planes, seed } = { ...DEFAULTS, ...given(flags) };
  const { batchSize, lr, weightDecay, steps, evaluateEvery } = flags;
  const testPositions = Math.min(games.positions, flags.testPositions ?? DEFAULTS.testPositions);
  const network = { filters, layers, planes, seed };
  const wish = { ...network, store: path, size: store.size, recipe, batchSize, lr, weightDecay, testPositions };
  const length = steps === undefined ? undefined : lengthOf(steps, wish, evaluateEvery);
  // Options out of range are found before positions are encoded.
  policyConfig(wish, length ?? { evaluateEvery: 1, evaluations: 1 });
  const positions = await positionData(store, path, { ...wish, note });
  const fixed = length ?? (await measured(wish, store, positions));
  const total = fixed.evaluateEvery * fixed.evaluations;
  if (steps !== undefined && total !== steps) {
    output.note(`fovea: ${total} steps in place of ${steps}, so that ${fixed.evaluations} evaluations divide them`);
  }
  return { config: policyConfig(wish, fixed), resume: undefined, positions, games };
}

const given = (flags: Flags): Flags =>
  Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as unknown as Flags;

/** @throws OptionError where flags are given that a run was begun with, or the run is not one of positions. */
async function resumed(
  run: string,
  path: string | undefined,
  flags: Flags,
  note: (text: string) => void,
): Promise<Begun> {
  const { folder, config } = await resumedRun("go train", run, flags, BEGUN_WITH);
  if (!isPolicyConfig(config)) throw new OptionError(`--resume ${run}: is no run on positions of games`);
  const from = path ?? config.data;
  const store = await openStore(from);
  const { testPositions } = config.positions;
  const planes = Number(config.options["planes"]);
  const positions = await positionData(store, from, { planes, testPositions, note });
  return { config, resume: folder, positions, games: testGames(store, from) };
}

async function reportOn(
  config: PolicyConfig,
  plan: RunPlan,
  result: RunResult,
  games: ReturnType<typeof testGames>,
): Promise<string> {
  // Its libraries take a while to load, which no training should wait for.
  const { writePositionsReport } = await import("../../../go/training/position-report-node.js");
  const about = `${games.games} of ${games.of} games: ${games.split}`;
  return writePositionsReport({ config, plan, result, testGames: about });
}
