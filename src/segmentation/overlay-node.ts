/** A labelled picture to look at: the colours of classes laid over it, and a legend of the classes that are there. */
import { pictureUri, toPng } from "../analysis/report/draw-node.js";
import { escapeXml } from "../analysis/report/figure.js";
import { type ClassList, type Color, UNLABELLED } from "./class-list.js";
import type { RgbPicture } from "./labeller.js";

/** How much of a pixel is its class's colour. */
const SHARE = 0.5;

/** height x width x 3 bytes: the picture under the colours of its labels; unlabelled pixels stay as they are. */
export function overlayPixels(
  { height, width, pixels }: RgbPicture,
  labels: Uint8Array,
  { classes }: ClassList,
): Uint8Array {
  const mixed = Uint8Array.from(pixels);
  for (let i = 0; i < height * width; i++) {
    const label = labels[i]!;
    const color = classes[label]?.color;
    if (label === UNLABELLED || color === undefined) continue;
    for (let c = 0; c < 3; c++) mixed[3 * i + c] = Math.round((1 - SHARE) * pixels[3 * i + c]! + SHARE * color[c]!);
  }
  return mixed;
}

const ROW = 20;
const CELL = 118;

/** PNG. The legend is below the picture, the largest class first. */
export async function overlayPng(picture: RgbPicture, labels: Uint8Array, list: ClassList): Promise<Uint8Array> {
  const { height, width } = picture;
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const present = [...counts]
    .filter(([label]) => list.classes[label] !== undefined)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const zoom = Math.max(1, Math.round(480 / width));
  const [shownWidth, shownHeight] = [zoom * width, zoom * height];
  const columns = Math.max(1, Math.floor(shownWidth / CELL));
  const rows = Math.ceil(present.length / columns);
  const total = shownHeight + rows * ROW + 8;
  const uri = await pictureUri(overlayPixels(picture, labels, list), width, height, 3);
  const cells = present.map(([label, count], i) => {
    const { name, color } = list.classes[label]!;
    const [x, y] = [(i % columns) * CELL + 4, shownHeight + 6 + Math.floor(i / columns) * ROW];
    const share = Math.round((100 * count) / labels.length);
    const text = `${name} ${share < 1 ? "<1" : share}%`;
    return (
      `<rect x="${x}" y="${y}" width="14" height="14" fill="${css(color)}"/>` +
      `<text x="${x + 19}" y="${y + 11}" font-size="12" fill="#222" font-family="Inter">${escapeXml(text)}</text>`
    );
  });
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${shownWidth}" height="${total}" viewBox="0 0 ${shownWidth} ${total}">` +
    `<rect width="${shownWidth}" height="${total}" fill="#fff"/>` +
    `<image width="${shownWidth}" height="${shownHeight}" href="${uri}" image-rendering="optimizeSpeed"/>${cells.join("")}</svg>`;
  return toPng({ svg, width: shownWidth, height: total }, 1);
}

const css = ([red, green, blue]: Color) => `rgb(${red},${green},${blue})`;
