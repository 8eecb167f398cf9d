/** `fovea/go/node`: stores of games, training a policy on them, and pages of what a policy sees. */

export type { GameStore, StoreDescription } from "./games/store.js";
export { openStore } from "./games/store-node.js";
export {
  type InspectPositionOptions,
  type NamedPosition,
  positionSamples,
  writePositionInspection,
} from "./inspect/position-page-node.js";
export type { RecipeName } from "./training/config.js";
export { type PolicyRun, type TrainPolicyOptions, trainPolicy } from "./training/train-policy-node.js";
