/**
 * `npm run bench -- --what memory`: what is planned, and by how much the resident size grows by the first step, each row in a process
 * of its own; PyTorch's growth beside it where FOVEA_TORCH names a Python that has it. Growth counts from before the network is made:
 * weights, optimiser, activations, code and what the engine itself needs, which the plan has a line for. A training is also measured
 * after its first evaluation.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { create } from "#fovea/models/index.js";

const GB = 1e9;

const both = (network, train, infer) => [
  { network, what: "train", batch: train },
  { network, what: "infer", batch: infer },
];
const ROWS = [
  ...both("lenet5", 128, 256),
  ...both("resnet20", 128, 256),
  ...both("alexnet", 16, 16),
  ...both("vgg16", 8, 8),
  { network: "vgg16", what: "train", batch: 8, memoryLimit: 2 * GB },
  { network: "vgg16", what: "train", batch: 16, memoryLimit: 2 * GB },
  ...both("resnet18", 16, 16),
  ...both("resnet50", 16, 16),
  ...both("resnet152", 4, 4),
];

/** Rows of a Markdown table. */
export function measureMemory({ only, note }) {
  const wanted = ROWS.filter((row) => only === undefined || only.split(",").some((name) => row.network.includes(name)));
  const heads = [
    "network, batch",
    "limit",
    "planned",
    "of it the engine",
    "growth by the first step",
    "planned / growth",
    "planned with evaluation",
    "growth by the first evaluation",
    "planned / growth",
    "most",
    "PyTorch's growth",
    "PyTorch's most",
    "by its second step",
  ];
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const lines = [line(heads), line(heads.map((_, i) => (i === 0 ? "---" : "--:")))];
  for (const row of wanted) {
    const what = `${row.what === "train" ? "training" : "inference"} of ${row.network}, ${row.batch}`;
    const ours = ask(process.execPath, "fovea/memory.mjs", row);
    const torch = process.env["FOVEA_TORCH"];
    const [height, width, channels] = create(row.network).input;
    const theirs =
      torch === undefined || row.memoryLimit !== undefined
        ? undefined
        : ask(torch, "peers/torch_memory.py", { ...row, input: [channels, height, width] });
    const again = ours.parts.recomputed?.length ?? 0;
    if (again > 0) note(`${what}: ${again} values computed twice, planned ${(100 * ours.parts.extraTime).toFixed(0)}% more time`);
    lines.push(
      line([
        what,
        megabytes(row.memoryLimit),
        megabytes(ours.planned),
        megabytes(ours.parts.engine),
        megabytes(ours.growth),
        ratio(ours.planned, ours.growth),
        megabytes(ours.plannedWithEvaluation),
        megabytes(ours.growthWithEvaluation),
        ratio(ours.plannedWithEvaluation, ours.growthWithEvaluation),
        megabytes(ours.peak),
        megabytes(theirs?.growth),
        megabytes(theirs?.peak),
        megabytes(theirs?.second),
      ]),
    );
    note(lines.at(-1));
  }
  return lines.join("\n");
}

function ask(program, script, row) {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return JSON.parse(execFileSync(program, [path, JSON.stringify(row)], { encoding: "utf8" }));
}

const megabytes = (bytes) => (bytes === undefined ? "" : `${(bytes / 1e6).toFixed(0)} MB`);
const ratio = (planned, growth) => (growth === undefined ? "" : (planned / growth).toFixed(2));
