/** `fovea/analysis`: exactly these names, and what they give is plain data. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as analysis from "#fovea/analysis/index.js";

it("has these names", () => {
  expect(Object.keys(analysis).sort()).toEqual([
    "DIVERGING",
    "VIRIDIS",
    "allFilters",
    "coloured",
    "compareNetworks",
    "comparisonRows",
    "convolutionStep",
    "csv",
    "drawProgram",
    "excitingPictures",
    "excitingSamples",
    "explainConvolution",
    "explainPool",
    "frame",
    "layersOf",
    "lineChart",
    "lookInside",
    "planInference",
    "planeOf",
    "poolStep",
    "printCode",
    "printGraph",
    "printKernels",
    "printProgram",
    "printStages",
    "printUnits",
    "publishedAccuracy",
    "receptiveFields",
    "receptiveFieldsOf",
    "standalone",
    "stepCount",
    "summarize",
    "tileFigure",
    "trainingMultiplyAdds",
  ]);
});

it("is an entry of the package", () => {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(JSON.parse(text).exports["./analysis"]).toEqual({
    types: "./dist/analysis/index.d.ts",
    default: "./dist/analysis/index.js",
  });
});

it("gives plain data", () => {
  const explained = analysis.explainConvolution({ input: [3, 3, 1], kernel: 2 });
  const { matrix, ...plain } = explained;
  expect(structuredClone(plain)).toEqual(plain);
  expect(JSON.parse(JSON.stringify(plain))).toEqual(plain);
  expect([...matrix!.weightAt.subarray(0, 9)]).toEqual([0, 1, -1, 2, 3, -1, -1, -1, -1]);
});
