/** `fovea go match`: two GTP engines against each other, under our referee. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { CHINESE, SIMPLE_KO, TROMP_TAYLOR } from "../../../go/board/game.js";
import { BLACK, LARGEST_BOARD, WHITE } from "../../../go/board/geometry.js";
import { Match, type MatchGame, wilson } from "../../../go/gtp/match-node.js";
import { sgfText } from "../../../go/sgf/sgf.js";
import { checkFolderWritable, writeFileAtomically } from "../../../host/atomic-write-node.js";
import { numberOf, oneOf, wholeOf } from "../../options/arguments.js";
import { EXIT } from "../../terminal/errors.js";
import { Output, percent, seconds, table } from "../../terminal/output.js";
import { StopRequest } from "../../terminal/stop.js";

const RULES = { chinese: CHINESE, "tromp-taylor": TROMP_TAYLOR, "simple-ko": SIMPLE_KO } as const;
const RULE_NAMES = Object.keys(RULES) as (keyof typeof RULES)[];
const SCORINGS = ["agreed", "tromp-taylor"] as const;

interface Flags {
  readonly engine: readonly string[];
  readonly games: number;
  readonly size: number;
  readonly komi: number;
  readonly rules: keyof typeof RULES;
  readonly score: (typeof SCORINGS)[number];
  readonly timeout: number;
  readonly sgf?: string;
  readonly json?: boolean;
}

export function goMatchCommand(go: Command): void {
  go.command("match")
    .summary("play two GTP engines against each other")
    .description(
      "Plays games between two engines that speak GTP, colours in turn. A referee holds the board: an illegal move, a broken " +
        "answer or none loses the game. The score is by area; stones are dead where both engines say so, else by random games.",
    )
    .option(
      "--engine <command>",
      "the command that starts an engine; to be given twice",
      (text: string, before: readonly string[]) => [...before, text],
      [] as readonly string[],
    )
    .option("--games <n>", "games to play", wholeOf("--games", 1), 10)
    .option("--size <n>", "the board's size", wholeOf("--size", 1), 19)
    .option("--komi <points>", "points for White", numberOf("--komi", Number.NEGATIVE_INFINITY), 7.5)
    .option(
      "--rules <name>",
      `${RULE_NAMES.join(", ")}: which moves are legal`,
      oneOf("--rules", RULE_NAMES),
      "chinese",
    )
    .option(
      "--score <how>",
      `${SCORINGS.join(" or ")}: whether dead stones are taken off, or every stone counts`,
      oneOf("--score", SCORINGS),
      "agreed",
    )
    .option("--timeout <seconds>", "how long an answer may take", numberOf("--timeout", 0.001), 60)
    .option("--sgf <folder>", "keep the games there")
    .option("--json", "one JSON object a game on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go match --engine "gnugo --mode gtp --level 1 --chinese-rules --positional-superko" \\
      --engine "fovea go gtp --model policy.safetensors" --games 40 --sgf games`,
    )
    .action(async (flags: Flags) => {
      process.exitCode = await play(flags);
    });
}

async function play(flags: Flags): Promise<number> {
  const [first, second, ...more] = flags.engine;
  if (first === undefined || second === undefined || more.length > 0) {
    throw new OptionError(`--engine: expected two engines, found ${flags.engine.length}; give the flag twice`);
  }
  if (flags.size > LARGEST_BOARD) {
    throw new OptionError(`--size ${flags.size}: expected a whole number from 1 to ${LARGEST_BOARD}`);
  }
  if (flags.sgf !== undefined) await checkFolderWritable(flags.sgf);
  const output = new Output(flags.json ?? false);
  const { size, komi, score, timeout } = flags;
  const rules = RULES[flags.rules];
  const match = new Match([first, second], { size, komi, rules, scoring: score, timeoutMs: 1000 * timeout });
  const stop = new StopRequest(() => output.note("stopping after this game"));
  const games: MatchGame[] = [];
  try {
    // An engine that cannot be started is told at once, and not by forty lost games.
    const names = [await match.nameOf(0), await match.nameOf(1)] as const;
    output.say(`${names[0]} against ${names[1]}, ${size}x${size}, komi ${komi}, ${flags.rules} rules`);
    if (flags.sgf !== undefined) await mkdir(flags.sgf, { recursive: true });
    for (let n = 0; n < flags.games && !stop.requested; n++) {
      const played = await match.play((n % 2) as 0 | 1);
      games.push(played);
      const { result, remark, game, thinking } = played;
      const [black, white] = [names[played.black], names[played.white]];
      const moves = game.moves.length;
      const thought = thinking.map((ms) => ms / 1000);
      output.event({
        game: n + 1,
        black: played.black + 1,
        white: played.white + 1,
        result,
        moves,
        seconds: thought,
        remark,
      });
      output.say(
        `game ${n + 1}: ${black} (black) ${white} (white)  ${result}  ${moves} moves${remark && `  ${remark}`}`,
      );
      if (flags.sgf !== undefined) {
        const text = sgfText({
          size,
          komi,
          moves: game.moves,
          black,
          white,
          result,
          rules: "Chinese",
          comment: remark,
        });
        await writeFileAtomically(join(flags.sgf, `${String(n + 1).padStart(4, "0")}.sgf`), [`${text}\n`]);
      }
    }
    say(output, names, games);
    return games.length === flags.games ? EXIT.ok : stop.exitCode;
  } finally {
    stop.release();
    await match.close();
  }
}

/** A row an engine: wins, with where the true rate lies, by colour, and how. */
function say(output: Output, names: readonly [string, string], games: readonly MatchGame[]): void {
  const rows = ([0, 1] as const).map((engine) => {
    const won = games.filter(
      (g) => (g.winner === BLACK ? g.black : g.winner === WHITE ? g.white : undefined) === engine,
    );
    const [low, high] = wilson(won.length, games.length);
    const by = (letter: string) => won.filter(({ result }) => result.endsWith(`+${letter}`)).length;
    const margins = games.flatMap(({ result, white }) => {
      const [, side, points] = /^([BW])\+([\d.]+)$/.exec(result) ?? [];
      if (side === undefined) return [];
      return [((side === "W") === (white === engine) ? 1 : -1) * Number(points)];
    });
    const margin = margins.length === 0 ? undefined : margins.reduce((sum, m) => sum + m, 0) / margins.length;
    const moves = games.reduce((sum, { game }) => sum + game.moves.length / 2, 0);
    const thought = games.reduce((sum, { thinking }) => sum + thinking[engine] / 1000, 0);
    const asBlack = won.filter((g) => g.black === engine).length;
    output.event({
      engine: engine + 1,
      name: names[engine],
      games: games.length,
      wins: won.length,
      interval: [low, high],
      asBlack,
      asWhite: won.length - asBlack,
      byResignation: by("R"),
      byForfeit: by("F"),
      meanMargin: margin ?? null,
      secondsAMove: moves === 0 ? null : thought / moves,
    });
    return [
      names[engine],
      `${won.length} of ${games.length}`,
      `${percent(won.length / games.length)} (${percent(low)} to ${percent(high)})`,
      String(asBlack),
      String(won.length - asBlack),
      String(by("R")),
      String(by("F")),
      margin === undefined ? "-" : margin.toFixed(1),
      moves === 0 ? "-" : seconds(thought / moves),
    ];
  });
  output.say();
  output.say(
    table(
      ["engine", "wins", "rate (95%)", "as black", "as white", "resigned", "forfeited", "mean score", "a move"],
      rows,
    ),
  );
}
