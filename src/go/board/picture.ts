/**
 * A board as SVG: stones, and where a policy would play, the redder the likelier. Complete by itself: no fonts or
 * styles from elsewhere.
 */

import { onOneLine } from "../../base/text.js";
import type { Board } from "./board.js";
import { BLACK, EMPTY, PASS, vertexName } from "./geometry.js";
import { fixedHandicap, mostFixedHandicap } from "./handicap.js";

export interface BoardPicture {
  readonly board: Board;
  /** By vertex; drawn as heat, with percentages where it is 1% or more. */
  readonly probabilities?: ArrayLike<number>;
  /** By vertex: a colour that fills the square around it, under lines and stones, which are smaller then. */
  readonly squares?: readonly string[];
  /** By vertex: what is laid on the stone there. */
  readonly discs?: ReadonlyMap<number, BoardDisc>;
  /** A move that is marked by a ring. */
  readonly marked?: number;
  readonly title?: string;
}

/** A disc on a stone, and a short text on it. */
export interface BoardDisc {
  readonly fill: string;
  readonly text: string;
  readonly ink: string;
}

const STEP = 30;
const MARGIN = 40;
/** Points that are less likely are left as they are. */
const LEAST_HEAT = 0.002;

export function boardSvg({ board, probabilities, squares, discs, marked = PASS, title }: BoardPicture): string {
  const { size } = board;
  const top = MARGIN + (title === undefined ? 0 : 26);
  const at = (vertex: number) => [MARGIN + (vertex % size) * STEP, top + Math.floor(vertex / size) * STEP] as const;
  const side = (size - 1) * STEP;
  const [width, height] = [side + 2 * MARGIN, side + top + MARGIN];
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" text-anchor="middle">`,
    `<rect width="${width}" height="${height}" fill="#e9c98b"/>`,
  ];
  if (title !== undefined) parts.push(text(width / 2, 24, title, 15, "#222"));
  const half = STEP / 2;
  for (const [vertex, fill] of (squares ?? []).entries()) {
    const [x, y] = at(vertex);
    parts.push(`<rect x="${x - half}" y="${y - half}" width="${STEP}" height="${STEP}" fill="${fill}"/>`);
  }
  const lines = Array.from({ length: size }, (_, i) => {
    const [x, y] = [MARGIN + i * STEP, top + i * STEP];
    return `M${MARGIN} ${y}h${side}M${x} ${top}v${side}`;
  });
  const [ink, opacity] = squares === undefined ? ["#5b4a2c", ""] : ["#fff", ` opacity="0.35"`];
  parts.push(`<path d="${lines.join("")}" stroke="${ink}"${opacity} fill="none"/>`);
  const heatAt = (vertex: number) => (board.at(vertex) === EMPTY ? (probabilities?.[vertex] ?? 0) : 0);
  for (const vertex of fixedHandicap(size, mostFixedHandicap(size)) ?? []) {
    // A dot would stand in the number.
    if (heatAt(vertex) >= LEAST_HEAT) continue;
    const [x, y] = at(vertex);
    parts.push(`<circle cx="${x}" cy="${y}" r="3" fill="${ink}"${opacity}/>`);
  }
  for (let i = 0; i < size; i++) {
    const letter = vertexName(i, size)[0]!;
    const number = String(size - i);
    const [x, y] = [MARGIN + i * STEP, top + i * STEP + 4];
    parts.push(text(x, top - 20, letter, 11, "#5b4a2c"), text(x, top + side + 30, letter, 11, "#5b4a2c"));
    parts.push(text(16, y, number, 11, "#5b4a2c"), text(width - 16, y, number, 11, "#5b4a2c"));
  }
  for (let vertex = 0; vertex < size * size; vertex++) {
    const [x, y] = at(vertex);
    const stone = board.at(vertex);
    if (stone !== EMPTY) {
      const [fill, stroke] = stone === BLACK ? ["#1c1c1c", squares ? "#fff" : "#000"] : ["#fafafa", "#777"];
      const radius = squares === undefined ? 14 : 9;
      parts.push(`<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}" stroke="${stroke}"/>`);
      const disc = discs?.get(vertex);
      if (disc === undefined) continue;
      parts.push(`<circle cx="${x}" cy="${y}" r="10" fill="${disc.fill}"/>`);
      if (disc.text !== "") parts.push(text(x, y + 4, disc.text, 11, disc.ink));
      continue;
    }
    const probability = heatAt(vertex);
    if (probability < LEAST_HEAT) continue;
    // The root, so that a second choice of 10% is seen beside a first of 60%.
    const strength = Math.min(0.95, 0.1 + Math.sqrt(probability)).toFixed(2);
    parts.push(`<circle cx="${x}" cy="${y}" r="13" fill="#d7301f" fill-opacity="${strength}"/>`);
    const shade = probability > 0.15 ? "#fff" : "#4a0d05";
    if (probability >= 0.01) parts.push(text(x, y + 4, String(Math.round(100 * probability)), 11, shade));
  }
  if (marked !== PASS) {
    const [x, y] = at(marked);
    const colour = board.at(marked) === BLACK || squares !== undefined ? "#fff" : "#1f5fd7";
    if (squares !== undefined)
      parts.push(`<circle cx="${x}" cy="${y}" r="9" fill="none" stroke="#000" stroke-width="4.5"/>`);
    parts.push(`<circle cx="${x}" cy="${y}" r="9" fill="none" stroke="${colour}" stroke-width="2.5"/>`);
  }
  parts.push("</svg>\n");
  return parts.join("\n");
}

function text(x: number, y: number, content: string, size: number, fill: string): string {
  const safe = onOneLine(content).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}">${safe}</text>`;
}
