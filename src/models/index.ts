/** The zoo: `models.create("lenet5")`, `models.list()`. */

export type {
  Model,
  ModelDefinition,
  ModelOption,
  ModelOptions,
  PixelScaling,
  Task,
  TrainingHints,
} from "./definition.js";
export { type AuxiliaryHead, ImageClassifier, type ImageClassifierParts, imageClassifier } from "./image-classifier.js";
export { create, definitionOf, list, registerModel } from "./registry.js";
