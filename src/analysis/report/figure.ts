/** A figure: SVG text with its extents in pixels. Colours are variables (palette.ts), text is the page's ink. */
import { printable } from "../../base/text.js";

/** A drawing as SVG text. */
export interface Figure {
  /** The SVG text. */
  readonly svg: string;
  /** Its width in pixels. */
  readonly width: number;
  /** Its height in pixels. */
  readonly height: number;
}

/** Figures side by side under a title, as one SVG document that needs no page around it. */
export function sheet(title: string, note: string, figures: readonly Figure[]): Figure {
  const margin = 20;
  const head = note === "" ? 52 : 72;
  // About what the words take, so that a narrow figure does not cut them off.
  const words = Math.max(11 * title.length, 7 * note.length);
  const width = Math.max(
    2 * margin + words,
    figures.reduce((sum, figure) => sum + figure.width + margin, margin),
  );
  const height = head + Math.max(...figures.map((figure) => figure.height)) + margin;
  let x = 0;
  const parts = figures.map((figure) => {
    x += margin;
    const placed = figure.svg.replace("<svg ", `<svg x="${x}" y="${head}" `);
    x += figure.width;
    return placed;
  });
  const text = (y: number, style: string, words: string) =>
    `<text x="${margin}" y="${y}" ${style}>${escapeXml(words)}</text>`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" color="var(--ink)" fill="var(--ink)">` +
    `<rect width="${width}" height="${height}" fill="var(--paper)"/>` +
    text(36, `font-size="19" font-weight="600"`, title) +
    (note === "" ? "" : text(58, `font-size="13" fill="var(--soft)"`, note)) +
    `${parts.join("")}</svg>`;
  return { svg, width, height };
}

export function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return printable(text).replace(/[&<>"']/g, (character) => entities[character]!);
}

/** A name cut to what a figure has room for. */
export function shortened(name: string, length: number): string {
  const characters = [...name];
  return characters.length <= length ? name : `${characters.slice(0, length - 1).join("")}…`;
}
