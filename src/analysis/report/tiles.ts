/** Small pictures in rows, each with a line or two below: filters, and pictures that were taken for something else. */
import type { Tile, TileOptions } from "../figures/chart-options.js";
import { draw, type Paper } from "../figures/paper.js";
import { type Figure, shortened } from "./figure.js";
import { colour } from "./palette.js";

const LINE = 15;
const SCALE_HEIGHT = 44;

export function tileFigure(paper: Paper, tiles: readonly Tile[], options: TileOptions): Figure {
  const { image, rect, text } = paper.plot;
  const { columns, width, height, scale, characters } = options;
  const [gapX, gapY] = options.gaps;
  const used = Math.min(columns, tiles.length);
  const lines = Math.max(0, ...tiles.map((tile) => tile.lines.length));
  const top = scale === undefined ? 0 : SCALE_HEIGHT;
  const place = (i: number) => ({
    x: (i % used) * (width + gapX) + gapX / 2 + width / 2,
    y: top + Math.floor(i / used) * (height + lines * LINE + gapY) + height / 2,
  });
  const placed = tiles.map((tile, i) => ({ ...tile, ...place(i) }));
  const rows = Math.ceil(tiles.length / used);
  const words = placed.flatMap(({ x, y, lines }) =>
    lines.map((line, i) => ({
      x,
      y: y + height / 2 + LINE * (i + 0.75),
      text: shortened(line, characters),
      first: i === 0,
    })),
  );
  const stripWidth = 180;
  const step = stripWidth / (scale?.colours.length ?? 1);
  const strip = (scale?.colours ?? []).map((fill, i) => ({ x1: 8 + i * step, x2: 8 + (i + 1) * step + 0.5, fill }));
  const ends = (scale?.ends ?? []).map((text, i) => ({ x: 8 + (i * stripWidth) / 2, text }));
  return draw(paper, options.label, {
    width: Math.max(used * (width + gapX), scale === undefined ? 0 : stripWidth + 50),
    height: top + rows * (height + lines * LINE + gapY),
    margin: 0,
    // Positions are pixels.
    x: { type: "identity", axis: null },
    y: { type: "identity", axis: null },
    color: { type: "identity" },
    marks: [
      rect(strip, { x1: "x1", x2: "x2", y1: 0, y2: 12, fill: "fill" }),
      text(ends, { x: "x", y: 22, text: "text", fontSize: 11, fill: colour("soft") }),
      image(placed, { x: "x", y: "y", src: "picture", width, height, imageRendering: "pixelated", title: "title" }),
      rect(placed, {
        x1: (d: { x: number }) => d.x - width / 2,
        x2: (d: { x: number }) => d.x + width / 2,
        y1: (d: { y: number }) => d.y - height / 2,
        y2: (d: { y: number }) => d.y + height / 2,
        stroke: colour("line"),
      }),
      text(
        words.filter(({ first }) => first),
        { x: "x", y: "y", text: "text", fontSize: 12 },
      ),
      text(
        words.filter(({ first }) => !first),
        { x: "x", y: "y", text: "text", fontSize: 11, fill: colour("soft") },
      ),
    ],
  });
}
