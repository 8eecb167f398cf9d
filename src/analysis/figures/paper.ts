/** What figures are drawn on and with: a document, and Observable Plot, which is loaded with the first figure. */
import type * as Plot from "@observablehq/plot";
import { BackendError } from "../../base/errors.js";
import { printable } from "../../base/text.js";
import { DRAWING, notInstalled } from "../../host/packages.js";
import type { Figure } from "../report/figure.js";

export interface Paper {
  /** A page's, or one without a page (`newDocument` of `fovea/analysis/node`). */
  readonly document: Document;
  readonly plot: typeof Plot;
}

/** @throws BackendError where Observable Plot is not installed. */
export async function paperOn(document: Document): Promise<Paper> {
  // Bundlers take an import within `try` for one that may fail: a page that draws nothing need not have the package.
  try {
    return { document, plot: await import("@observablehq/plot") };
  } catch (cause) {
    throw new BackendError(notInstalled("Drawing a figure", "@observablehq/plot", DRAWING), { cause });
  }
}

/** Draws a plot without a browser. */
export function draw(
  { document, plot }: Paper,
  label: string,
  options: Plot.PlotOptions & { readonly width: number; readonly height: number },
): Figure {
  const element = plot.plot({
    ...options,
    document,
    ariaLabel: label,
    style: { fontSize: `${FONT_SIZE}px`, fontFamily: "inherit", background: "none", overflow: "visible" },
  });
  // Its own style sheet is about pages that have none.
  element.querySelector("style")?.remove();
  element.setAttribute("role", "img");
  return { svg: printable(element.outerHTML), width: options.width, height: options.height };
}

/** Of text, for a figure about as wide as half a page. */
const FONT_SIZE = 13;
