/** The zoo: `models.create("lenet5")`, `models.list()`. Importing this file registers every network. */
import "./mlp.js";
import "./lenet5.js";
import "./lenet5-1998.js";

export {
  create,
  definitionOf,
  list,
  type Model,
  type ModelDefinition,
  type ModelOption,
  type ModelOptions,
  type PixelScaling,
  registerModel,
  type TrainingHints,
} from "./registry.js";
