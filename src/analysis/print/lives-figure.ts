/**
 * The plan of the scratch as a picture: time from left to right in steps, memory from top to bottom, a box a buffer.
 */
import type { Program } from "../../compiler/program.js";
import type { AnyNetwork } from "../../model/trained-model.js";
import { paint } from "../figures/palette.js";
import { standalone } from "../figures/standalone.js";
import { line, rect, svg, words } from "../figures/svg.js";
import type { Figure } from "../report/figure.js";
import { firstStep, type Life, lastStep, livesOf } from "./lives.js";
import { type Plan, type PrintOptions, planOf } from "./plan.js";
import { byteText, counted } from "./text.js";

const HEIGHT = 420;
const LEFT = 74;
const TOP = 26;
const SIZE = 12;
/** Steps from one number to the next. */
const NUMBERED = [1, 2, 5, 10, 20, 50, 100, 200, 500];
/** About the width of a letter at that size. */
const LETTER = 6.4;
const FILLS = ["kernelFill", "readFill", "outputFill"] as const;
const LINES = ["kernelLine", "readLine", "outputLine"] as const;

/**
 * The scratch of a network's program over its steps, as an SVG document.
 * @param title @default "who lies where"
 * @throws as `printProgram`
 */
export async function drawProgram(network: AnyNetwork, options: PrintOptions = {}, title?: string): Promise<Figure> {
  return livesFigure(await planOf("drawProgram", network, options), title);
}

export function livesFigure(plan: Plan, title = "who lies where"): Figure {
  const { program } = plan;
  const note = `${plan.title}: ${byteText(program.bytes.scratch)} of scratch over ${counted(program.steps.length, "step")}`;
  return standalone([drawn(program)], { title, note });
}

function drawn(program: Program): Figure {
  const lives = livesOf(program);
  const steps = program.steps.length;
  const across = Math.min(80, Math.max(3, 860 / steps));
  const width = LEFT + steps * across + 12;
  const total = Math.max(64, program.bytes.scratch);
  const y = (offset: number) => TOP + (offset / total) * HEIGHT;
  const x = (step: number) => LEFT + step * across;
  const body: string[] = [];
  for (let part = 0; part <= 4; part++) {
    const at = (total * part) / 4;
    body.push(line(LEFT, y(at), width - 12, y(at), { stroke: paint("line") }));
    const attributes = { "text-anchor": "end", "font-size": SIZE, fill: paint("soft") };
    body.push(words(LEFT - 8, y(at) + 4, byteText(Math.round(at)), attributes));
  }
  const every = NUMBERED.find((each) => each * across >= 30) ?? 1000;
  for (let step = 0; step < steps; step += every)
    body.push(words(x(step) + 3, TOP - 8, String(step), { "font-size": SIZE, fill: paint("soft") }));
  for (const [i, life] of lives.entries()) body.push(...box(life, i, { x, y, across }));
  return {
    svg: svg(width, TOP + HEIGHT + 12, "buffers of the scratch over the steps of the program", body),
    width,
    height: TOP + HEIGHT + 12,
  };
}

interface Scales {
  x(step: number): number;
  y(offset: number): number;
  readonly across: number;
}

function box(life: Life, i: number, { x, y, across }: Scales): string[] {
  const [left, top] = [x(firstStep(life)), y(life.offset)];
  const width = (lastStep(life) - firstStep(life) + 1) * across;
  const height = Math.max(1.5, y(life.offset + life.bytes) - top);
  const kind = i % FILLS.length;
  const out = [
    `<g><title>${`${life.label}: ${byteText(life.bytes)} at ${life.offset}, steps ${firstStep(life)} to ${lastStep(life)}`.replace(/[&<>]/g, "")}</title>`,
    rect(left, top, width, height, { fill: paint(FILLS[kind]!), stroke: paint(LINES[kind]!), rx: 2 }),
  ];
  const most = Math.floor((width - 8) / LETTER);
  if (height >= SIZE + 2 && most >= 4) {
    const label = life.label.length > most ? `${life.label.slice(0, most - 1)}…` : life.label;
    out.push(words(left + 4, top + Math.min(height / 2, 12) + 4, label, { "font-size": SIZE }));
  }
  return [...out, "</g>"];
}
