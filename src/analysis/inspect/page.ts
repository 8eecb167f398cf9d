/** The page of a look inside: HTML that stands alone, without scripts and without anything from elsewhere, light or dark. */

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
}

export interface HeatPicture {
  readonly title: string;
  readonly note: string;
  readonly picture: string;
}

export interface InspectPage {
  readonly title: string;
  readonly subtitle: string;
  readonly answers: readonly { readonly name: string; readonly probability: number; readonly isTarget: boolean }[];
  readonly heats: readonly HeatPicture[];
  /** The strip of colours of the heats, as a data URI. */
  readonly scale: string;
  readonly maps: readonly LayerTiles[];
  readonly mapsNote: string;
  readonly filters: readonly LayerTiles[];
  readonly filtersNote: string;
  readonly exciting: readonly LayerTiles[];
  readonly excitingNote: string;
  readonly footer: string;
}

const MORE = `
.answers { display: grid; grid-template-columns: auto minmax(6rem, 20rem) auto; gap: .35rem .8rem; align-items: center; justify-content: start; margin-top: 1rem; font-variant-numeric: tabular-nums; }
.answers i { display: block; height: .9rem; background: var(--training); border-radius: .15rem; min-width: 1px; }
.answers .asked { font-weight: 600; }
.heats { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.25rem; }
.heats img { width: 100%; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.heats figcaption { font-size: .9rem; margin-top: .4rem; }
.heats figcaption b { display: block; font-weight: 600; }
.scale { display: flex; gap: .6rem; align-items: center; font-size: .85rem; color: var(--soft); margin-top: .75rem; }
.scale img { width: 10rem; height: .7rem; }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
details summary { font-weight: 600; overflow-wrap: anywhere; }
details summary span { font-weight: 400; color: var(--soft); }
.planes { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.2rem, 1fr)); gap: .6rem .5rem; margin-top: .6rem; }
.planes figure { text-align: center; }
.planes img { width: 100%; height: auto; image-rendering: pixelated; border: 1px solid var(--line); display: block; }
.planes figcaption { font-size: .75rem; color: var(--soft); line-height: 1.3; overflow-wrap: anywhere; }
`;

/** Layers whose tiles are shown without a click. */
const OPEN = 3;

export function inspectPage(data: InspectPage): string {
  const { title, subtitle, answers, heats, scale, footer } = data;
  const largest = Math.max(...answers.map(({ probability }) => probability), 1e-9);
  const bars = answers.map(
    ({ name, probability, isTarget }) =>
      `<span${isTarget ? ' class="asked"' : ""}>${escaped(name)}</span>` +
      `<i style="width:${((100 * probability) / largest).toFixed(1)}%"></i><span>${(100 * probability).toFixed(1)}%</span>`,
  );
  const pictures = heats.map(
    ({ title: name, note, picture }) =>
      `<figure><img src="${picture}" alt="${escaped(name)}"><figcaption><b>${escaped(name)}</b><span class="soft">${escaped(note)}</span></figcaption></figure>`,
  );
  const lead = `<div class="answers">${bars.join("")}</div>`;
  return documentOf(
    { title, subtitle, lead, style: MORE, footer },
    `<section><h2>What it looked at</h2><div class="heats">${pictures.join("")}</div>
<div class="scale"><span>nothing</span><img src="${scale}" alt="colours from dark to bright"><span>the most in this picture</span></div></section>
${layers("What the layers give", data.mapsNote, data.maps, OPEN)}
${layers("Filters", data.filtersNote, data.filters, OPEN)}
${layers("Pictures that excite a unit most", data.excitingNote, data.exciting, Number.POSITIVE_INFINITY)}`,
  );
}

function layers(title: string, note: string, all: readonly LayerTiles[], open: number): string {
  if (all.length === 0) return "";
  const parts = all.map(({ path, note: about, tiles, aspect }, i) => {
    const figures = tiles.map(
      ({ picture, caption, title: hint }) =>
        `<figure title="${escaped(hint)}"><img src="${picture}" alt="${escaped(hint)}" style="aspect-ratio:${aspect.toFixed(3)}"><figcaption>${escaped(caption)}</figcaption></figure>`,
    );
    return `<details${i < open ? " open" : ""}><summary>${escaped(path)} <span>${escaped(about)}</span></summary><div class="planes">${figures.join("")}</div></details>`;
  });
  return `<section><h2>${escaped(title)}</h2><p class="soft">${escaped(note)}</p>${parts.join("")}</section>`;
}
