/** The zoo: `models.create("lenet5")`, `models.list()`. Importing this file registers every network. */
import "./mlp.js";
import "./lenet5.js";
import "./lenet5-1998.js";
import "./alexnet.js";
import "./alexnet-2012.js";
import "./vgg.js";
import "./resnet.js";
import "./resnet-cifar.js";
import "./squeezenet.js";
import "./fast-cifar.js";
import "./alphago.js";
import "./segmentation/unet.js";
import "./segmentation/fcn8s.js";
import "./segmentation/farabet-multiscale.js";
import "./segmentation/pinheiro-rcnn.js";

export { ImageClassifier, type ImageClassifierParts, imageClassifier } from "./image-classifier.js";
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
  type Task,
  type TrainingHints,
} from "./registry.js";
