import type { Resvg } from "@resvg/resvg-js";
import type { parseHTML } from "linkedom";
import { loadSharp } from "../../data/decode/sharp-node.js";
import { loadAddon, packagePath } from "../../host/addon-node.js";
import { DRAWING } from "../../host/packages.js";
import type { Figure } from "./figure.js";
import { withLightColours } from "./palette.js";

const FONTS = ["400Regular/Inter_400Regular.ttf", "600SemiBold/Inter_600SemiBold.ttf"];
/**
 * Inter has Latin, Greek, Cyrillic, arrows and the usual signs; for other scripts the system's fonts are looked
 * through.
 */
const BEYOND_INTER = /[\u0530-\u1dff\u2300-\u259f\u2600-\u{10ffff}]/u;

const WHAT = "Drawing a figure";

interface ResvgPackage {
  readonly Resvg: typeof Resvg;
}

interface LinkedomPackage {
  readonly parseHTML: typeof parseHTML;
}

/** A document without a page, to draw figures on. @throws BackendError where the package linkedom is not installed. */
export function newDocument(): Document {
  const { parseHTML } = loadAddon<LinkedomPackage>("linkedom", WHAT, DRAWING);
  return parseHTML("<!doctype html><html><body></body></html>").document;
}

/**
 * A figure as the bytes of a PNG file.
 * @param scale pixels of the picture for one of the figure
 * @throws BackendError where a package is missing that figures are drawn with
 */
export function toPng({ svg }: Figure, scale = 2): Buffer {
  const text = withLightColours(svg).replaceAll('"pixelated"', '"optimizeSpeed"').replaceAll('"inherit"', '"Inter"');
  const { Resvg } = loadAddon<ResvgPackage>("@resvg/resvg-js", WHAT, DRAWING);
  const picture = new Resvg(text, {
    font: {
      fontFiles: FONTS.map((file) => packagePath("@expo-google-fonts/inter", file, WHAT, DRAWING)),
      loadSystemFonts: BEYOND_INTER.test(text.replace(/data:[^"]*/g, "")),
      defaultFontFamily: "Inter",
      sansSerifFamily: "Inter",
    },
    fitTo: { mode: "zoom", value: scale },
    textRendering: 2,
  });
  return picture.render().asPng();
}

/**
 * Grey (1) or RGB (3) bytes as the data URI of a PNG. @throws BackendError where the package sharp is not installed.
 */
export async function pictureUri(data: Uint8Array, width: number, height: number, channels: 1 | 3): Promise<string> {
  const png = await loadSharp()(data, { raw: { width, height, channels } }).png().toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
