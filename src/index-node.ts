/** `fovea/node`: what reads and writes files. */

export { type BrokenLimit, loadMnist, type OpenOptions, openDataset } from "./data/open-node.js";
export { type FolderOptions, type IdxPaths, loadIdxDataset, loadIdxFolder } from "./data/sources/idx-dataset-node.js";
export { readPthFile } from "./formats/pth/pth-node.js";
export type { DtypeName, TensorData } from "./formats/safetensors/dtypes.js";
export type { LeftOut, SafeTensor, SafetensorsFile, TensorToWrite } from "./formats/safetensors/safetensors.js";
export { readSafetensorsFile, writeSafetensorsFile } from "./formats/safetensors/safetensors-node.js";
export { type LoadModelOptions, loadModel, saveModel } from "./model/model-file-node.js";
export type { LoadedWeights, LoadWeightsOptions } from "./model/weights/load.js";
export { loadWeights } from "./model/weights/load-node.js";
export { saveWeights } from "./model/weights/save-node.js";
export type { ModuleRecord, TrainingConfig } from "./run/config.js";
export { openRunFolder, type RunFolder } from "./run/folder-node.js";
export { type RunListener, type RunOptions, type RunPlan, type RunResult, runTraining } from "./run/run-node.js";
export type { OptimizerConfig } from "./train/defaults.js";
export type { OptimizerName } from "./train/optimizers/index.js";
