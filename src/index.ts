/**
 * The public face of fovea, for Node and for browsers: networks, training, compiling, looking inside. What reads and
 * writes files is in `fovea/node`.
 */

export {
  type LayerSummary,
  type MemorySummary,
  type Summary,
  type SummaryOptions,
  summarize,
} from "./analysis/summary.js";
export {
  BackendError,
  DataError,
  FileError,
  FoveaError,
  KernelError,
  MemoryError,
  OptionError,
  ShapeError,
  TrainingError,
} from "./base/errors.js";
export type { Note } from "./base/notes.js";
export { registerElementwise, registerStrategy } from "./compiler/registry.js";
export { type Augmenter, type AugmentKey, compileAugmentation, type Transform } from "./data/augment/augment.js";
export { DISTORT_DEFAULTS, type DistortOptions } from "./data/augment/distort-options.js";
export { parseAugmentation } from "./data/augment/grammar.js";
export type { TestTimeAugmentation } from "./data/augment/views.js";
export { type PictureTaker, pictureFor } from "./data/decode/page-picture.js";
export { type PictureBytes, type PreparedDigit, preprocessDigit } from "./data/digits/prepare-digit.js";
export {
  type BrokenPicture,
  type Dataset,
  type DatasetSplits,
  datasetFromIdx,
  type IdxParts,
  type PictureReport,
  type Scaling,
} from "./data/sets/dataset.js";
export type { OpenStream, PictureStream, StreamOptions } from "./data/sets/stream.js";
export type { HalvesChoice } from "./data/sources/halves-choice.js";
export type {
  CompileWish,
  Device,
  DeviceState,
  DeviceStates,
  Executable,
  Given,
  Numbers,
  PlanWish,
  PortDescription,
  Samples,
  Slot,
  TrainingExecutables,
  TrainingWish,
} from "./devices/device.js";
export type { BackendName, MachineOptions } from "./devices/machine-options.js";
export type { MemoryUse, PlannedMemory } from "./devices/memory-use.js";
export { openDevice } from "./devices/open.js";
export type { TrainingMemory } from "./devices/training-memory.js";
export { type IdxArray, type IdxOptions, parseIdx } from "./formats/idx.js";
export type { AxisReads } from "./graph/axis-reads.js";
export {
  type Assign,
  type Attributes,
  type ConstantAttributes,
  type Cost,
  type Entry,
  type GradientContext,
  Graph,
  type InputAttributes,
  type Op,
  type StateAttributes,
  type StateKind,
  type TableAttributes,
  type Traits,
  type Value,
} from "./graph/graph.js";
export type { DType, Shape, Signature } from "./graph/shape.js";
export type { Tensor } from "./graph/tensor.js";
export {
  type Classification,
  type Classifier,
  type ClassifierOptions,
  createClassifier,
  type LayerOutput,
  type Picture,
} from "./model/classifier.js";
export { encodeModel, type LoadModelOptions, parseModel } from "./model/model-file.js";
export {
  type AnyNetwork,
  type Network,
  type NetworkName,
  type TrainedModel,
  type UntrainedOptions,
  untrained,
} from "./model/trained-model.js";
export type { Names as WeightNames } from "./model/weights/names.js";
export { initialWeights, readWeights, type Weight, type Weights } from "./model/weights/weights.js";
export * as models from "./models/index.js";
export * as nn from "./nn/index.js";
export { type Traced, type TraceOptions, trace } from "./nn/index.js";
export * as ops from "./ops/index.js";
export { type OpDefinition, registerOp } from "./ops/registry.js";
export type { Evaluation } from "./train/evaluate/evaluator.js";
export { type ConfusionMatrix, confusionText, type EpochFigures, type NormFigures } from "./train/evaluate/metrics.js";
export type { Calibration, CalibrationBin } from "./train/evaluate/scores.js";
export { type Minimization, type MinimizeOptions, minimize } from "./train/minimize.js";
export { type AdamOptions, adam, adamw } from "./train/optimizers/adam.js";
export { type NadamOptions, nadam } from "./train/optimizers/nadam.js";
export type { Hyperparameter, Optimizer, UpdateContext } from "./train/optimizers/optimizer.js";
export { type RmspropOptions, rmsprop } from "./train/optimizers/rmsprop.js";
export { type SgdOptions, sgd } from "./train/optimizers/sgd.js";
export type { CountProgress, EpochRecord, Progress, StepRecord } from "./train/records.js";
export type { MeasuredEpoch, PlateauSchedule } from "./train/schedules/plateau.js";
export { learningRateAt, type Schedule, type ScheduleExtent } from "./train/schedules/schedule.js";
export type { ParameterGroup, TrainingTechniques, Watch, WeightAveraging } from "./train/techniques/techniques.js";
export { type EvaluateOptions, evaluate, type TrainOptions, train } from "./train/train.js";
export type { FailedRun, TrainingFailure, TrainingRun } from "./train/training-run.js";
