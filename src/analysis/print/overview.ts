/** What each stage is, and how large it is of one network. */
import { type GraphPass, graphValues } from "./graph.js";
import { codeBytes, listKernel, usedKernels } from "./kernels.js";
import type { Plan } from "./plan.js";
import { printedSteps } from "./program.js";
import { aligned, byteText, counted, countText, timeText } from "./text.js";
import { fusionUnits } from "./units.js";

/** The stages on the way of a network, in order. */
export const STAGES = ["graph", "units", "program", "kernel", "code"] as const;
export type Stage = (typeof STAGES)[number];

const WHAT: Readonly<Record<Stage, string>> = {
  graph: "values, each of an op and other values",
  units: "what is computed at once, and by which strategy",
  program: "steps in order, and where everything lies in memory",
  kernel: "the loops that steps run, in the kernel language",
  code: "their machine code",
};

export interface Overview {
  readonly values: number;
  /** Values by pass. */
  readonly passes: Readonly<Record<GraphPass, number>>;
  readonly units: number;
  /** Units by strategy. */
  readonly strategies: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly prepareSteps: number;
  readonly barriers: number;
  /** At the program's batch. */
  readonly bytes: Readonly<Record<string, number>>;
  /** Estimated for one core and one batch. */
  readonly nanoseconds: number;
  readonly kernels: number;
  readonly instructions: number;
  readonly codeBytes: number;
}

export function overviewOf(plan: Plan): Overview {
  const values = graphValues(plan);
  const units = fusionUnits(plan);
  const steps = printedSteps(plan);
  const main = steps.filter(({ section }) => section === "steps");
  const kernels = usedKernels(plan);
  const passes: Record<GraphPass, number> = { given: 0, forward: 0, backward: 0, update: 0 };
  for (const { pass } of values) passes[pass]++;
  const strategies: Record<string, number> = {};
  for (const { strategy } of units) strategies[strategy] = (strategies[strategy] ?? 0) + 1;
  return {
    values: values.length,
    passes,
    units: units.length,
    strategies,
    steps: main.length,
    prepareSteps: steps.length - main.length,
    barriers: main.filter(({ barrier }) => barrier).length,
    bytes: { ...plan.program.bytes },
    nanoseconds: main.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0),
    kernels: kernels.length,
    instructions: kernels.reduce((sum, { used }) => sum + used.instructions, 0),
    codeBytes: kernels.reduce((sum, { kernel }) => sum + codeBytes(listKernel(kernel)), 0),
  };
}

export function overviewText(plan: Plan, width?: number): string {
  const o = overviewOf(plan);
  const listed = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${countText(count)} ${name}`)
      .join(", ");
  const regions = Object.entries(o.bytes).filter(([, bytes]) => bytes > 0);
  const sizes: Readonly<Record<Stage, string>> = {
    graph: `${counted(o.values, "value")}: ${passesText(o.passes)}`,
    units: `${counted(o.units, "unit")}: ${listed(o.strategies)}`,
    program:
      `${counted(o.steps, "step")}, ${counted(o.barriers, "barrier")}, ${timeText(o.nanoseconds)} on one core as estimated, ` +
      `and ${counted(o.prepareSteps, "step")} before the first run; ${regions.map(([name, bytes]) => `${name} ${byteText(bytes)}`).join(", ")}`,
    kernel: `${counted(o.kernels, "kernel")} of ${counted(o.instructions, "instruction")}`,
    code: `${byteText(o.codeBytes)} with its constants`,
  };
  const rows = STAGES.flatMap((stage) => [
    [stage, WHAT[stage]],
    ["", sizes[stage]],
  ]);
  const of = plan.layer === undefined ? "" : `${plan.layer} in `;
  return [`the stages of ${of}${plan.title}`, "", ...aligned(rows, width, 2)].join("\n");
}

const passesText = (passes: Overview["passes"]): string =>
  (Object.keys(passes) as GraphPass[])
    .filter((pass) => passes[pass] > 0)
    .map((pass) => `${countText(passes[pass])} ${pass}`)
    .join(", ");
