/**
 * The figures that a program may draw itself, on the document that it gives. Observable Plot is loaded with the first.
 */
import type { Figure } from "../report/figure.js";
import { tileFigure as drawTiles } from "../report/tiles.js";
import type { LineChart, Tile, TileOptions } from "./chart-options.js";
import { lineChart as drawLines } from "./line-chart.js";
import { paperOn } from "./paper.js";

/**
 * Lines with their names at their right ends: what something comes to as something else grows.
 * @param document a page's, or `newDocument()` of `fovea/analysis/node`
 * @param chart lines of at least one finite point in all
 * @throws BackendError where the package @observablehq/plot is not installed
 */
export async function lineChart(document: Document, chart: LineChart): Promise<Figure> {
  return drawLines(await paperOn(document), chart);
}

/**
 * Small pictures in rows, each with a line or two below.
 * @param document a page's, or `newDocument()` of `fovea/analysis/node`
 * @throws BackendError where the package @observablehq/plot is not installed
 */
export async function tileFigure(document: Document, tiles: readonly Tile[], options: TileOptions): Promise<Figure> {
  return drawTiles(await paperOn(document), tiles, options);
}
