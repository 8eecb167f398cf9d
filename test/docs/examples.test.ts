/**
 * The examples of doc comments: each type-checks, runs, and prints what it says. They are JavaScript, so that Node runs them as they are.
 * What `console.log` prints stands behind it: `console.log(1 + 1); // 2`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readFace, root } from "../support/face.js";
import { temporaryFolder } from "../support/temporary.js";
import { blocksOf } from "./markdown.js";
import { errorsOf } from "./typecheck.js";

const face = readFace();

/** The exports that users meet first: each shows how it is called. */
const COMMON: readonly string[] = [
  "adam",
  "adamw",
  "createClassifier",
  "compileAugmentation",
  "datasetFromIdx",
  "evaluate",
  "Graph",
  "initialWeights",
  "minimize",
  "models.create",
  "models.imageClassifier",
  "models.list",
  "nn.Module",
  "nn.batchNorm2d",
  "nn.conv2d",
  "nn.dropout",
  "nn.flatten",
  "nn.globalAvgPool2d",
  "nn.linear",
  "nn.maxPool2d",
  "nn.relu",
  "nn.sequential",
  "nn.trace",
  "openDevice",
  "ops.add",
  "ops.conv2d",
  "ops.crossEntropy",
  "ops.differentiate",
  "ops.mean",
  "ops.sum",
  "parseAugmentation",
  "registerOp",
  "rmsprop",
  "sgd",
  "summarize",
  "train",
  "untrained",
  "loadModel",
  "loadMnist",
  "loadWeights",
  "openDataset",
  "runTraining",
  "saveModel",
  "saveWeights",
  "explainConvolution",
  "lookInside",
  "printGraph",
  "profile",
  "createLabeller",
  "superpixels",
];

interface Example {
  readonly at: string;
  readonly code: string;
}

const examples: Example[] = face.declared.flatMap(({ name, file, tags }) =>
  tags.flatMap((tag) =>
    tag.name === "example" ? [{ at: `${file}: ${name}`, code: blocksOf(`${tag.text ?? ""}\n`)[0]?.code ?? "" }] : [],
  ),
);

/** Runs examples in one process, each in a folder of its own; gives what each printed, or its error. */
function run(all: readonly Example[]): string[] {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/fovea"), "junction");
  all.forEach(({ code }, i) => {
    mkdirSync(join(folder, `${i}`));
    writeFileSync(join(folder, `${i}`, "example.mjs"), code);
  });
  const main = `
    import { chdir } from "node:process";
    import { format } from "node:util";
    const printed = [];
    for (let i = 0; i < ${all.length}; i++) {
      const lines = [];
      console.log = (...values) => lines.push(format(...values));
      chdir(new URL(i + "/", import.meta.url).pathname);
      try { await import("./" + i + "/example.mjs"); } catch (error) { lines.push(String(error?.stack ?? error)); }
      printed.push(lines.join("\\n"));
    }
    process.stdout.write("\\n" + JSON.stringify(printed));
    process.exit();`;
  writeFileSync(join(folder, "main.mjs"), main);
  const { stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], { cwd: folder, encoding: "utf8" });
  expect(stdout, stderr).toContain("\n[");
  return JSON.parse(stdout.slice(stdout.lastIndexOf("\n[")));
}

/** What an example says that it prints. */
const promised = (code: string) =>
  [...code.matchAll(/^.*console\.log\(.*\);(?: \/\/ (.*))?$/gm)]
    .map(([, text = "(says not what it prints)"]) => text)
    .join("\n");

it("every common export has one", () => {
  const names = new Set(examples.map(({ at }) => at.split(": ")[1]));
  expect(COMMON.filter((name) => !names.has(name))).toEqual([]);
});

it("every example is a block of code that type-checks", () => {
  expect(examples.filter(({ code }) => code === "").map(({ at }) => at)).toEqual([]);
  // JavaScript has no types to give parameters.
  expect(
    errorsOf(
      examples.map((example) => ({ ...example, given: "" })),
      { noImplicitAny: false },
    ),
  ).toEqual([]);
});

it("every example prints what it says", () => {
  const printed = run(examples);
  expect(examples.map(({ at }, i) => `${at}\n${printed[i]}`)).toEqual(
    examples.map(({ at, code }) => `${at}\n${promised(code)}`),
  );
});

it("finds an example that prints something else, or fails", () => {
  const code = "console.log(1 + 1, 'a'); // 2 a\n";
  expect(promised(code)).toBe("2 a");
  const [fine, thrown] = run([
    { at: "", code },
    { at: "", code: 'throw new RangeError("wide");' },
  ]);
  expect(fine).toBe("2 a");
  expect(thrown).toContain("RangeError: wide");
});
