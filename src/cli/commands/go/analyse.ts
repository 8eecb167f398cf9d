/** `fovea go analyse`: what a policy thinks of the moves of a game. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { type Colour, colourName, PASS, vertexName } from "../../../go/board/geometry.js";
import { boardSvg } from "../../../go/board/picture.js";
import { agreement, analyseGame, type JudgedMove } from "../../../go/policy/analysis.js";
import { readGame } from "../../../go/sgf/read-node.js";
import { type GameRecord, startOf } from "../../../go/sgf/record.js";
import { writeFileAtomically } from "../../../host/atomic-write-node.js";
import { wholeOf } from "../../options/arguments.js";
import { EXIT } from "../../terminal/errors.js";
import { Output, percent, table } from "../../terminal/output.js";
import { Progress } from "../../terminal/progress.js";
import { openPolicy, type PolicyFlags, withPolicyFlags } from "./policy.js";

interface Flags extends PolicyFlags {
  readonly top: number;
  readonly move?: number;
  readonly svg?: string;
  readonly json?: boolean;
}

export function goAnalyseCommand(go: Command): void {
  withPolicyFlags(
    go
      .command("analyse")
      .alias("analyze")
      .summary("judge the moves of a game")
      .description(
        "Says of each move of a game how likely the policy found it and at which rank, with the moves that it liked better; and " +
          "draws the board before one move with what it thought there.",
      )
      .argument("<game>", "a game in SGF"),
  )
    .option("--top <n>", "moves to name, the likeliest first", wholeOf("--top", 1), 3)
    .option("--svg <file>", "draw the board before the move of --move as a heat map")
    .option("--move <n>", "which move that is (default: the last)", wholeOf("--move", 1))
    .option("--json", "one JSON object a move on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea go analyse game.sgf --model policy.safetensors
  $ fovea go analyse game.sgf --model policy.safetensors --svg move57.svg --move 57`,
    )
    .action(async (path: string, flags: Flags) => {
      process.exitCode = await analyse(path, flags);
    });
}

async function analyse(path: string, flags: Flags): Promise<number> {
  if (flags.move !== undefined && flags.svg === undefined) {
    throw new OptionError("--move: says which move --svg draws; give both");
  }
  const record = await readGame(path);
  if (record.moves.length === 0) throw new OptionError(`${path}: has no moves to analyse`);
  const shown = flags.move ?? record.moves.length;
  if (shown > record.moves.length) {
    throw new OptionError(`--move ${shown}: the game has ${record.moves.length} moves`);
  }
  const output = new Output(flags.json ?? false);
  const policy = await openPolicy(flags);
  try {
    if (policy.size !== undefined && policy.size !== record.size) {
      throw new OptionError(
        `${path}: is played on ${record.size}x${record.size}, but the network plays ${policy.size}x${policy.size}`,
      );
    }
    const progress = new Progress({
      total: record.moves.length,
      label: "judging",
      unit: "moves",
      stream: process.stderr,
    });
    const judged = await analyseGame(record, policy, { top: flags.top, progress: (done) => progress.update(done) });
    progress.stop();
    for (const move of judged) output.event(eventOf(move, record.size));
    output.say(
      table(
        ["move", "", "played", "probability", "rank", "liked best"],
        judged.map((m) => row(m, record.size)),
      ),
    );
    const { moves, top1, top5, probability } = agreement(judged);
    output.event({ moves, top1, top5, meanProbability: probability });
    output.say();
    output.say(
      `of ${moves} moves ${percent(top1)} were its first choice and ${percent(top5)} among its first five; ` +
        `mean probability ${percent(probability)} (geometric)`,
    );
    if (flags.svg !== undefined) await draw(flags.svg, record, shown, policy);
    return EXIT.ok;
  } finally {
    await policy.close();
  }
}

const nameOf = (vertex: number, size: number) => vertexName(vertex, size);

function row({ number, colour, vertex, probability, rank, best }: JudgedMove, size: number): string[] {
  return [
    String(number),
    colourName(colour),
    nameOf(vertex, size),
    Number.isNaN(probability) ? "-" : percent(probability),
    rank === 0 ? "-" : String(rank),
    best.map((move) => `${nameOf(move.vertex, size)} ${percent(move.probability)}`).join(", "),
  ];
}

function eventOf({ number, colour, vertex, probability, rank, best }: JudgedMove, size: number) {
  return {
    move: number,
    colour: colourName(colour),
    played: nameOf(vertex, size),
    probability: Number.isNaN(probability) ? null : probability,
    rank: rank === 0 ? null : rank,
    best: best.map((move) => ({ vertex: nameOf(move.vertex, size), probability: move.probability })),
  };
}

/** The board before a move, the policy's thoughts, and a ring where was played. */
async function draw(
  file: string,
  record: GameRecord,
  number: number,
  policy: { probabilities(board: ReturnType<typeof startOf>, colour: Colour): Promise<Float32Array> },
): Promise<void> {
  const board = startOf(record);
  for (const { colour, vertex } of record.moves.slice(0, number - 1)) board.play(colour, vertex);
  const { colour, vertex } = record.moves[number - 1]!;
  const said = await policy.probabilities(board, colour);
  const legal = said.map((probability, v) => (board.isLegal(colour, v) ? probability : 0));
  const played = vertex === PASS ? "pass" : vertexName(vertex, record.size);
  const title = `move ${number}: ${colourName(colour)} played ${played}`;
  await writeFileAtomically(file, [boardSvg({ board, probabilities: legal, marked: vertex, title })]);
}
