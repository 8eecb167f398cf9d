/**
 * The curve of a run of `fovea go train`: how often the move played is the first choice, over the positions learned from.
 *
 *     node examples/go-policy/curve.mjs RUN/log.jsonl curve.svg
 */
import { readFileSync, writeFileSync } from "node:fs";
import { lineChart, standalone } from "fovea/analysis";
import { newDocument } from "fovea/analysis/node";

const [log, out] = process.argv.slice(2);
if (out === undefined) {
  console.error("usage: node examples/go-policy/curve.mjs RUN/log.jsonl curve.svg");
  process.exit(2);
}
const rows = readFileSync(log, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const line = (name, of) => ({ name, points: rows.map((row) => ({ x: row.positions / 1e6, y: 100 * of(row) })) });
const chart = await lineChart(newDocument(), {
  label: "top-1 by positions",
  heading: "the move played is the first choice",
  x: { label: "positions, millions" },
  y: { label: "percent" },
  lines: [
    line("games not trained on", ({ test }) => test.accuracy),
    line("while learning", ({ train }) => train.accuracy),
  ],
});
writeFileSync(out, standalone([chart], { title: "A policy learns from games" }).svg);
