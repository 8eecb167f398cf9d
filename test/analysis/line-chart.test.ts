/** A line chart's places and words, worked by hand. */
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { type LineChart, lineChart, standalone } from "#fovea/analysis/index.js";
import { newDocument } from "#fovea/analysis/report/draw-node.js";

const axes = { x: { label: "steps" }, y: { label: "loss" } };
const drawn = async (chart: Partial<LineChart>) => {
  const figure = await lineChart(newDocument(), { label: "a chart", ...axes, lines: [], ...chart });
  const { document } = parseHTML(figure.svg);
  const all = (selector: string) => [...document.querySelectorAll(selector)];
  return {
    figure,
    /** Of each line, its points. */
    paths: all('g[aria-label="line"] path').map((path) => path.getAttribute("d")),
    dots: all('g[aria-label="dot"] circle').length,
    ticks: (axis: "x" | "y") => all(`g[aria-label="${axis}-axis tick label"] text`).map((text) => text.textContent),
    words: all("text").map((text) => text.textContent),
    strokes: all('g[aria-label="line"]').map((g) => [g.getAttribute("stroke"), g.getAttribute("stroke-dasharray")]),
  };
};

describe("a line chart", () => {
  it("puts points where its axes say", async () => {
    const line = {
      name: "a",
      points: [
        { x: 0, y: 0 },
        { x: 5, y: 50 },
        { x: 10, y: 100 },
      ],
    };
    // From 64 over 492 pixels to the right, from 390 up to 40.
    const { paths, ticks, figure } = await drawn({ lines: [line] });
    expect(paths).toEqual(["M64,390L310,215L556,40"]);
    expect(ticks("x")).toEqual(["0", "2", "4", "6", "8", "10"]);
    expect(ticks("y")).toEqual(["0", "20", "40", "60", "80", "100"]);
    // The name needs 7 pixels behind a leader of 14 and a gap of 8.
    expect([figure.width, figure.height]).toEqual([556 + 14 + 8 + 7, 440]);
  });

  it("takes logarithmic axes, extents and ticks that are given", async () => {
    const line = {
      name: "a",
      points: [
        { x: 1, y: 0.1 },
        { x: 10, y: 1 },
        { x: 100, y: 10 },
      ],
    };
    const { paths, ticks } = await drawn({
      x: { label: "n", scale: "log", domain: [1, 100], ticks: [1, 7, 100] },
      y: { label: "loss", scale: "log", domain: [0.1, 10] },
      lines: [line],
      width: 200,
    });
    expect(paths).toEqual(["M64,390L164,215L264,40"]);
    expect(ticks("x")).toEqual(["1", "7", "100"]);
    expect(ticks("y")).toEqual(["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
  });

  it("tells lines apart by colour, by dash and by names that do not lie on each other", async () => {
    const at = (name: string, y: number) => ({
      name,
      points: [
        { x: 0, y: 0 },
        { x: 1, y },
      ],
    });
    const { strokes, words, figure } = await drawn({
      lines: [at("one", 1), at("two", 1), at("three", 1)],
      heading: "Three",
    });
    expect(new Set(strokes.map(([colour]) => colour)).size).toBe(3);
    expect(new Set(strokes.map(([, dash]) => dash)).size).toBe(3);
    expect(words).toEqual(expect.arrayContaining(["one", "two", "three", "Three", "steps", "loss"]));
    const heights = [...figure.svg.matchAll(/translate\([\d.]+,([\d.]+)\)"[^>]*>(?:one|two|three)</g)].map(
      (m) => +m[1]!,
    );
    expect(heights).toHaveLength(3);
    heights.sort((a, b) => a - b);
    expect(Math.min(heights[1]! - heights[0]!, heights[2]! - heights[1]!)).toBeGreaterThanOrEqual(14);
    // As a file, colours are written out.
    expect(standalone([figure], { title: "t" }).svg).not.toContain("var(--");
  });

  it("leaves out what is not finite, and dots where there are many points", async () => {
    const points = [Number.NaN, 1, Number.POSITIVE_INFINITY, 3].map((y, x) => ({ x, y }));
    const { paths, dots } = await drawn({
      lines: [
        { name: "a", points },
        { name: "b", points: [{ x: 0, y: Number.NaN }] },
      ],
    });
    expect(paths).toHaveLength(1);
    expect(paths[0]!.split("L")).toHaveLength(2);
    expect(dots).toBe(2);
    const many = Array.from({ length: 41 }, (_, x) => ({ x, y: x }));
    expect((await drawn({ lines: [{ name: "a", points: many }] })).dots).toBe(0);
  });
});
