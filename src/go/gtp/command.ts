/** What a GTP command is, and the state that commands act on. */

import type { Rules } from "../board/game.js";
import { CHINESE, Game } from "../board/game.js";
import type { Player } from "../policy/player.js";
import type { GameRecord } from "../sgf/record.js";

/** Its answer, or a Refusal thrown. */
export type Command = (args: readonly string[]) => string | Promise<string>;

/** What a session holds between commands. */
export class GtpState {
  readonly options: GtpEngineOptions;
  readonly player: Player;
  game: Game;
  komi = 0;
  ended = false;
  rules: Rules;

  constructor(options: GtpEngineOptions) {
    this.options = options;
    this.player = options.player;
    this.rules = options.rules ?? CHINESE;
    this.game = new Game(options.player.policy.size ?? 19, this.rules);
  }

  newGame(size: number): void {
    this.game = new Game(size, this.rules);
    this.game.komi = this.komi;
    this.player.newGame();
  }
}

export interface GtpEngineOptions {
  readonly player: Player;
  readonly name: string;
  readonly version: string;
  readonly rules?: Rules;
  /** Reads a game for loadsgf; without it the command is not known. */
  readGame?(path: string): Promise<GameRecord>;
}
