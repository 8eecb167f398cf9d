/**
 * `fovea/segmentation`: nets that label every pixel, and what stands around them, for Node and for browsers. The
 * networks themselves are in the zoo, `models.list("segmentation")`; what reads and writes files is in
 * `fovea/segmentation/node`.
 */
export { type ClassFigures, type PixelFigures, pixelFigures } from "../train/evaluate/pixel-figures.js";
export { CAMVID, type ClassList, type Color, type LabelName, parseClassList, UNLABELLED } from "./class-list.js";
export { composeScenes, type SceneOptions } from "./compose-scenes.js";
export {
  type EvaluateScenesOptions,
  evaluateScenes,
  type SceneProgress,
  type SceneResult,
  type SegmentationEvaluation,
} from "./evaluate.js";
export { createLabeller, type Labeller, type LabellerOptions, type RgbPicture } from "./labeller.js";
export { type Reach, reachOf } from "./reach.js";
export { fromRuns, toRuns } from "./run-lengths.js";
export { sceneDataset } from "./scene-dataset.js";
export { classWeights, type Scene, type SceneSet, type SceneSplits } from "./scene-set.js";
export { majorityVote, type Segments, type SuperpixelOptions, superpixels } from "./superpixels.js";
