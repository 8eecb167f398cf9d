/** `fovea/node`: what reads and writes files. */
export { type FolderOptions, type IdxPaths, loadIdxDataset, loadIdxFolder } from "./data/idx-dataset-node.js";
export { loadMnist, openDataset } from "./data/open-node.js";
export { readSafetensorsFile, writeSafetensorsFile } from "./formats/safetensors-node.js";
export type { TrainingConfig } from "./train/config.js";
export { type LoadModelOptions, loadModel, saveModel } from "./train/model-file-node.js";
export { openRunFolder, type RunFolder } from "./train/run-folder-node.js";
export { type RunListener, type RunOptions, type RunPlan, type RunResult, runTraining } from "./train/run-node.js";
