/**
 * The frame of every page that fovea writes: HTML that stands alone, without scripts and without anything from
 * elsewhere, light or dark.
 */
import { escapeXml as escaped } from "./figure.js";
import { STYLE } from "./style.js";

export interface Frame {
  readonly title: string;
  readonly subtitle: string;
  /** HTML that stands below title and subtitle, in the same header. */
  readonly lead?: string;
  /** Styles of this page alone. */
  readonly style?: string;
  readonly footer?: string;
}

/** `body` is HTML. */
export function documentOf({ title, subtitle, lead, style = "", footer }: Frame, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${STYLE}${style}</style>
</head>
<body>
<main>
<header>
<h1>${escaped(title)}</h1>
<p class="soft">${escaped(subtitle)}</p>${lead === undefined ? "" : `\n${lead}`}
</header>
${body}${footer === undefined ? "" : `\n<footer class="soft">${escaped(footer)}</footer>`}
</main>
</body>
</html>
`;
}

/** `Made by fovea 0.1.0 on 2026-01-31 12:00 UTC, from runs/lenet5-mnist.` */
export function madeBy(version: string, date: Date, folder: string): string {
  return `Made by fovea ${version} on ${date.toISOString().slice(0, 16).replace("T", " ")} UTC, from ${folder}.`;
}
