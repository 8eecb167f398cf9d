/**
 * `npm run fuzz`: looks for faults with random input until the time is over. Each file of scripts/fuzz/ is one thing to
 * fuzz, and exports
 *
 *     about      one line for the list
 *     things     what is counted: "networks"
 *     patienceMs how long a case may take before it counts as hanging; ten minutes unless said
 *     options    its own flags, as node:util's parseArgs has them, each with a `help`
 *     open(values)   gives { attempt(seed), close() }. A seed is one case, the same on every machine:
 *                    attempt returns { tried, failures: [{ title, text }] }. Equal titles are one fault, whose text is
 *                    printed once; tried is 1 unless said.
 *
 * The cases run in a process of their own (fuzz-child.mjs), so that one which crashes or hangs is a failure as any other.
 * The last line printed is `N networks tried, N failures`. Exit status: 0 none failed, 1 some did, 2 it could not begin,
 * 130 Ctrl-C before any failed.
 */
import { fork } from "node:child_process";
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { build, inProject } from "./prepare.mjs";

const COMMON = {
  minutes: { type: "string", help: "how long (1)" },
  count: { type: "string", help: "how many seeds, instead of minutes" },
  seed: { type: "string", help: "the first seed (1); a failure names its own, which --seed N --count 1 runs again" },
};
/** A case that takes longer hangs. Generous, since other programs may have the machine. */
const PATIENCE_MS = 10 * 60_000;

const kinds = readdirSync(inProject("scripts", "fuzz"))
  .filter((name) => name.endsWith(".mjs"))
  .map((name) => name.slice(0, -".mjs".length));
const [kind, ...flags] = process.argv.slice(2);

async function main() {
  const asks = kind === undefined || ["help", "--help", "-h"].includes(kind);
  if (!asks && !kinds.includes(kind)) return refuse(`unknown "${kind}", expected one of ${kinds.join(", ")}`);
  if (!(await build())) return 2;
  if (asks) return list();
  const what = await load(kind);
  const options = { ...COMMON, ...what.options };
  let values;
  try {
    ({ values } = parseArgs({ args: flags, options: { ...options, help: { type: "boolean" } } }));
  } catch (error) {
    return refuse(error.message);
  }
  if (values.help) return help(what, options);
  const seed = Number(values.seed ?? 1);
  const minutes = Number(values.minutes ?? 1);
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
  if (!Number.isSafeInteger(seed) || seed < 0) return refuse(`--seed ${values.seed}: expected a whole number from 0`);
  if (!(minutes > 0)) return refuse(`--minutes ${values.minutes}: expected a number above 0`);
  if (!(count > 0)) return refuse(`--count ${values.count}: expected a number above 0`);
  const milliseconds = count === Number.POSITIVE_INFINITY ? minutes * 60_000 : Number.POSITIVE_INFINITY;
  return new Run(what, values).go({ seed, count, milliseconds });
}

const load = (name) => import(`./fuzz/${name}.mjs`);

function refuse(why) {
  console.error(`fuzz: ${why}`);
  return 2;
}

async function list() {
  console.log("npm run fuzz -- WHAT [--minutes 60] [--seed 1]\n");
  for (const name of kinds) console.log(`  ${name.padEnd(12)}${(await load(name)).about}`);
  console.log("\nnpm run fuzz -- WHAT --help lists the flags of one.");
  return 0;
}

function help({ about }, options) {
  console.log(`npm run fuzz -- ${kind} [flags]\n\n${about}\n`);
  for (const [name, { type, help: text }] of Object.entries(options)) {
    console.log(`  ${`--${name}${type === "string" ? " X" : ""}`.padEnd(16)}${text ?? ""}`);
  }
  return 0;
}

/** One case after another in a child, until the time is over or somebody presses Ctrl-C. */
class Run {
  #tried = 0;
  #failures = 0;
  /** How often each title came. */
  #titles = new Map();
  #child;
  #stopped = false;
  /** Why it could not begin. */
  #cannot;
  #wakeUp = () => {};
  #said = 0;

  constructor({ things, patienceMs = PATIENCE_MS }, values) {
    this.things = things;
    this.patienceMs = patienceMs;
    this.values = values;
  }

  async go({ seed, count, milliseconds }) {
    const stop = () => {
      this.#stopped = true;
      this.#wakeUp();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    const started = Date.now();
    let done = 0;
    for (; !this.#stopped && done < count && Date.now() - started < milliseconds; done++) {
      await this.#attempt(seed + done);
      this.#progress(started, Math.max(done / count, (Date.now() - started) / milliseconds), seed + done);
    }
    await this.#end();
    if (this.#cannot !== undefined) return refuse(this.#cannot);
    for (const [title, times] of this.#titles) console.log(`${String(times).padStart(6)} x ${title}`);
    const minutes = ((Date.now() - started) / 60_000).toFixed(1);
    console.error(`seeds ${seed} to ${seed + done - 1} in ${minutes} minutes`);
    console.log(`${this.#tried} ${this.things} tried, ${this.#failures} failures`);
    if (this.#failures > 0) return 1;
    return this.#stopped ? 130 : 0;
  }

  async #attempt(seed) {
    this.#child ??= fork(inProject("scripts", "fuzz-child.mjs"), [kind, JSON.stringify(this.values)]);
    const child = this.#child;
    const answer = await new Promise((resolve) => {
      const timer = setTimeout(
        () => resolve({ lost: `took longer than ${this.patienceMs / 60_000} minutes` }),
        this.patienceMs,
      );
      const answered = (message) => end(message);
      const ended = (code, signal) =>
        end({ lost: `ended the process ${signal ? `by ${signal}` : `with code ${code}`}` });
      const end = (result) => {
        clearTimeout(timer);
        child.off("message", answered);
        child.off("exit", ended);
        resolve(result);
      };
      this.#wakeUp = () => end({ isStopped: true });
      child.on("message", answered);
      child.on("exit", ended);
      child.send({ seed });
    });
    if (answer.isStopped) return;
    if (answer.cannot !== undefined) {
      this.#cannot = answer.cannot;
      this.#stopped = true;
      return;
    }
    if (answer.lost !== undefined) {
      child.kill("SIGKILL");
      this.#child = undefined;
      answer.failures = [{ title: `a case ${answer.lost}`, text: `seed ${seed} ${answer.lost}` }];
    }
    this.#tried += answer.tried ?? 1;
    for (const { title, text } of answer.failures) this.#fail(title, text);
  }

  /** Lets the child clear up behind it, if it is not in the middle of a case. */
  async #end() {
    const child = this.#child;
    if (child === undefined) return;
    const kill = setTimeout(() => child.kill("SIGKILL"), 1000);
    await new Promise((resolve) => {
      child.once("exit", resolve);
      child.disconnect();
    });
    clearTimeout(kill);
    this.#clear();
  }

  #fail(title, text) {
    this.#failures++;
    const times = (this.#titles.get(title) ?? 0) + 1;
    this.#titles.set(title, times);
    if (times > 1) return;
    this.#clear();
    console.log(`${text}\n`);
  }

  #progress(started, part, seed) {
    const terminal = process.stderr.isTTY === true;
    const now = Date.now();
    if (now - Math.max(this.#said, started) < (terminal ? 200 : 60_000)) return;
    this.#said = now;
    const figures = `${this.#tried} ${this.things}, ${this.#failures} failures, seed ${seed}`;
    if (!terminal) return console.error(`${Math.floor(100 * Math.min(part, 1))}%  ${figures}`);
    const bar = "=".repeat(Math.floor(30 * Math.min(part, 1))).padEnd(30);
    process.stderr.write(`\r\x1b[K[${bar}] ${figures}`.slice(0, (process.stderr.columns ?? 80) + 3));
  }

  #clear() {
    if (process.stderr.isTTY === true) process.stderr.write("\r\x1b[K");
  }
}

process.exitCode = await main();
