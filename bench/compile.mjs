/**
 * `npm run bench -- --what compile`: how long each network's programs take to compile, no step run: from its name to machine code in
 * place, without starting threads. "Cold" is the first compilation of a process, in which the engine still interprets most of the compiler; "warm" is the second.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PROBE } from "./quiet.mjs";
import { judge, median } from "./summary.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Milliseconds that are promised, by row; cold, so that every later compilation is faster. */
const LIMITS = { "lenet5-train-64": 100, "lenet5-train-128": 100, "resnet50-train-16": 1000 };
const PARTS = ["trace", "plan", "encode"];

const isMeasured = (workload) => workload.network !== undefined && workload.on === undefined;

/** Every repeat is a fresh process that compiles twice, taken again where the machine was not quiet; the medians of each part. */
export async function measureCompile({ only, repeats, tries, machine, note }) {
  const rows = [];
  for (const workload of WORKLOADS.filter((w) => isMeasured(w) && (only === undefined || w.id.includes(only)))) {
    const found = [];
    for (let n = 0; n < repeats; n++) {
      let repeat = await once(workload, machine);
      for (let again = 1; again < tries && !repeat.quiet; again++) repeat = await once(workload, machine);
      found.push(repeat);
    }
    const { counted, noisy } = judge(found);
    const of = (which) => Object.fromEntries([...PARTS, "all"].map((part) => [part, median(counted.map((f) => f[which][part]))]));
    const { kernels, steps, backend } = found[0].cold;
    const row = { workload, backend, kernels, steps, noisy, cold: of("cold"), warm: of("warm"), limit: LIMITS[workload.id] };
    rows.push(row);
    note(`${workload.id.padEnd(22)} cold ${partsText(row.cold)}; warm ${partsText(row.warm)}${verdict(row)}${noisy ? ", noisy" : ""}`);
  }
  return rows;
}

/** Who else used the cores meanwhile cannot be told of a process that has ended: only the probe tells whether it was quiet. */
async function once(workload, machine) {
  const before = await machine.now();
  await new Promise((resolve) => setTimeout(resolve, 10)); // for threads that still spin
  const found = ask(workload);
  const after = await machine.now();
  return { ...found, quiet: Math.min(before, after) >= PROBE * machine.gflops };
}

export function compileTable(rows, processor, date) {
  const head = ["network, batch", "program", "steps", "kernels", "cold", "warm", "promised"];
  const body = rows.map(({ workload, steps, kernels, noisy, cold, warm, limit }) => [
    `${workload.title}${noisy ? " \\*" : ""}`,
    workload.what === "train" ? "training step" : "inference",
    steps,
    kernels,
    partsText(cold),
    partsText(warm),
    limit === undefined ? "" : `under ${limit}: ${cold.all < limit ? "kept" : "**not kept**"}`,
  ]);
  return [
    `# Compile time, milliseconds, ${date}`,
    "",
    `${processor}, ${rows[0]?.backend ?? "nothing measured"}, Node ${process.version.slice(1)}. No step is run. In parentheses: tracing and ` +
      "differentiating the network, planning (fusion, choice of kernels, memory), and encoding machine code. Medians of quiet repeats, each a " +
      "process of its own; \\* marks a row that has fewer than three.",
    "",
    ...[head, head.map(() => "---"), ...body].map((cells) => `| ${cells.join(" | ")} |`),
    "",
  ].join("\n");
}

function verdict({ cold, limit }) {
  if (limit === undefined) return "";
  return cold.all < limit ? ` (under ${limit}, as promised)` : ` (promised: under ${limit})`;
}

function partsText(times) {
  return `${times.all.toFixed(0)} (${PARTS.map((part) => times[part].toFixed(0)).join(" + ")})`;
}

function ask(workload) {
  const path = fileURLToPath(new URL("fovea/compile.mjs", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [path, JSON.stringify(workload)], { encoding: "utf8" }));
}
