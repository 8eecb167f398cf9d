/**
 * A Go engine as a process that speaks GTP (Go Text Protocol, version 2, Farneback 2002): commands go in, answers come
 * back in order.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { FoveaError, OptionError } from "../../base/errors.js";
import { reasonOf } from "../../base/reason.js";

/** An engine's answer that begins with `?`: it is up and refuses. */
export class GtpRefusal extends FoveaError {
  override get name(): string {
    return "GtpRefusal";
  }
}

/** An engine that is gone, does not answer in time or answers what is no GTP. */
export class GtpFailure extends FoveaError {
  override get name(): string {
    return "GtpFailure";
  }
}

export interface GtpClientOptions {
  /** How long an answer may take; a minute unless said. */
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly command: string;
  resolve(text: string): void;
  reject(error: Error): void;
}

export class GtpClient {
  /** As a user wrote it. */
  readonly command: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #text = "";
  #errors = "";
  #failure: GtpFailure | undefined;

  /**
   * Starts a process; a command is a program and its arguments, with quotes where they hold spaces.
   * @throws OptionError where there is no command, GtpFailure where this process may start none.
   */
  constructor(command: string, options: GtpClientOptions = {}) {
    const [program, ...args] = words(command);
    if (program === undefined)
      throw new OptionError("engine: expected a command such as `gnugo --mode gtp`, found none");
    this.command = command;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    try {
      this.#child = spawn(program, args, { stdio: "pipe" });
    } catch (cause) {
      // Node's permission model, say, lets nothing be started.
      throw new GtpFailure(`engine \`${command}\` could not be started: ${reasonOf(cause)}`, { cause });
    }
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#heard(text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    // Writing to a process that has gone is told by its end.
    this.#child.stdin.on("error", () => {});
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#fail(`could not be started: ${error.message}`);
        resolve();
      });
      this.#child.once("close", (code, signal) => {
        const last = this.#errors.trim().split("\n").at(-1) ?? "";
        this.#fail(`ended (${signal ?? `exit code ${code}`})${last === "" ? "" : `; its last words: ${last}`}`);
        resolve();
      });
    });
  }

  /**
   * Sends a command and gives its answer, without `=` and the empty line. Commands may be sent ahead.
   * @throws GtpRefusal with the engine's reason, GtpFailure where there is no answer.
   */
  send(command: string): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ command, resolve, reject });
      if (this.#waiting.length === 1) this.#await();
      this.#child.stdin.write(`${command}\n`);
    });
  }

  /** Asks the engine to quit, and ends it where it does not. */
  async close(): Promise<void> {
    if (this.#failure === undefined) {
      const quit = this.send("quit").catch(() => {});
      await Promise.race([quit, new Promise((resolve) => setTimeout(resolve, 2000).unref())]);
    }
    this.#child.stdin.end();
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#ended;
    clearTimeout(kill);
  }

  #await(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    this.#timer = setTimeout(() => {
      this.#fail(`did not answer within ${this.#timeoutMs / 1000} s`);
      this.#child.kill("SIGKILL");
    }, this.#timeoutMs);
  }

  #heard(text: string): void {
    this.#text += text.replace(/\r/g, "");
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) return;
      const answer = this.#text.slice(0, end).replace(/^\n+/, "");
      this.#text = this.#text.slice(end + 2);
      if (answer === "") continue;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) {
        this.#fail(`said something that nobody asked for: ${answer.slice(0, 100)}`);
        return;
      }
      this.#await();
      const [, status, body] = /^([=?])\d*[ \t]*([\s\S]*)$/.exec(answer) ?? [];
      if (status === "=") waiting.resolve(body!);
      else if (status === "?") waiting.reject(new GtpRefusal(`${this.command}: refused "${waiting.command}": ${body}`));
      else waiting.reject(this.#fail(`answered what is no GTP: ${answer.slice(0, 100)}`));
    }
  }

  #fail(why: string): GtpFailure {
    const asked = this.#waiting[0] === undefined ? "" : ` (asked: ${this.#waiting[0].command})`;
    this.#failure ??= new GtpFailure(`engine \`${this.command}\` ${why}${asked}`);
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
    return this.#failure;
  }
}

/** A command line's words: split at spaces, but for those in quotes or after a backslash. */
export function words(command: string): string[] {
  const found = command.match(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g) ?? [];
  return found.map((word) =>
    word.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double?: string, single?: string, one?: string) =>
      double !== undefined ? double.replace(/\\(.)/g, "$1") : (single ?? one ?? ""),
    ),
  );
}
