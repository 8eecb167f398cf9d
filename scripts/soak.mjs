/**
 * `npm run soak`: does the same thing very often and sees that nothing piles up: memory, threads, mappings of memory.
 *
 *     steps         training steps of one session
 *     predictions   answers of one classifier
 *     cycles        classifiers that are compiled, asked once and closed
 *     crews         trainings, each with three threads of its own
 *     profiles      profiles of a network on three threads
 *
 * Each part has a process of its own (soak-child.mjs), which prints its figures at the start (behind the first tenth, or ten
 * rounds, in which the engine compiles), in the middle and at the end. The last line printed is `N parts held flat, N grew`. Exit status: 0 all
 * are flat, 1 one grew or failed, 2 it could not begin.
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { build, inProject } from "./prepare.mjs";

const FULL = { steps: 100_000, predictions: 100_000, cycles: 300, crews: 100, profiles: 100 };
const parts = Object.keys(FULL);

async function main() {
  let values;
  try {
    const whole = Object.fromEntries(parts.map((part) => [part, { type: "string" }]));
    ({ values } = parseArgs({ options: { ...whole, help: { type: "boolean", short: "h" } } }));
  } catch (error) {
    return refuse(error.message);
  }
  if (values.help) {
    console.log(
      "npm run soak -- [--steps 100000] [--predictions 100000] [--cycles 300] [--crews 100] [--profiles 100]",
    );
    console.log("\nParts that are not named are left out, unless none is.");
    return 0;
  }
  const named = parts.filter((part) => values[part] !== undefined);
  const counts = new Map();
  for (const part of named.length > 0 ? named : parts) {
    const count = Number(values[part] ?? FULL[part]);
    if (!Number.isSafeInteger(count) || count < 4) {
      return refuse(`--${part} ${values[part]}: expected a whole number from 4`);
    }
    counts.set(part, count);
  }
  if (!(await build())) return 2;
  let grew = 0;
  for (const [part, count] of counts) if (!(await run(part, count))) grew++;
  console.log(`${counts.size - grew} parts held flat, ${grew} grew`);
  return grew > 0 ? 1 : 0;
}

function refuse(why) {
  console.error(`soak: ${why}`);
  return 2;
}

function run(part, count) {
  // Blocks that are freed go back to the system at once, so that what the process has is what it uses.
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "131072" };
  const args = ["--expose-gc", inProject("scripts", "soak-child.mjs"), part, String(count)];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "inherit", "inherit"] });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      console.error(`${part}: ${error.message}`);
      resolve(false);
    });
    child.once("exit", (code, signal) => {
      if (signal !== null) console.error(`${part}: ended by ${signal}`);
      resolve(code === 0);
    });
  });
}

process.exitCode = await main();
