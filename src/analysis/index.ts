/**
 * `fovea/analysis`: what networks compute, cost and look at, as plain data, for Node and for browsers. Drawing is
 * apart: `frame`, `lineChart`, `tileFigure` and `standalone` give SVG text; what writes files is in
 * `fovea/analysis/node`.
 */

export type { Window } from "../graph/attributes.js";
export {
  type BatchFigures,
  type ComparedNetwork,
  type CompareOptions,
  type CompareProgress,
  type Comparison,
  compareNetworks,
} from "./compare/measure.js";
export { type PublishedAccuracy, publishedAccuracy } from "./compare/published.js";
export { comparisonRows, csv, type Row as ComparisonRow } from "./compare/table.js";
export type { AxisArithmetic } from "./explain/axis.js";
export {
  type ConvolutionExplanation,
  type ConvolutionQuestion,
  type ConvolutionStep,
  convolutionStep,
  type EqualMatrix,
  explainConvolution,
  type LayerCost,
  type Term,
} from "./explain/convolution.js";
export { type Explanation, frame, stepCount } from "./explain/frames.js";
export {
  explainPool,
  type PoolExplanation,
  type PoolKind,
  type PoolQuestion,
  type PoolStep,
  type PoolTap,
  poolStep,
} from "./explain/pooling.js";
export type { ChartAxis, ChartLine, ChartPoint, LineChart, Tile, TileOptions } from "./figures/chart-options.js";
export { lineChart, tileFigure } from "./figures/charts.js";
export { type StandaloneOptions, standalone } from "./figures/standalone.js";
export { type InferenceMemory, planInference } from "./inference.js";
export { coloured } from "./inspect/colours.js";
export {
  type Excited,
  type ExcitingOptions,
  excitingPictures,
  excitingSamples,
  type Samples,
} from "./inspect/exciting.js";
export { allFilters, type LayerFilters, planeOf } from "./inspect/filters.js";
export type { InputPlane } from "./inspect/input-plane.js";
export {
  type Heat,
  type LayerMaps,
  type Look,
  type LookOptions,
  lookInside,
  type PixelLabels,
} from "./inspect/look.js";
export { DIVERGING, type Ramp, VIRIDIS } from "./inspect/ramps.js";
export { type LayerSummary, layersOf, receptiveFieldsOf, trainingMultiplyAdds } from "./layers.js";
export { drawProgram } from "./print/lives-figure.js";
export type { PrintOptions, TargetName } from "./print/plan.js";
export { printCode, printGraph, printKernels, printProgram, printStages, printUnits } from "./print/print.js";
export { type AxisField, type ReceptiveField, receptiveFields } from "./receptive-field.js";
export type { Figure } from "./report/figure.js";
export { type MemorySummary, type Summary, type SummaryOptions, summarize } from "./summary.js";
