/**
 * The Go Text Protocol, version 2 (Farneback 2002): lines of commands in, answers out. This file knows the form of
 * commands and answers; what the commands do is in commands.ts.
 *
 *     12 play black D4      ->   =12
 *     genmove white         ->   = Q16
 *     play black Z9         ->   ? syntax error
 */
import { DataError } from "../../base/errors.js";
import { Refusal } from "./arguments.js";
import type { GtpEngineOptions } from "./command.js";
import { type Command, GtpState } from "./command.js";
import { commandsOf } from "./commands.js";

export class GtpSession {
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #state: GtpState;

  constructor(options: GtpEngineOptions) {
    this.#state = new GtpState(options);
    this.#commands = commandsOf(this.#state);
  }

  /** Whether `quit` was asked for: no more lines should be read. */
  get ended(): boolean {
    return this.#state.ended;
  }

  /**
   * The answer to a line, its empty line included; undefined where none is due (an empty line, a comment). To be asked
   * for one line after the other. Whatever a line says is answered; what throws is an error of fovea's own.
   */
  async answer(line: string): Promise<string | undefined> {
    // Control characters go, tabs are spaces, and # begins a comment (section 3.1).
    const clean = line
      .replace(/#.*$/s, "")
      .replace(/\t/g, " ")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be taken away
      .replace(/[\x00-\x1f\x7f]/g, "")
      .trim();
    if (clean === "") return undefined;
    const [, id = "", rest = ""] = /^(\d+(?=\s|$))?\s*(.*)$/.exec(clean) ?? [];
    const [name = "", ...args] = rest.split(/ +/);
    const command = this.#commands.get(name);
    if (command === undefined) return `?${id} unknown command\n\n`;
    try {
      const said = await command(args);
      return `=${id}${said === "" ? "" : ` ${said}`}\n\n`;
    } catch (error) {
      if (error instanceof Refusal) return `?${id} ${error.message}\n\n`;
      // What a game's rules refuse is not the protocol's fault.
      if (error instanceof DataError) return `?${id} ${error.message.replace(/\s*\n\s*/g, " ")}\n\n`;
      throw error;
    }
  }
}
