/**
 * A figure as an SVG file. Colours are written out in their light form, since few programs but browsers read variables;
 * a style sheet turns them into the dark ones where a browser's page is dark, and its own paper lies beneath.
 */
import type { Figure } from "../report/figure.js";
import { escapeXml } from "../report/figure.js";
import { PAINTS, type Paint } from "./palette.js";

const FONT = `Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif`;
const ATTRIBUTES = ["fill", "stroke", "color"] as const;

/** Options of `standalone`. All are optional. */
export interface StandaloneOptions {
  /**
   * Words above the figures.
   * @default none
   */
  readonly title?: string;
  /**
   * Words below the title.
   * @default none
   */
  readonly note?: string;
  /**
   * Figures in a row.
   * @default 1
   */
  readonly columns?: number;
}

/** Figures in rows on paper of their own, under a title. */
export function standalone(figures: readonly Figure[], options: StandaloneOptions = {}): Figure {
  const { title = "", note = "", columns = 1 } = options;
  const margin = 20;
  const head = (title === "" ? 0 : 40) + (note === "" ? 0 : 22);
  const across = Math.min(columns, figures.length);
  const cellWidth = Math.max(...figures.map(({ width }) => width));
  const rows = Array.from({ length: Math.ceil(figures.length / across) }, (_, i) =>
    figures.slice(i * across, (i + 1) * across),
  );
  const words = Math.max(10.5 * title.length, 7 * note.length);
  const width = Math.ceil(Math.max(2 * margin + words, across * (cellWidth + margin) + margin));
  let y = head + margin;
  const placed: string[] = [];
  for (const row of rows) {
    for (const [i, figure] of row.entries())
      placed.push(figure.svg.replace("<svg ", `<svg x="${margin + i * (cellWidth + margin)}" y="${y}" `));
    y += Math.max(...row.map(({ height }) => height)) + margin;
  }
  const text = (at: number, style: string, content: string) =>
    content === "" ? "" : `<text x="${margin}" y="${at}" ${style}>${escapeXml(content)}</text>`;
  const body =
    `<rect width="${width}" height="${y}" fill="var(--paper)"/>` +
    text(36, `font-size="19" font-weight="600"`, title) +
    text(title === "" ? 30 : 60, `font-size="13" fill="var(--soft)"`, note) +
    placed.join("");
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${width}" height="${y}" ` +
    `viewBox="0 0 ${width} ${y}" font-family='${FONT}' color="var(--ink)" fill="var(--ink)">` +
    `<style>${darkStyle()}</style>${body}</svg>`;
  return { svg: writtenOut(svg), width, height: y };
}

const writtenOut = (svg: string): string =>
  svg.replace(/var\(--(\w+)\)/g, (text, name: string) => PAINTS[name as Paint]?.[0] ?? text);

/** A rule of a style sheet is stronger than an attribute. */
function darkStyle(): string {
  const rules = Object.values(PAINTS).flatMap(([light, dark]) =>
    ATTRIBUTES.map((attribute) => `[${attribute}="${light}"]{${attribute}:${dark}}`),
  );
  return `@media (prefers-color-scheme: dark){${rules.join("")}}`;
}
