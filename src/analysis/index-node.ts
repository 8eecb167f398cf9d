/** `fovea/analysis/node`: analyses as files, for which drawing and picture libraries are loaded. */
export { drawComparison, writeComparison } from "./compare/write-node.js";
export { type InspectOptions, pictureSubject, type Subject, writeInspection } from "./inspect/inspect-node.js";
export { newDocument, toPng } from "./report/draw-node.js";
