/** The types as users read them: by the oldest and the newest TypeScript, in each module resolution, with declarations checked. */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, tarballs } from "./support/packed.js";
import { project } from "./support/site.js";
import { missing, type ToolName, tool } from "./support/tools.js";

/** Each entry, and types that must come out right. `@ts-expect-error` fails where there is no error. */
const IN_NODE = `import { createClassifier, models, nn, sgd, train, type TrainedModel } from "fovea";
import * as analysis from "fovea/analysis";
import * as analysisNode from "fovea/analysis/node";
import * as go from "fovea/go";
import * as goNode from "fovea/go/node";
import * as kernels from "fovea/kernels";
import { loadMnist } from "fovea/node";
import * as segmentation from "fovea/segmentation";
import * as segmentationNode from "fovea/segmentation/node";
export const entries = [analysis, analysisNode, go, goNode, kernels, segmentation, segmentationNode];
export async function main(): Promise<TrainedModel> {
  const digits = await loadMnist();
  const net = nn.sequential(nn.conv2d({ in: 1, out: 6, kernel: 5 }), nn.relu(), nn.flatten(), nn.linear({ in: 3456, out: 10 }));
  const run = await train(net, digits.train, { test: digits.test, epochs: 1, optimizer: sgd({ lr: 0.05 }) });
  const classify = await createClassifier(run.model, { batch: 1 });
  const { label } = await classify(digits.test.images.subarray(0, 784));
  const axes = { x: { label: "x" }, y: { label: "y" } };
  const figure: analysis.Figure = await analysis.lineChart(analysisNode.newDocument(), { label: "a", ...axes, lines: [] });
  // @ts-expect-error
  const wrong: string = label;
  // @ts-expect-error
  nn.conv2d({ in: 1, out: 6, kernels: 5 });
  console.log(figure, wrong, models.create("lenet5"));
  return run.model;
}
`;

const IN_A_PAGE = `import { createClassifier, type Classifier } from "fovea";
import { lineChart } from "fovea/analysis";
import * as go from "fovea/go";
import * as kernels from "fovea/kernels";
export const entries = [createClassifier, lineChart, go, kernels];
export const label = (classify: Classifier, pixels: Uint8Array): Promise<number> => classify(pixels).then((said) => said.label);
`;

interface Version {
  readonly name: string;
  readonly tool?: ToolName;
  readonly resolutions: readonly string[];
}

const VERSIONS: readonly Version[] = [
  { name: "TypeScript 4.8", tool: "typescript48", resolutions: ["node16", "nodenext"] },
  { name: "TypeScript 5.0", tool: "typescript50", resolutions: ["node16", "nodenext", "bundler"] },
  { name: "TypeScript of this project", resolutions: ["node16", "nodenext", "bundler"] },
];

describe.each(VERSIONS)("$name", ({ tool: name, resolutions }) => {
  const folder = name === undefined ? root : tool(name);
  const because = folder === undefined ? missing(name!) : "";

  it.skipIf(folder === undefined).each(resolutions)(`reads them by %s${because}`, (moduleResolution) => {
    const at = project({ "node.ts": IN_NODE, "page.ts": IN_A_PAGE });
    const nodeTypes = join(at, "node_modules", "@types", "node");
    mkdirSync(dirname(nodeTypes), { recursive: true });
    symlinkSync(join(root, "node_modules", "@types", "node"), nodeTypes, "junction");
    for (const [file, types] of [
      ["node.ts", ["node"]],
      ["page.ts", []],
    ] as const) {
      const compilerOptions = {
        target: "ES2022",
        lib: ["ES2022", "DOM", "DOM.Iterable"],
        module: moduleResolution === "bundler" ? "esnext" : moduleResolution,
        moduleResolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        types,
      };
      writeFileSync(join(at, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }));
      const tsc = join(folder!, "node_modules", "typescript", "bin", "tsc");
      const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: at, encoding: "utf8" });
      expect(stdout + stderr, file).toBe("");
    }
  });
});

describe("publint", () => {
  const folder = tool("publint");
  it.skipIf(folder === undefined).each(["fovea", "fovea-cli"] as const)(
    `finds no error in %s${folder === undefined ? missing("publint") : ""}`,
    (name) => {
      const program = join(folder!, "node_modules", "publint", "src", "cli.js");
      const args = [program, "--strict", tarballs()[name]];
      const { status, stdout } = spawnSync(process.execPath, args, {
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "1" },
      });
      expect(stdout).not.toMatch(/^(Errors|Warnings):/m);
      expect(status).toBe(0);
    },
  );
});

describe("Are the types wrong?", () => {
  const folder = tool("attw");
  it.skipIf(folder === undefined)(`says no${folder === undefined ? missing("attw") : ""}`, () => {
    const program = join(folder!, "node_modules", "@arethetypeswrong", "cli", "dist", "index.js");
    const args = [program, "--profile", "esm-only", "--format", "json", tarballs().fovea];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(status, stdout.slice(0, 2000)).toBe(0);
    expect(Object.keys(JSON.parse(stdout).analysis.entrypoints)).toContain("./analysis/node");
  });
});
