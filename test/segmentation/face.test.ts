/** `fovea/segmentation`: exactly these names, as entries of the package. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as models from "#fovea/models/index.js";
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

it("is an entry of the package, whose networks the registry holds without being loaded", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(manifest.exports["./segmentation"].default).toBe("./dist/segmentation/index.js");
  expect(manifest.exports["./segmentation/node"].default).toBe("./dist/segmentation/index-node.js");
  // A bundler keeps what is read, and the registry reads the list of networks.
  expect(manifest.sideEffects.filter((path: string) => path.includes("models"))).toEqual([]);
  expect(models.list("segmentation").map(({ name }) => name)).toEqual(
    expect.arrayContaining(["unet", "fcn8s", "farabet-multiscale", "pinheiro-rcnn"]),
  );
});
