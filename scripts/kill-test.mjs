/**
 * `npm run kill-test`: ends trainings by kill -9 at random moments, goes on with them until they are done, and holds what they end in to
 * the bits of trainings that nobody disturbed: the models, and the log's figures.
 *
 *     npm run kill-test -- --kills 500 --seed 7
 *
 * Half of the kills come at any moment, half right when the run writes a file. Now and then a signal that asks comes instead (SIGINT,
 * SIGTERM, SIGHUP): the run must save and end with its exit code. The trainings are small and of all kinds
 * (kill-test/scenarios.mjs). A training that fails leaves its folder. The last line printed is `N kills tried, N failed`. Exit status: 0
 * none failed, 1 some did, 2 it could not begin.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, inProject } from "./prepare.mjs";

const OPTIONS = {
  kills: { type: "string", default: "500" },
  seed: { type: "string", default: "1" },
  only: { type: "string" },
  jobs: { type: "string", default: "2" },
  "no-build": { type: "boolean" },
  help: { type: "boolean", short: "h" },
};
const OFTEN = ["--checkpoint-every", "0.05", "--json"];
const MAIN = inProject("dist", "cli", "main.js");
/** Of trainings that hang. */
const PATIENCE_MS = 5 * 60_000;

async function main() {
  let values;
  try {
    ({ values } = parseArgs({ options: OPTIONS }));
  } catch (error) {
    return refuse(error.message);
  }
  if (values.help) {
    console.log("npm run kill-test -- [--kills 500] [--seed 1] [--jobs 2] [--only 'from disk']");
    return 0;
  }
  const [kills, seed] = [Number(values.kills), Number(values.seed)];
  if (!Number.isSafeInteger(kills) || kills < 1)
    return refuse(`--kills ${values.kills}: expected a whole number from 1`);
  if (!Number.isSafeInteger(seed)) return refuse(`--seed ${values.seed}: expected a whole number`);
  const jobs = Number(values.jobs);
  if (!Number.isSafeInteger(jobs) || jobs < 1) return refuse(`--jobs ${values.jobs}: expected a whole number from 1`);
  if (!values["no-build"] && !(await build())) return 2;
  const { SCENARIOS, random } = await import("./kill-test/scenarios.mjs");
  const chosen = SCENARIOS.filter(({ name }) => values.only === undefined || name === values.only);
  const names = SCENARIOS.map(({ name }) => name).join(", ");
  if (chosen.length === 0) return refuse(`--only ${values.only}: expected one of ${names}`);
  const test = new KillTest((n) => random(seed * 100_003 + n), kills, seed);
  try {
    await test.run(chosen, jobs);
  } finally {
    test.clear();
  }
  console.log(`${test.kills} kills tried, ${test.failed} failed`);
  return test.failed > 0 ? 1 : 0;
}

function refuse(why) {
  console.error(`kill-test: ${why}`);
  return 2;
}

class KillTest {
  kills = 0;
  failed = 0;
  #asked = 0;
  #trainings = 0;
  #folder = mkdtempSync(join(tmpdir(), "fovea-kill-"));
  #whole = new Map();
  #started = Date.now();

  constructor(randomOf, most, seed) {
    this.randomOf = randomOf;
    this.most = most;
    this.seed = seed;
  }

  async run(scenarios, jobs) {
    const needed = scenarios.slice(0, Math.max(1, Math.ceil(this.most / 2)));
    for (const scenario of needed) this.#whole.set(scenario, await this.#undisturbed(scenario));
    const job = async () => {
      while (this.kills < this.most) {
        const n = this.#trainings++;
        const scenario = needed[n % needed.length];
        await this.#training(n, scenario, this.#whole.get(scenario));
      }
    };
    await Promise.all(Array.from({ length: jobs }, job));
  }

  clear() {
    if (this.failed === 0) rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The data of a scenario, and what a run that nobody stops ends in. */
  async #undisturbed(scenario) {
    const folder = join(this.#folder, scenario.name.replace(/\W+/g, "-"));
    mkdirSync(folder);
    await scenario.data(folder);
    const begun = Date.now();
    const { code, stderr } = await start(scenario, folder, [...scenario.args, "--out", "run"]).ended;
    if (code !== 0) throw new Error(`${scenario.name}: does not even run: exit code ${code}\n${stderr}`);
    const milliseconds = Date.now() - begun;
    const result = resultOf(folder);
    rmSync(join(folder, "run"), { recursive: true });
    console.error(`${scenario.name}: ${(milliseconds / 1000).toFixed(1)} s undisturbed`);
    return { folder, milliseconds, result };
  }

  /** A training that is stopped some times, and then left alone. */
  async #training(n, scenario, { folder: data, milliseconds, result }) {
    const rng = this.randomOf(n);
    const folder = `${data}-${n}`;
    cpSync(data, folder, { recursive: true });
    const done = [];
    const limit = rng.integer(2, 12);
    let why;
    for (let kills = 0; kills < limit && this.kills < this.most && why === undefined; ) {
      const ending = drawEnding(rng, milliseconds, existsSync(join(folder, "run")));
      const { code, signal, stderr } = await stop(begin(rng, scenario, folder), folder, ending);
      done.push(
        `${ending.signal} ${ending.delay} ms after ${ending.writes > 0 ? `write ${ending.writes}` : "its start"}`,
      );
      if (signal === "SIGKILL") {
        kills++;
        this.kills++;
        this.#progress();
      } else if (code === 0) break;
      else if (ending.signal === "SIGKILL") why = `ended with code ${code} by itself: ${stderr}`;
      // Before the command has begun to listen, the signal ends the process.
      else if (signal !== ending.signal && code !== 128 + constants.signals[ending.signal]) {
        why = `${ending.signal} ended it with code ${code}, ${signal}: ${stderr}`;
      } else this.#asked++;
    }
    if (why === undefined) {
      const { code, signal, stderr } = await begin(rng, scenario, folder).ended;
      if (code !== 0) why = `could not go on to the end: ${signal ?? `exit code ${code}`}: ${stderr}`;
      else why = differenceOf(resultOf(folder), result);
    }
    if (why === undefined) {
      rmSync(folder, { recursive: true });
      return;
    }
    this.failed++;
    console.log(
      `${scenario.name}, training ${n} of seed ${this.seed}: ${why}\n  ${done.join("\n  ")}\n  kept in ${folder}`,
    );
  }

  #progress() {
    if (this.kills % 10 !== 0 && this.kills !== this.most) return;
    const minutes = ((Date.now() - this.#started) / 60_000).toFixed(1);
    console.error(
      `${this.kills} of ${this.most} kills in ${this.#trainings} trainings, ${this.#asked} other signals, ${this.failed} failed, ${minutes} minutes`,
    );
  }
}

/** When and how a run is to end: soon more often than late, since every run begins with the same second. */
function drawEnding(rng, milliseconds, isBegun) {
  const signal = rng.uniform() < 0.9 ? "SIGKILL" : rng.pick(["SIGINT", "SIGTERM", "SIGHUP"]);
  const writes = rng.uniform() < 0.5 ? 0 : isBegun ? rng.integer(1, 6) : 1;
  const delay = writes > 0 ? rng.integer(0, 6) : Math.ceil(milliseconds * rng.uniform() ** 2);
  return { signal, writes, delay };
}

/** Ends a run a while after it began, or after so many files that it began to write. */
async function stop({ child, ended }, folder, { signal, writes, delay }) {
  let timer;
  let watcher;
  const later = () => {
    timer ??= setTimeout(() => child.kill(signal), delay);
  };
  if (writes === 0) later();
  else {
    let left = writes;
    // The first file of a run is written as its folder is made, later ones in it.
    const place = existsSync(join(folder, "run")) ? join(folder, "run") : folder;
    watcher = watch(place, (_, name) => {
      if (name?.includes(".tmp-") && --left <= 0) later();
    });
  }
  const result = await ended;
  clearTimeout(timer);
  watcher?.close();
  return result;
}

function begin(rng, scenario, folder) {
  const args = existsSync(join(folder, "run")) ? ["--resume", "run"] : [...scenario.args, "--out", "run"];
  return start(scenario, folder, [...args, "--threads", String(rng.integer(1, 3))]);
}

function start({ command, always = [] }, cwd, args) {
  const env = { ...process.env, FOVEA_BACKEND: "", FOVEA_THREADS: "" };
  const child = spawn(process.execPath, [MAIN, ...command, ...args, ...always, ...OFTEN], {
    cwd,
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr = (stderr + text).slice(-2000);
  });
  const late = setTimeout(() => child.kill("SIGABRT"), PATIENCE_MS);
  const ended = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      clearTimeout(late);
      resolve({ code, signal, stderr });
    });
  });
  return { child, ended };
}

/** All that a run's end is: the files of weights, and the log but for its times. */
function resultOf(folder) {
  const file = (name) => readFileSync(join(folder, "run", name));
  const log = file("log.jsonl")
    .toString()
    .trim()
    .split("\n")
    .map((line) => {
      const { epoch, step, positions, train, test, learningRate } = JSON.parse(line);
      return JSON.stringify({ epoch, step, positions, train, test, learningRate });
    });
  return {
    "model.safetensors": file("model.safetensors"),
    "best.safetensors": file("best.safetensors"),
    "log.jsonl": log,
  };
}

function differenceOf(found, expected) {
  for (const name of ["model.safetensors", "best.safetensors"]) {
    if (!found[name].equals(expected[name])) return `${name} is another one`;
  }
  const [one, other] = [found["log.jsonl"], expected["log.jsonl"]];
  if (one.length !== other.length) return `log.jsonl has ${one.length} lines, expected ${other.length}`;
  const at = one.findIndex((line, i) => line !== other[i]);
  return at < 0 ? undefined : `log.jsonl, line ${at + 1}: ${one[at]}, expected ${other[at]}`;
}

process.exitCode = await main();
