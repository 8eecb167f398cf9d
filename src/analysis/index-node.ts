/** `fovea/analysis/node`: analyses as files, for which drawing and picture libraries are loaded. */

export { drawComparison, writeComparison } from "./compare/write-node.js";
export { datasetSamples, pictureSamples, type ShownSamples } from "./inspect/exciting-node.js";
export {
  type InspectOptions,
  type PageOptions,
  pictureSubject,
  type Subject,
  writeInspection,
} from "./inspect/inspect-node.js";
export type { Colour } from "./inspect/labels.js";
export { type MachineFigures, MachineProbe } from "./profile/machine-node.js";
export {
  type Profile,
  type ProfiledProgram,
  type ProfileOptions,
  type ProfileProgress,
  type ProgramProfile,
  profile,
} from "./profile/profile-node.js";
export type { Pass, ProfiledStep, ProfileFigures, ProfileRow } from "./profile/rows.js";
export { type ProfileTableRow, profileRows } from "./profile/table.js";
export { drawProfile, writeProfile, writeProfileSvg } from "./profile/write-node.js";
export { newDocument, pictureUri, toPng } from "./report/draw-node.js";
