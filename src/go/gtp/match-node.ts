/**
 * Plays two GTP engines against each other under a referee: the board of the referee alone says what is legal, when the
 * game is over and what the score is. Whoever plays an illegal move, breaks the protocol or does not answer loses.
 *
 * The score is by area. Stones are dead where both engines say so; where they differ, or do not say, by random games
 * (estimate.ts), or none is dead (Tromp and Taylor) where that was asked for.
 */
import { boardText } from "../board/diagram.js";
import { estimate } from "../board/estimate.js";
import { Game, type Rules } from "../board/game.js";
import { BLACK, type Colour, colourName, opponentOf, vertexName, vertexNamed, WHITE } from "../board/geometry.js";
import { areaScore, scoreText } from "../board/score.js";
import { GtpClient, GtpFailure, GtpRefusal } from "./client-node.js";

export interface MatchOptions {
  readonly size: number;
  readonly komi: number;
  readonly rules: Rules;
  readonly scoring: "agreed" | "tromp-taylor";
  /** How long an answer may take. */
  readonly timeoutMs: number;
}

export interface MatchGame {
  /** The numbers, 0 or 1, of the engines that had black and white. */
  readonly black: 0 | 1;
  readonly white: 0 | 1;
  readonly winner: Colour | undefined;
  /** `B+12.5`, `W+R` (resigned), `B+F` (the other broke the rules), `0`. */
  readonly result: string;
  /** Why a game was forfeited, or how its dead stones were found; "" where there is nothing to say. */
  readonly remark: string;
  readonly game: Game;
  /** Milliseconds of thinking, of each engine by its number. */
  readonly thinking: readonly [number, number];
}

/** Two engines that are up, by the commands that start them; one that failed is started anew. */
export class Match {
  readonly commands: readonly [string, string];
  readonly options: MatchOptions;
  #clients: (GtpClient | undefined)[] = [undefined, undefined];

  constructor(commands: readonly [string, string], options: MatchOptions) {
    this.commands = commands;
    this.options = options;
  }

  /** What an engine calls itself, with its version. */
  async nameOf(engine: 0 | 1): Promise<string> {
    const client = this.#client(engine);
    const name = await client.send("name");
    const version = await client.send("version").catch(() => "");
    return `${name} ${version}`.trim();
  }

  /** Plays a game; `blackIs` is the number of the engine that has black. */
  async play(blackIs: 0 | 1): Promise<MatchGame> {
    const { size, komi, rules } = this.options;
    const game = new Game(size, rules);
    game.komi = komi;
    const engineOf = (colour: Colour): 0 | 1 => (colour === BLACK ? blackIs : ((1 - blackIs) as 0 | 1));
    const thinking: [number, number] = [0, 0];
    const end = (winner: Colour | undefined, result: string, remark = ""): MatchGame => ({
      black: engineOf(BLACK),
      white: engineOf(WHITE),
      winner,
      result,
      remark,
      game,
      thinking,
    });
    const forfeit = (loser: Colour, why: string): MatchGame => {
      const winner = opponentOf(loser);
      return end(winner, `${winner === BLACK ? "B" : "W"}+F`, `${colourName(loser)} ${why}`);
    };
    /** Asks the engine of a colour; a failure is that colour's, and told as such. */
    const ask = async (colour: Colour, command: string): Promise<string | MatchGame> => {
      const engine = engineOf(colour);
      try {
        return await this.#client(engine).send(command);
      } catch (error) {
        if (error instanceof GtpRefusal) return forfeit(colour, `refused "${command}": ${error.message}`);
        if (!(error instanceof GtpFailure)) throw error;
        await this.#drop(engine);
        return forfeit(colour, `failed: ${error.message}`);
      }
    };

    for (const colour of [BLACK, WHITE] as const) {
      for (const command of [`boardsize ${size}`, "clear_board", `komi ${komi}`]) {
        const answer = await ask(colour, command);
        if (typeof answer !== "string") return answer;
      }
    }
    // Twice as many moves as points only happen where kos go round.
    const most = 2 * size * size + 100;
    while (game.passes < 2 && game.moves.length < most) {
      const colour = game.toPlay;
      const started = performance.now();
      const answer = await ask(colour, `genmove ${colourName(colour)}`);
      thinking[engineOf(colour)] += performance.now() - started;
      if (typeof answer !== "string") return answer;
      const text = answer.trim();
      if (/^resign$/i.test(text)) {
        const winner = opponentOf(colour);
        return end(winner, `${winner === BLACK ? "B" : "W"}+R`);
      }
      const vertex = vertexNamed(text, size);
      if (vertex === undefined) return forfeit(colour, `answered genmove with "${text.slice(0, 40)}"`);
      const why = game.whyIllegal(colour, vertex);
      if (why !== undefined) {
        return forfeit(colour, `played an illegal move at ${text}: ${why}\n${boardText(game.board)}`);
      }
      game.play(colour, vertex);
      const heard = await ask(opponentOf(colour), `play ${colourName(colour)} ${vertexName(vertex, size)}`);
      if (typeof heard !== "string") return heard;
    }
    if (game.passes < 2) return end(undefined, "Void", `no end after ${most} moves`);
    const { dead, how } = await this.#deadStones(game);
    const { margin } = areaScore(game.board, { komi, dead });
    return end(margin > 0 ? BLACK : margin < 0 ? WHITE : undefined, scoreText(margin), how);
  }

  async #deadStones(game: Game): Promise<{ readonly dead: readonly number[]; readonly how: string }> {
    if (this.options.scoring === "tromp-taylor") return { dead: [], how: "" };
    const lists = await Promise.all(([0, 1] as const).map((engine) => this.#deadBy(engine, game)));
    const [first, second] = lists.map((list) => list?.join(" "));
    if (first !== undefined && first === second) return { dead: lists[0]!, how: "" };
    const { dead } = estimate(game.board, game.toPlay, { playouts: 400 });
    const said = dead.join(" ");
    const agree = [first, second].flatMap((list, engine) => (list === said ? [`as engine ${engine + 1} says`] : []));
    return { dead, how: `dead stones by random games${agree.length > 0 ? `, ${agree[0]}` : ""}` };
  }

  async #deadBy(engine: 0 | 1, game: Game): Promise<readonly number[] | undefined> {
    try {
      const said = await this.#client(engine).send("final_status_list dead");
      const vertices = said
        .split(/\s+/)
        .filter(Boolean)
        .map((name) => vertexNamed(name, game.size));
      const known = vertices.filter((vertex) => vertex !== undefined);
      return known.length === vertices.length ? known.sort((a, b) => a - b) : undefined;
    } catch (error) {
      if (error instanceof GtpFailure) await this.#drop(engine);
      else if (!(error instanceof GtpRefusal)) throw error;
      return undefined;
    }
  }

  async close(): Promise<void> {
    await Promise.all(([0, 1] as const).map((engine) => this.#drop(engine)));
  }

  #client(engine: 0 | 1): GtpClient {
    this.#clients[engine] ??= new GtpClient(this.commands[engine], { timeoutMs: this.options.timeoutMs });
    return this.#clients[engine]!;
  }

  async #drop(engine: 0 | 1): Promise<void> {
    const client = this.#clients[engine];
    this.#clients[engine] = undefined;
    await client?.close();
  }
}

/** Wilson's interval of a rate at 95%: where the true rate of wins lies. */
export function wilson(wins: number, games: number): readonly [number, number] {
  if (games === 0) return [0, 1];
  const z = 1.96;
  const rate = wins / games;
  const centre = (rate + (z * z) / (2 * games)) / (1 + (z * z) / games);
  const half = (z * Math.sqrt((rate * (1 - rate)) / games + (z * z) / (4 * games * games))) / (1 + (z * z) / games);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
