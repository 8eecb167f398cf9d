/** A system under measurement as a child process that answers lines of JSON (see serve.mjs). */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const KEPT = 2000; // characters of what it said on standard error

export class Child {
  #process;
  #waiting;
  #said = "";
  #ended;

  constructor(command, args, { env = {}, timeoutMs = 600_000 } = {}) {
    this.timeoutMs = timeoutMs;
    this.#process = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const end = (why) => {
      this.#ended ??= why;
      this.#settle({ error: `${this.#ended}${this.#said === "" ? "" : `: ${this.#said.trim()}`}` });
    };
    this.#process.on("error", (error) => end(error.message));
    this.#process.on("close", (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
    this.#process.stdin.on("error", () => {}); // its end is told by "close"
    this.#process.stderr.on("data", (text) => {
      this.#said = (this.#said + text).slice(-KEPT);
    });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      try {
        this.#settle(JSON.parse(line));
      } catch {
        this.#said = `${this.#said}${line}\n`.slice(-KEPT);
      }
    });
  }

  get pid() {
    return this.#process.pid;
  }

  /** One request at a time. Rejects with what the child says is wrong. */
  ask(what, request = {}) {
    if (this.#waiting !== undefined) throw new Error(`${what}: the last request was not answered yet`);
    if (this.#ended !== undefined) return Promise.reject(new Error(this.#ended));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle({ error: `no answer to "${what}" in ${this.timeoutMs / 1000} s` });
        this.#process.kill("SIGKILL");
      }, this.timeoutMs);
      this.#waiting = (reply) => {
        clearTimeout(timer);
        if (reply.error === undefined) resolve(reply);
        else reject(new Error(reply.error));
      };
      this.#process.stdin.write(`${JSON.stringify({ do: what, ...request })}\n`);
    });
  }

  async close() {
    if (this.#ended !== undefined) return;
    const closed = new Promise((resolve) => this.#process.once("close", resolve));
    this.#process.stdin.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await closed;
    clearTimeout(timer);
  }

  #settle(reply) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(reply);
  }
}
