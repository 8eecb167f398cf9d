/** The graph as text: a value a line, in the order in which they can be computed, parted into passes. */

import { isLeaf } from "../../compiler/live.js";
import type { Value } from "../../graph/graph.js";
import { valueParts } from "../../graph/print.js";
import type { DType } from "../../graph/shape.js";
import type { Plan } from "./plan.js";
import { hanging } from "./text.js";

/** What is given, and what each part of a step computes. Inference has no `backward` and no `update`. */
export type GraphPass = "given" | "forward" | "backward" | "update";

export interface GraphValue {
  readonly id: number;
  readonly pass: GraphPass;
  /** The layer that made it; empty for the network's input. */
  readonly layer: string;
  /** `conv2d(%0, %1)`; of what is given, `parameter "conv1.weight"`. */
  readonly call: string;
  /** `Nx28x28x6`: N is the batch. */
  readonly shape: string;
  readonly dtype: DType;
  readonly attributes: Readonly<Record<string, string>>;
  /** Names under which it is handed back, and states that take it at the end. */
  readonly output: readonly string[];
  readonly assignedTo: readonly string[];
}

export function graphValues(plan: Plan): GraphValue[] {
  const { live, entry } = plan;
  const states = new Set(entry.assigns.map(({ state }) => state.attributes.name));
  const passOf = (value: Value): GraphPass => {
    if (isLeaf(value)) return "given";
    if (live.isForward(value)) return "forward";
    return states.has(value.path) ? "update" : "backward";
  };
  return live.nodes
    .filter(({ path }) => plan.shows([path]))
    .map((value) => {
      const { call, attributes, type } = valueParts(value);
      const outputs = Object.entries(entry.outputs).filter(([, output]) => output === value);
      const assigns = entry.assigns.filter((assign) => assign.value === value);
      return {
        id: value.id,
        pass: passOf(value),
        layer: value.path,
        call,
        shape: type,
        dtype: value.dtype,
        attributes,
        output: outputs.map(([name]) => name),
        assignedTo: assigns.map(({ state }) => state.attributes.name),
      };
    });
}

const HEADINGS: Readonly<Record<GraphPass, string>> = {
  given: "given: inputs, states and constants",
  forward: "forward",
  backward: "backward",
  update: "update",
};

export function graphText(plan: Plan, width?: number): string {
  const values = graphValues(plan);
  const lines = values.map(lineOf);
  const out: string[] = [`graph of ${plan.title}: N is the batch`];
  // One table, so that all passes share their columns.
  const widths = columnWidths(lines, width);
  for (const pass of Object.keys(HEADINGS) as GraphPass[]) {
    const rows = lines.filter((_, i) => values[i]!.pass === pass);
    if (rows.length > 0) out.push("", HEADINGS[pass], ...rows.flatMap((row) => wholeLine(row, widths, width)));
  }
  return out.join("\n");
}

function lineOf({ id, layer, call, shape, dtype, attributes, output, assignedTo }: GraphValue): string[] {
  const given = Object.entries(attributes).map(([key, text]) => `${key}: ${text}`);
  const texts = [
    ...(given.length === 0 ? [] : [`{${given.join(", ")}}`]),
    ...output.map((name) => `-> output "${name}"`),
    ...assignedTo.map((name) => `-> state "${name}"`),
  ];
  return [`%${id}`, layer, call, shape, dtype, texts.join(" ")];
}

/** Where lines would be too long for all cells of a column to fit, the longest stand out of it. */
const NARROW = 28;

function columnWidths(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY): number[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + 2, 2);
  return before > width ? widths.map((each) => Math.min(each, NARROW)) : widths;
}

function wholeLine(row: readonly string[], widths: readonly number[], width = Number.POSITIVE_INFINITY): string[] {
  const cells = row.slice(0, -1).map((cell, i) => cell.padEnd(widths[i]!));
  return hanging(`  ${cells.join("  ")}  `, row.at(-1)!, width);
}
