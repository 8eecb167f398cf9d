import { createRequire } from "node:module";
import type { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";
import { loadSharp } from "../../data/decode/sharp-node.js";
import { loadAddon } from "../../host/addon-node.js";
import type { Figure } from "./figure.js";
import { withLightColours } from "./palette.js";

const FONTS = ["400Regular/Inter_400Regular.ttf", "600SemiBold/Inter_600SemiBold.ttf"];
/** Inter has Latin, Greek, Cyrillic, arrows and the usual signs; for other scripts the system's fonts are looked through. */
const BEYOND_INTER = /[\u0530-\u1dff\u2300-\u259f\u2600-\u{10ffff}]/u;

interface ResvgPackage {
  readonly Resvg: typeof Resvg;
}

export function newDocument(): Document {
  return parseHTML("<!doctype html><html><body></body></html>").document;
}

/** @param scale pixels of the picture for one of the figure */
export function toPng({ svg }: Figure, scale = 2): Buffer {
  const resolve = createRequire(import.meta.url).resolve;
  const text = withLightColours(svg).replaceAll('"pixelated"', '"optimizeSpeed"').replaceAll('"inherit"', '"Inter"');
  const { Resvg } = loadAddon<ResvgPackage>("@resvg/resvg-js", "Drawing a figure as PNG");
  const picture = new Resvg(text, {
    font: {
      fontFiles: FONTS.map((name) => resolve(`@expo-google-fonts/inter/${name}`)),
      loadSystemFonts: BEYOND_INTER.test(text.replace(/data:[^"]*/g, "")),
      defaultFontFamily: "Inter",
      sansSerifFamily: "Inter",
    },
    fitTo: { mode: "zoom", value: scale },
    textRendering: 2,
  });
  return picture.render().asPng();
}

/** Grey (1) or RGB (3) bytes as the data URI of a PNG. */
export async function pictureUri(data: Uint8Array, width: number, height: number, channels: 1 | 3): Promise<string> {
  const png = await loadSharp()(data, { raw: { width, height, channels } }).png().toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
