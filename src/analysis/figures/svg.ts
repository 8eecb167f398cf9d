/** The few shapes that grids of numbers are drawn with, as SVG text. */
import { escapeXml } from "../report/figure.js";

type Attributes = Readonly<Record<string, string | number>>;

const written = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}="${typeof value === "number" ? Number(value.toFixed(2)) : value}"`)
    .join(" ");

export const rect = (x: number, y: number, width: number, height: number, attributes: Attributes): string =>
  `<rect ${written({ x, y, width, height, ...attributes })}/>`;

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string =>
  `<line ${written({ x1, y1, x2, y2, ...attributes })}/>`;

export const words = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  `<text ${written({ x, y, ...attributes })}>${escapeXml(content)}</text>`;

/** Where text stands in the middle of (x, y), at a size. */
export const centred = (x: number, y: number, content: string, size: number, attributes: Attributes = {}): string =>
  words(x, y + 0.36 * size, content, { "text-anchor": "middle", "font-size": size, ...attributes });

export const svg = (width: number, height: number, label: string, body: readonly string[]): string =>
  `<svg ${written({ width, height, viewBox: `0 0 ${width} ${height}`, role: "img" })} aria-label="${escapeXml(label)}">${body.join("")}</svg>`;

/** Lines of at most so many characters, broken between words. */
export function wrapped(text: string, characters: number): string[] {
  const lines: string[] = [];
  let open = "";
  for (const word of text.split(" ")) {
    if (open !== "" && open.length + 1 + word.length > characters) {
      lines.push(open);
      open = word;
    } else open = open === "" ? word : `${open} ${word}`;
  }
  return open === "" ? lines : [...lines, open];
}
