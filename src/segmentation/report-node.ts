/**
 * The page of a measurement: figures, a row a class, and the worst and best scenes with what they show and what the
 * network says.
 */

import { documentOf } from "../analysis/report/document.js";
import { pictureUri } from "../analysis/report/draw-node.js";
import { escapeXml as escaped } from "../analysis/report/figure.js";
import type { ClassList } from "./class-list.js";
import type { SegmentationEvaluation } from "./evaluate.js";
import { overlayPixels } from "./overlay-node.js";
import type { Scene } from "./scene-set.js";

/** The content of the page of a measurement. */
export interface SegmentationReport {
  /** Its title. */
  readonly title: string;
  /** The figures. */
  readonly result: SegmentationEvaluation;
  /** The classes. */
  readonly classes: ClassList;
  /** The scenes with the lowest figures, and their predicted labels. */
  readonly worst: readonly LabelledScene[];
  /** The scenes with the highest figures, and their predicted labels. */
  readonly best: readonly LabelledScene[];
}

/** A scene and what the network made of it. */
export interface LabelledScene {
  /** The scene. */
  readonly scene: Scene;
  /** The predicted class of each pixel, row by row. */
  readonly labels: Uint8Array;
  /** The share of its labelled pixels that are right, from 0 to 1. */
  readonly pixelAccuracy: number;
}

const MORE = `
.scenes { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem; margin-bottom: 1.25rem; }
.scenes img { width: 100%; height: auto; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.scenes figcaption { font-size: .85rem; }
.swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .5rem; vertical-align: -.1rem; }
`;

const percent = (x: number) => (Number.isNaN(x) ? "" : `${(100 * x).toFixed(2)}%`);

/** HTML that stands alone. */
export async function segmentationPage({ title, result, classes, worst, best }: SegmentationReport): Promise<string> {
  const figures = [
    ["pixels right", result.pixelAccuracy],
    ["mean over classes", result.classAccuracy],
    ["mean IoU", result.meanIoU],
  ] as const;
  const rows = result.classes.map(({ share, accuracy, iou }, i) => {
    const { name, color } = classes.classes[i]!;
    const cells = [share, accuracy, iou].map((x) => `<td class="number">${percent(x)}</td>`).join("");
    return `<tr><td><span class="swatch" style="background:rgb(${color.join(",")})"></span>${escaped(name)}</td>${cells}</tr>`;
  });
  const part = async (heading: string, scenes: readonly LabelledScene[]) => {
    const shown = await Promise.all(scenes.map((one) => sceneHtml(one, classes)));
    return `<section><h2>${heading}</h2>${shown.join("")}</section>`;
  };
  const subtitle = `${result.scenes.length} scenes in ${result.seconds.toFixed(1)} s; unlabelled pixels do not count.`;
  return documentOf(
    { title, subtitle, style: MORE },
    `<div class="figures">${figures.map(([name, x]) => `<div><b>${percent(x)}</b><span>${name}</span></div>`).join("")}</div>
<section><h2>Classes</h2><div class="scroll"><table>
<tr><th>class</th><th class="number">of pixels</th><th class="number">found</th><th class="number">IoU</th></tr>${rows.join("")}
</table></div></section>
${await part("Worst scenes", worst)}
${await part("Best scenes", best)}`,
  );
}

async function sceneHtml({ scene, labels, pixelAccuracy }: LabelledScene, classes: ClassList): Promise<string> {
  const { height, width, pixels, name } = scene;
  const figure = async (data: Uint8Array, caption: string) =>
    `<figure><img src="${await pictureUri(data, width, height, 3)}" alt="${escaped(caption)}"><figcaption>${escaped(caption)}</figcaption></figure>`;
  const all = await Promise.all([
    figure(pixels, name.split(/[\\/]/).at(-1)!),
    figure(overlayPixels(scene, scene.labels, classes), "what it shows"),
    figure(overlayPixels(scene, labels, classes), `what the network says: ${percent(pixelAccuracy)} right`),
  ]);
  return `<div class="scenes">${all.join("")}</div>`;
}
