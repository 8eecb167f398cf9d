/**
 * The page of a look inside: HTML that stands alone, without scripts and without anything from elsewhere, light or
 * dark.
 */

import { documentOf } from "../report/document.js";
import { escapeXml as escaped } from "../report/figure.js";

export interface Tile {
  /** A data URI. */
  readonly picture: string;
  readonly caption: string;
  readonly title: string;
}

export interface LayerTiles {
  readonly path: string;
  readonly note: string;
  readonly tiles: readonly Tile[];
  /** Width over height of a tile. */
  readonly aspect: number;
  /** Whether tiles need room to be made out. */
  readonly isLarge?: boolean;
}

export interface HeatPicture {
  readonly title: string;
  readonly note: string;
  /** A data URI, or SVG text. */
  readonly picture: string;
  /** Whether its pixels are to be seen as squares. */
  readonly isCoarse: boolean;
}

/** A strip of colours, as a data URI, and what its ends mean. */
export interface Scale {
  readonly low: string;
  readonly picture: string;
  readonly high: string;
}

export interface Answer {
  readonly name: string;
  readonly part: number;
  readonly isTarget: boolean;
  /** Of a legend. */
  readonly colour?: string;
}

export interface Section {
  readonly title: string;
  readonly note: string;
  readonly layers: readonly LayerTiles[];
  /** Layers whose tiles are shown without a click. */
  readonly open: number;
}

export interface InspectPage {
  readonly title: string;
  readonly subtitle: string;
  readonly answers: readonly Answer[];
  /** Said below the answers. */
  readonly remarks: readonly string[];
  readonly heats: readonly HeatPicture[];
  /** The least width of a picture in the page, in widths of a letter. */
  readonly heatWidth: number;
  readonly scales: readonly Scale[];
  readonly sections: readonly Section[];
  readonly footer: string;
}

const MORE = `
.answers { display: grid; grid-template-columns: auto minmax(6rem, 20rem) auto; gap: .35rem .8rem; align-items: center; justify-content: start; margin-top: 1rem; font-variant-numeric: tabular-nums; }
.answers i { display: block; height: .9rem; background: var(--training); border-radius: .15rem; min-width: 1px; }
.answers .asked { font-weight: 600; }
.answers .swatch { display: inline-block; width: .9rem; height: .9rem; margin-right: .5rem; vertical-align: -.1rem; border: 1px solid var(--line); }
.remarks { margin-top: .75rem; }
.remarks p { margin: .25rem 0; }
.heats { display: grid; gap: 1.25rem; align-items: start; }
.heats img { width: 100%; border: 1px solid var(--line); display: block; }
.heats .coarse { image-rendering: pixelated; }
.heats svg { width: 100%; }
.heats figcaption { font-size: .9rem; margin-top: .4rem; }
.heats figcaption b { display: block; font-weight: 600; }
.scale { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; font-size: .85rem; color: var(--soft); margin-top: .75rem; }
.scale img { width: 10rem; height: .7rem; border: 1px solid var(--line); }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
details summary { font-weight: 600; overflow-wrap: anywhere; }
details summary span { font-weight: 400; color: var(--soft); }
.planes { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.2rem, 1fr)); gap: .6rem .5rem; margin-top: .6rem; align-items: start; }
.large { grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); }
.planes figure { text-align: center; }
.planes img { width: 100%; height: auto; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.planes figcaption { font-size: .75rem; color: var(--soft); line-height: 1.3; overflow-wrap: anywhere; }
`;

export function inspectPage(data: InspectPage): string {
  const { title, subtitle, answers, remarks, heats, heatWidth, scales, sections, footer } = data;
  const pictures = heats.map(({ title: name, note, picture, isCoarse }) => {
    const shown = picture.startsWith("<svg")
      ? picture
      : `<img src="${picture}" alt="${escaped(name)}"${isCoarse ? ' class="coarse"' : ""}>`;
    return `<figure>${shown}<figcaption><b>${escaped(name)}</b><span class="soft">${escaped(note)}</span></figcaption></figure>`;
  });
  const strips = scales.map(
    ({ low, picture, high }) =>
      `<div class="scale"><span>${escaped(low)}</span><img src="${picture}" alt="a strip of colours"><span>${escaped(high)}</span></div>`,
  );
  const said = remarks.map((remark) => `<p class="soft">${escaped(remark)}</p>`);
  const lead = `${answerBars(answers)}${said.length === 0 ? "" : `<div class="remarks">${said.join("")}</div>`}`;
  const columns = `grid-template-columns:repeat(auto-fill,minmax(min(100%,${heatWidth}rem),1fr))`;
  return documentOf(
    { title, subtitle, lead, style: MORE, footer },
    `<section><h2>What it looked at</h2><div class="heats" style="${columns}">${pictures.join("")}</div>
${strips.join("\n")}</section>
${sections.map(layersHtml).join("\n")}`,
  );
}

function answerBars(answers: readonly Answer[]): string {
  const largest = Math.max(...answers.map(({ part }) => part), 1e-9);
  const rows = answers.map(({ name, part, isTarget, colour }) => {
    const swatch = colour === undefined ? "" : `<span class="swatch" style="background:${colour}"></span>`;
    return (
      `<span${isTarget ? ' class="asked"' : ""}>${swatch}${escaped(name)}</span>` +
      `<i style="width:${((100 * part) / largest).toFixed(1)}%"></i><span>${(100 * part).toFixed(1)}%</span>`
    );
  });
  return `<div class="answers">${rows.join("")}</div>`;
}

function layersHtml({ title, note, layers, open }: Section): string {
  if (layers.length === 0) return "";
  const parts = layers.map(({ path, note: about, tiles, aspect, isLarge }, i) => {
    const figures = tiles.map(
      ({ picture, caption, title: hint }) =>
        `<figure title="${escaped(hint)}"><img src="${picture}" alt="${escaped(hint)}" style="aspect-ratio:${aspect.toFixed(3)}"><figcaption>${escaped(caption)}</figcaption></figure>`,
    );
    return `<details${i < open ? " open" : ""}><summary>${escaped(path)} <span>${escaped(about)}</span></summary><div class="planes${isLarge ? " large" : ""}">${figures.join("")}</div></details>`;
  });
  return `<section><h2>${escaped(title)}</h2><p class="soft">${escaped(note)}</p>${parts.join("")}</section>`;
}
