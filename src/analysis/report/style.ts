/** The style sheet of a report's page. */
import { cssVariables, DARK, LIGHT } from "./palette.js";

export const STYLE = `
:root { ${cssVariables(LIGHT)} }
@media (prefers-color-scheme: dark) { :root { ${cssVariables(DARK)} } }
@media print { :root { ${cssVariables(LIGHT)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p { margin: .25rem 0 .75rem; overflow-wrap: anywhere; }
section { margin-top: 2.5rem; min-width: 0; }
figure { margin: 0; min-width: 0; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; }
.soft { color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin-top: 1.25rem; }
.figures div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.figures b { display: block; font-size: 1.4rem; line-height: 1.3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.figures span { color: var(--soft); font-size: .9rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.5rem 2rem; }
.pair > section { margin-top: 2.5rem; }
.beside { display: flex; flex-wrap: wrap; gap: 1.5rem 3rem; align-items: flex-start; }
.beside > figure { flex: 1 1 20rem; }
ol { margin: 0; padding-left: 1.5rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(4.6rem, 1fr)); gap: .9rem .6rem; }
.tiles figure { text-align: center; }
.tiles img { width: 3.5rem; height: 3.5rem; object-fit: contain; image-rendering: pixelated; border: 1px solid var(--line); display: block; margin: 0 auto; }
.tiles figcaption { font-size: .85rem; line-height: 1.3; margin-top: .3rem; overflow-wrap: anywhere; }
.tiles figcaption b { display: inline-block; font-weight: inherit; }
.tiles figcaption span { display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .9rem .35rem 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; }
.number { text-align: right; }
@media (max-width: 40rem) { table { font-size: .78rem; } th, td { padding-right: .6rem; } th { white-space: normal; } }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.2rem; margin: 0; font-size: .92rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
summary { cursor: pointer; }
footer { margin-top: 3rem; font-size: .85rem; overflow-wrap: anywhere; }
`.trim();
