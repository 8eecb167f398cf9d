/** `fovea go eval`: how often a policy foresees the moves of games that it has not seen. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { samplePositions } from "../../../go/games/position-sample.js";
import { testGames } from "../../../go/games/position-sets.js";
import { openStore } from "../../../go/games/store-node.js";
import { workerMaker } from "../../../go/games/stream-node.js";
import { boardOf } from "../../../go/policy/policy.js";
import { isPolicyConfig } from "../../../go/training/epochs.js";
import { evaluatePolicy, PHASES, type PolicyFigures } from "../../../go/training/evaluate-policy.js";
import { wholeOf } from "../../options/arguments.js";
import { type MachineFlags, machineOptions, sessionOptions } from "../../options/machine.js";
import { openModel } from "../../options/model-argument.js";
import { EXIT } from "../../terminal/errors.js";
import { Output, percent, seconds, table, twoColumns } from "../../terminal/output.js";
import { Progress, showCount } from "../../terminal/progress.js";
import { StopRequest } from "../../terminal/stop.js";

interface Flags extends MachineFlags {
  readonly symmetries?: boolean;
  readonly positions?: number;
  readonly json?: boolean;
}

export function goEvalCommand(go: Command): void {
  machineOptions(
    go
      .command("eval")
      .summary("measure a policy on the test games of a store")
      .description(
        "Measures how often the move that was played is the policy's first choice, and among its first five, over the positions of a " +
          "store's test games; by phase of the game, too. All points are weighed, as in the paper; passes are not asked about.",
      )
      .argument("<model>", "a .safetensors file, or the folder of a run")
      .argument("[store]", "the file that `fovea go prepare` wrote (default: what the run learned from)")
      .option("--symmetries", "judge the mean over the board's 8 symmetries: better, and slower")
      .option(
        "--positions <n>",
        "a sample of so many positions, evenly spread (default: all)",
        wholeOf("--positions", 1),
      ),
  )
    .optionsGroup("Output:")
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go eval runs/alphago-policy-kgs.store
  $ fovea go eval policy.safetensors kgs.store --symmetries --json`,
    )
    .action(async (model: string, store: string | undefined, flags: Flags) => {
      process.exitCode = await evaluate(model, store, flags);
    });
}

/** Sources that are named. */
const MOST_SOURCES = 5;

/** Where the games are from, those with the most first. */
export function sourcesText(sources: Readonly<Record<string, number>>): string {
  const all = Object.entries(sources).sort(([, a], [, b]) => b - a);
  const named = all.slice(0, MOST_SOURCES).map(([source, n]) => `${source} ${showCount(n)}`);
  const others = all.length - named.length;
  return [...named, ...(others > 0 ? [`${showCount(others)} more`] : [])].join(", ");
}

async function evaluate(path: string, storePath: string | undefined, flags: Flags): Promise<number> {
  const output = new Output(flags.json ?? false);
  const found = await openModel(path);
  const from = storePath ?? (found.config && isPolicyConfig(found.config) ? found.config.data : undefined);
  if (from === undefined) throw new OptionError("go eval: name a store of games; fovea go prepare makes one");
  const { planes } = boardOf(found.model);
  const store = await openStore(from);
  const tested = testGames(store, from);
  const { symmetries = false, positions } = flags;
  const games = store.select("test");
  const total = Math.min(tested.positions, positions ?? tested.positions);
  const stop = new StopRequest(() => output.note("stopping; the figures are of what was measured until now"));
  const { stream, json } = output;
  const progress =
    json && stream.isTTY !== true ? undefined : new Progress({ total, label: "measuring", unit: "positions", stream });
  const maker = workerMaker(store, planes, (text) => output.note(text));
  try {
    const measured =
      positions === undefined ? { store, games, maker } : await samplePositions(store, games, positions, planes);
    const result = await evaluatePolicy(found.model, measured, {
      symmetries,
      ...sessionOptions(flags, (text) => output.note(text)),
      onProgress: ({ done }) => progress?.update(done),
      signal: stop.abort,
    });
    progress?.stop();
    const completed = result.positions === total;
    output.event({
      model: found.path,
      store: storePath ?? found.config?.data,
      symmetries,
      testGames: tested,
      completed,
      ...result,
    });
    output.say(
      twoColumns([
        ["model", found.path],
        ["test games", `${showCount(tested.games)} of ${showCount(tested.of)}: ${tested.split}`],
        ["from", sourcesText(tested.sources)],
        [
          "positions",
          `${showCount(result.positions)} of ${showCount(tested.positions)}${symmetries ? ", each in 8 symmetries" : ""}, in ${seconds(result.seconds)}`,
        ],
      ]),
    );
    output.say();
    const row = (name: string, { positions, top1, top5, loss }: PolicyFigures) => [
      name,
      showCount(positions),
      percent(top1),
      percent(top5),
      loss.toFixed(4),
    ];
    const movesOf = (i: number) => {
      const next = PHASES[i + 1];
      return `${PHASES[i]!.name} (moves ${PHASES[i]!.from}${next === undefined ? " on" : ` to ${next.from - 1}`})`;
    };
    output.say(
      table(
        ["", "positions", "top-1", "top-5", "loss"],
        [...result.phases.map((phase, i) => row(movesOf(i), phase)), row("all", result)],
      ),
    );
    return completed ? EXIT.ok : stop.exitCode;
  } finally {
    progress?.stop();
    stop.release();
    await maker.close();
  }
}
