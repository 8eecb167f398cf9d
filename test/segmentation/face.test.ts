/** `fovea/segmentation`: exactly these names, as entries of the package. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as segmentation from "#fovea/segmentation/index.js";
import * as node from "#fovea/segmentation/index-node.js";

it("has these names", () => {
  expect(Object.keys(segmentation).sort()).toEqual([
    "CAMVID",
    "UNLABELLED",
    "classWeights",
    "composeScenes",
    "createLabeller",
    "evaluateScenes",
    "fromRuns",
    "majorityVote",
    "parseClassList",
    "pixelFigures",
    "reachOf",
    "sceneDataset",
    "superpixels",
    "toRuns",
  ]);
  expect(Object.keys(node).sort()).toEqual([
    "encodeIndices",
    "encodeLabels",
    "openScenes",
    "overlayPng",
    "readLabels",
    "segmentationPage",
  ]);
});

it("is an entry of the package, whose networks are kept by bundlers", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(manifest.exports["./segmentation"].default).toBe("./dist/segmentation/index.js");
  expect(manifest.exports["./segmentation/node"].default).toBe("./dist/segmentation/index-node.js");
  expect(manifest.sideEffects).toContain("./dist/models/segmentation/*.js");
});
