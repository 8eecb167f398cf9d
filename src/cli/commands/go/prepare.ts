/** `fovea go prepare`: games in SGF into a store that training streams from. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { LARGEST_BOARD } from "../../../go/board/geometry.js";
import { TEST_EVERY } from "../../../go/games/store.js";
import { prepareStore } from "../../../go/games/store-node.js";
import { checkFileWritable } from "../../../host/atomic-write-node.js";
import { wholeOf } from "../../options/arguments.js";
import { EXIT } from "../../terminal/errors.js";
import { bytes, Output, twoColumns } from "../../terminal/output.js";
import { Progress, showCount } from "../../terminal/progress.js";
import { StopRequest } from "../../terminal/stop.js";

interface Flags {
  readonly out: string;
  readonly size: number;
  readonly json?: boolean;
}

/** Games left out that are named; of the rest there is a count. */
const NAMED = 20;

export function goPrepareCommand(go: Command): void {
  go.command("prepare")
    .summary("make a store of positions from games")
    .description(
      "Reads games in SGF (files, collections with one game a line, gzipped or not, folders) into one file to train from: the " +
        "main line of each, its setup and handicap stones, passes and result. Games that are broken, played on another board or there " +
        `already are named and left out. A game is for tests where the hash of its moves is a multiple of ${TEST_EVERY}.`,
    )
    .argument("<games...>", "files and folders")
    .requiredOption("--out <store>", "the file to write")
    .option("--size <n>", "the board's size", wholeOf("--size", 1), 19)
    .option("--json", "one JSON object on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go prepare ./kgs --out kgs.store
  $ fovea go prepare club.sgf.gz mine/*.sgf --size 9 --out nine.store`,
    )
    .action(async (games: string[], flags: Flags) => {
      process.exitCode = await prepare(games, flags);
    });
}

async function prepare(games: readonly string[], flags: Flags): Promise<number> {
  if (flags.size > LARGEST_BOARD) {
    throw new OptionError(`--size ${flags.size}: expected a whole number from 1 to ${LARGEST_BOARD}`);
  }
  await checkFileWritable(flags.out);
  const output = new Output(flags.json ?? false);
  let progress: Progress | undefined;
  let named = 0;
  const say = (line: string) => (progress === undefined ? output.note(line) : progress.log(line));
  const stop = new StopRequest(() => say("stopping; nothing is written"));
  try {
    const prepared = await prepareStore(
      { games, out: flags.out, size: flags.size },
      {
        onProgress({ done, total }) {
          progress ??= new Progress({ total, label: "reading", unit: "games", stream: process.stderr });
          progress.update(done);
        },
        onSkip({ name, why }) {
          named++;
          output.event({ skipped: name, why });
          if (named <= NAMED) say(`left out ${name}: ${why}`);
        },
        signal: stop.abort,
      },
    );
    if (prepared === undefined) {
      progress?.stop();
      return stop.exitCode;
    }
    progress?.finish();
    if (named > NAMED) output.note(`and ${showCount(named - NAMED)} more`);
    const { store, read } = prepared;
    const halves = (["train", "test"] as const).map((half) => {
      const chosen = store.select(half);
      return { half, games: chosen.length, positions: chosen.reduce((sum, n) => sum + store.positionCount(n), 0) };
    });
    const { skipped, split } = store.description;
    const size = store.bytes.length;
    output.event({ store: flags.out, read, games: store.games, skipped, split, halves, bytes: size });
    const left = Object.entries(skipped).map(([kind, n]) => `${showCount(n)} ${kind}`);
    output.say(
      twoColumns([
        ["store", `${flags.out}, ${bytes(size)}`],
        ["games", `${showCount(store.games)} of ${showCount(read)}, ${store.size}x${store.size}`],
        ...(left.length > 0 ? [["left out", left.join(", ")] as const] : []),
        ...halves.map(
          ({ half, games, positions }) =>
            [half, `${showCount(games)} games, ${showCount(positions)} positions`] as const,
        ),
        ["split", split],
      ]),
    );
    return EXIT.ok;
  } finally {
    progress?.stop();
    stop.release();
  }
}
