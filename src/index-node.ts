/** `fovea/node`: what reads and writes files. */
export { type FolderOptions, type IdxPaths, loadIdxDataset, loadIdxFolder } from "./data/idx-dataset-node.js";
export { type BrokenLimit, loadMnist, type OpenOptions, openDataset } from "./data/open-node.js";
export { readPthFile } from "./formats/pth-node.js";
export { readSafetensorsFile, writeSafetensorsFile } from "./formats/safetensors-node.js";
export { openStore } from "./go/store-node.js";
export { type PolicyRun, type TrainPolicyOptions, trainPolicy } from "./go/train-policy-node.js";
export type { TrainingConfig } from "./train/config.js";
export type { LoadedWeights, LoadWeightsOptions } from "./train/load-weights.js";
export { loadWeights } from "./train/load-weights-node.js";
export { type LoadModelOptions, loadModel, saveModel } from "./train/model-file-node.js";
export { openRunFolder, type RunFolder } from "./train/run-folder-node.js";
export { type RunListener, type RunOptions, type RunPlan, type RunResult, runTraining } from "./train/run-node.js";
