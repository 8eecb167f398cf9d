/** `fovea/segmentation/node`: labelled scenes from files, and labelled pictures as files. */
export { type OpenScenesOptions, openScenes } from "./open-scenes-node.js";
export { overlayPng } from "./overlay-node.js";
export { encodeIndices, encodeLabels, type LabelPicture, readLabels } from "./read-labels-node.js";
export { type LabelledScene, type SegmentationReport, segmentationPage } from "./report-node.js";
