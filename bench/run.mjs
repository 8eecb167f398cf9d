/**
 * `npm run bench`: fovea beside the peers that are installed (bench/peers/setup installs them), in one run, in turns.
 *
 *     npm run bench -- --what train --only lenet5 --quick --no-save
 *     npm run bench -- --profile --only lenet5-train-128
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Child } from "./child.mjs";
import { agreement } from "./agree.mjs";
import { compileTable, measureCompile } from "./compile.mjs";
import { profile, profileText } from "./fovea/profile.mjs";
import { writeInputs } from "./inputs.mjs";
import { calibrate, leftIn, Machine, measure } from "./measure.mjs";
import { measureMemory } from "./memory.mjs";
import { bestOf, familiesOf, partOfPeak, summarise, timesFaster } from "./summary.mjs";
import { startSystems, startWasmSystems } from "./systems.mjs";
import { markdown, milliseconds } from "./table.mjs";
import { choose, operationsOf, tableOf, WORKLOADS } from "./workloads.mjs";

const HELP = `npm run bench -- [options]

  --what train|infer|layers   only these rows, on native code; several with commas: train,infer
  --what wasm                 only inference in WebAssembly, beside others that compute in it
  --what chromium             the same in pages of a Chromium
  --what compile              how long programs take to compile, no step run (bench/compile.mjs)
  --what memory               what is planned, and how the resident size grows by the first step
  --what loader               pictures a second from files to batches (bench/loader.mjs)
  --what segmentation         a picture of 320x240 labelled pixel by pixel (bench/segmentation.mjs)
  --workers N                 its worker threads
  --only TEXT                 only rows whose id, title or network contains TEXT
  --quick                     3 short rounds instead of 9, for a first look
  --repeats N                 rounds
  --tries N                   how often a disturbed repeat is taken again (5)
  --peers torch,ort,tfjs,ort-web   which peers; "none" for fovea alone
  --backends avx512,avx2      fovea's backends beside each other; its own choice without
  --direct                    fovea without Winograd's convolutions beside it
  --profile                   where the time goes instead, step by step, on one thread
  --out FOLDER                where results go (bench/results)
  --no-save                   only print
  --list                      the rows' ids`;

const { values: options } = parseArgs({
  options: {
    what: { type: "string" },
    only: { type: "string" },
    workers: { type: "string" },
    quick: { type: "boolean", default: false },
    repeats: { type: "string" },
    tries: { type: "string" },
    peers: { type: "string", default: "torch,ort,tfjs,ort-web" },
    backends: { type: "string" },
    direct: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    out: { type: "string", default: fileURLToPath(new URL("results", import.meta.url)) },
    "no-save": { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const DATE = new Date().toISOString().slice(0, 10);
const note = (text) => console.error(text);
const whole = (name, standard) => {
  const value = Number(options[name] ?? standard);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} ${options[name]}: expected a whole number from 1`);
  return value;
};

if (options.help) console.log(HELP);
else if (options.what === "segmentation") {
  const { benchSegmentation, segmentationTable } = await import("./segmentation.mjs");
  const results = await benchSegmentation({ quick: options.quick, only: options.only, note: console.log });
  if (!options["no-save"] && options.only === undefined) writeFileSync(join(options.out, "segmentation.md"), segmentationTable(results));
} else if (options.what === "loader") {
  const { benchLoader, loaderTable } = await import("./loader.mjs");
  const workers = options.workers === undefined ? undefined : whole("workers");
  const results = await benchLoader({ quick: options.quick, only: options.only, workers, note: console.log });
  if (!options["no-save"] && options.only === undefined) writeFileSync(join(options.out, "loader.md"), loaderTable(results));
} else if (options.what === "memory") console.log(measureMemory({ only: options.only, note }));
else if (options.what === "compile") await compileAll();
else if (options.list) for (const workload of WORKLOADS) console.log(`${workload.id.padEnd(36)} ${tableOf(workload)}: ${workload.title}`);
else {
  const folder = mkdtempSync(join(tmpdir(), "fovea-bench-"));
  try {
    await main(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(folder) {
  const inChromium = options.what === "chromium";
  const workloads = choose(inChromium ? { ...options, what: "wasm" } : options);
  if (workloads.length === 0) throw new Error("no row is like that; --list shows them all");
  if (options.profile) return profileAll(workloads, folder);
  const settings = {
    rounds: whole("repeats", options.quick ? 3 : 9),
    tries: whole("tries", options.quick ? 2 : 5),
    repeatMs: options.quick ? 120 : 250,
    slowest: options.quick ? 1.5 : Number.POSITIVE_INFINITY,
    pauseMs: 300,
  };
  const backends = options.backends?.split(",") ?? [undefined];
  const peers = options.peers.split(",");
  const machine = await startMachine(backends[0]);
  note(
    `multiply-add peak ${machine.gflops.toFixed(0)} GFLOP/s on two threads, ${machine.gflopsOfOne.toFixed(0)} on one; ` +
      `memory read ${machine.gigabytesPerSecond.toFixed(0)} GB/s`,
  );
  const systems = [];
  const rows = [];
  try {
    for (const on of [undefined, "wasm"]) {
      const chosen = workloads.filter((workload) => workload.on === on);
      if (chosen.length === 0) continue;
      const started = on === "wasm" ? await startWasmSystems({ peers, inChromium, note }) : await startSystems({ backends, direct: options.direct, peers, note });
      systems.push(...started.filter(({ onlyExports }) => !onlyExports));
      try {
        for (const workload of chosen) {
          const place = join(folder, workload.id);
          rows.push(await measureWorkload(workload, { systems: started, machine, settings, folder: place }));
          rmSync(place, { recursive: true, force: true });
          save({ machine, systems, rows, settings });
        }
      } finally {
        for (const { child } of started) await child.close();
      }
    }
  } finally {
    await machine.probe.close();
  }
  console.log(markdown(resultOf({ machine, systems, rows, settings })));
  if (!options["no-save"]) note(`saved ${resultPath()}.md and .json`);
}

async function compileAll() {
  const machine = await startMachine();
  const [repeats, tries] = [whole("repeats", options.quick ? 1 : 5), whole("tries", options.quick ? 2 : 5)];
  const rows = await measureCompile({ only: options.only, repeats, tries, machine, note });
  await machine.probe.close();
  const text = compileTable(rows, processorName(), DATE);
  console.log(text);
  if (options["no-save"] || options.only !== undefined) return;
  mkdirSync(options.out, { recursive: true });
  writeFileSync(join(options.out, "compile.md"), text);
}

async function profileAll(workloads, folder) {
  for (const workload of workloads) {
    const inputs = join(folder, workload.id);
    writeInputs(workload, inputs);
    const backend = options.backends?.split(",")[0] ?? workload.on;
    console.log(`${profileText(workload, await profile(workload, inputs, { backend }))}\n`);
  }
}

/** The peak of the backend that is measured, and for the record that of AVX2. */
async function startMachine(backend) {
  const probeOf = (name) => {
    const env = name === undefined ? {} : { FOVEA_BACKEND: name };
    return new Child(process.execPath, [fileURLToPath(new URL("fovea/probe.mjs", import.meta.url))], { env });
  };
  const machine = await new Machine(probeOf(backend)).start(options.quick ? { tries: 2 } : {});
  if (!machine.quietAtStart) note("others are using this machine: figures will be noisy");
  machine.peaks = [machine];
  if (machine.backend === "avx512") {
    const narrow = probeOf("avx2");
    machine.peaks.push(await narrow.ask("peak"));
    await narrow.close();
  }
  return machine;
}

async function measureWorkload(workload, { systems, machine, settings, folder }) {
  note(`\n${workload.id}`);
  writeInputs(workload, folder);
  const contenders = [];
  const exported = await exportNetwork(workload, systems, folder);
  for (const system of systems) {
    if (system.onlyExports || (system.readsOnnx && !exported)) continue;
    try {
      const { modes } = await system.child.ask("prepare", { workload, folder });
      for (const [n, mode] of modes.entries()) contenders.push(contenderOf(system, mode, n === 0));
    } catch (error) {
      note(`  ${system.name}: ${error.message}`);
      contenders.push({ name: system.name, family: system.family, failure: error.message, repeats: [] });
    }
  }
  const failed = (contender, error) => {
    contender.failure = error.message;
    note(`  ${contender.name}: ${error.message}`);
    process.exitCode = 1;
  };
  await checkAgreement(workload, contenders, folder, failed);
  for (const contender of contenders) {
    if (contender.failure !== undefined) continue;
    try {
      Object.assign(contender, await calibrate(contender, settings.repeatMs));
    } catch (error) {
      failed(contender, error);
    }
  }
  const sound = leftIn(contenders.filter((c) => c.failure === undefined), settings);
  await measure(sound, machine, { ...settings, failed });
  for (const c of sound) if (c.failure === undefined) c.summary = summarise(c.repeats);
  const row = rowOf(workload, contenders);
  for (const c of contenders) note(`  ${describe(c, workload)}`);
  for (const [family, { name, timesFaster, noisy }] of Object.entries(row.against))
    note(`  ${timesFaster.toFixed(2)} times faster than the best ${family} (${name})${noisy ? ", but noisy: not to be believed" : ""}`);
  const part = ourPart(row);
  if (part !== undefined) note(`  ${(100 * part).toFixed(0)}% of the peak`);
  return row;
}

function contenderOf({ id, name, family, child }, mode, isFirst) {
  return {
    // fovea's first mode is the one that stands for it in the ratios.
    name: family === "fovea" ? (isFirst ? id : `${id} ${mode}`) : `${name} ${mode}`,
    family,
    mode,
    pid: child.pid,
    repeats: [],
    run: (calls) => child.ask("run", { mode, calls }),
    check: (file) => child.ask("check", { mode, file }),
  };
}

/** ONNX Runtime's network is the one that a PyTorch peer writes. Whether there is one. */
async function exportNetwork(workload, systems, folder) {
  if (workload.what !== "infer" || !systems.some((s) => s.readsOnnx)) return false;
  for (const { name, family, child } of systems) {
    if (family !== "PyTorch") continue;
    try {
      await child.ask("export", { workload, folder, file: join(folder, "model.onnx") });
      return true;
    } catch (error) {
      note(`  ${name} exports no ONNX file: ${error.message}`);
    }
  }
  note("  ONNX Runtime is left out: it needs a PyTorch beside it, to write its network");
  return false;
}

/** Same weights and inputs must give the same numbers; who differs from fovea is not timed. */
async function checkAgreement(workload, contenders, folder, failed) {
  let reference;
  for (const contender of contenders) {
    if (contender.failure !== undefined) continue;
    const file = join(folder, "result.raw");
    try {
      await contender.check(file);
      const result = agreement(file, reference);
      reference ??= result.numbers;
      contender.difference = result.difference;
      if (result.problem !== undefined) failed(contender, new Error(result.problem));
    } catch (error) {
      failed(contender, error);
    }
  }
}

function rowOf(workload, contenders) {
  const ours = contenders.find((c) => c.family === "fovea");
  const against = {};
  if (ours?.summary !== undefined) {
    for (const family of familiesOf([{ contenders }])) {
      const best = bestOf(contenders, family);
      const noisy = ours.summary.noisy || best.summary.noisy;
      against[family] = { name: best.name, timesFaster: timesFaster(ours.repeats, best.repeats), noisy };
    }
  }
  return { workload, contenders, against };
}

/** What fovea reaches of the multiply-add peak, of a layer. */
function ourPart({ workload, contenders }) {
  const operations = operationsOf(workload);
  const ours = contenders.find((c) => c.family === "fovea");
  return operations === undefined || ours?.summary === undefined ? undefined : partOfPeak(ours.repeats, operations);
}

function describe({ name, summary, failure, difference, leftOut }, workload) {
  if (leftOut !== undefined) return `${name.padEnd(28)} left out: ${leftOut.toFixed(1)} times as slow as its best form`;
  if (summary === undefined) return `${name.padEnd(28)} failed: ${failure}`;
  const operations = operationsOf(workload);
  const rate = operations === undefined ? "" : `  ${(operations / summary.median / 1e6).toFixed(0)} GFLOP/s`;
  return (
    `${name.padEnd(28)} ${milliseconds(summary.median).padStart(8)} ms  (best ${milliseconds(summary.min)}, ` +
    `${summary.quiet} of ${summary.repeats} quiet${difference === undefined ? "" : `, differs by ${difference.toExponential(0)}`})${rate}`
  );
}

function processorName() {
  return cpus()[0]?.model.trim() ?? "unknown processor";
}

function resultOf({ machine, systems, rows, settings }) {
  return {
    date: DATE,
    machine: {
      processor: processorName(),
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version.slice(1),
      kernel: `${process.platform} ${release()}`,
      peaks: machine.peaks.map(({ backend, gflops, gflopsOfOne }) => ({ backend, gflops, gflopsOfOne })),
      gigabytesPerSecond: machine.gigabytesPerSecond,
    },
    systems: systems.map(({ id, name, family, details }) => ({ id, name, family, details })),
    settings,
    rows: rows.map(({ contenders, ...row }) => ({
      ...row,
      partOfPeak: ourPart({ ...row, contenders }),
      contenders: contenders.map(({ run, check, pid, ...contender }) => contender),
    })),
  };
}

/** Of the date, the machine and the part that is run, so that parts run one after the other stand beside each other. */
function resultPath() {
  const isDirect = process.env.FOVEA_WINOGRAD === "off";
  const parts = [DATE, processorName(), options.what, options.only, options.backends, isDirect ? "direct" : undefined];
  const name = parts.filter((part) => part !== undefined).join("-");
  return join(options.out, name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/-$/, ""));
}

/** After each row: who stops a long run keeps what it has measured. */
function save(measured) {
  if (options["no-save"]) return;
  const result = resultOf(measured);
  mkdirSync(options.out, { recursive: true });
  writeFileSync(`${resultPath()}.md`, markdown(result));
  writeFileSync(`${resultPath()}.json`, `${JSON.stringify(result, null, 1)}\n`);
}
