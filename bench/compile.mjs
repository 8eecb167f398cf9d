/**
 * `npm run bench -- --what compile`: how long each network's programs take to compile, no step run: from its name to machine code in
 * place, without starting threads. "Cold" is the first compilation of a process, in which the engine still interprets most of the compiler; "warm" is the second.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./summary.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Milliseconds that are promised, by row; cold, so that every later compilation is faster. */
const LIMITS = { "lenet5-train-64": 100, "lenet5-train-128": 100, "resnet50-train-16": 1000 };
const PARTS = ["trace", "plan", "encode"];

const isMeasured = (workload) => workload.network !== undefined && workload.on === undefined;

/** Every repeat is a fresh process that compiles twice; the medians of each part. */
export function measureCompile({ only, repeats, note }) {
  const rows = [];
  for (const workload of WORKLOADS.filter((w) => isMeasured(w) && (only === undefined || w.id.includes(only)))) {
    const found = Array.from({ length: repeats }, () => ask(workload));
    const of = (which) => Object.fromEntries([...PARTS, "all"].map((part) => [part, median(found.map((f) => f[which][part]))]));
    const { kernels, steps, backend } = found[0].cold;
    const row = { workload, backend, kernels, steps, cold: of("cold"), warm: of("warm"), limit: LIMITS[workload.id] };
    rows.push(row);
    note(`${workload.id.padEnd(22)} cold ${partsText(row.cold)}; warm ${partsText(row.warm)}${verdict(row)}`);
  }
  return rows;
}

export function compileTable(rows, processor, date) {
  const head = ["network, batch", "program", "steps", "kernels", "cold", "warm", "promised"];
  const body = rows.map(({ workload, steps, kernels, cold, warm, limit }) => [
    workload.title,
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
      "differentiating the network, planning (fusion, choice of kernels, memory), and encoding machine code.",
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
