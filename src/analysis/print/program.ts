/**
 * The program as text: memory by region, steps in order with what each touches and where that lies, and who waits for
 * whom.
 */
import type { Place, Port, Program, Region, Step } from "../../compiler/program.js";
import { shapeText } from "../../graph/shape.js";
import { type Pieces, pieceCount } from "../../kernels/contract/emitter.js";
import { livesText } from "./lives.js";
import type { Plan } from "./plan.js";
import { aligned, byteText, counted, countText, hanging, timeText } from "./text.js";

const REGIONS: Readonly<Record<Region, string>> = {
  store: "states: parameters, statistics, what the optimizer keeps",
  prepared: "constants, and weights in the order in which kernels read them",
  slot: "inputs and outputs; a session has some slots of these, so that batches can be queued",
  scratch: "everything else; shared by all programs of a session",
  workspace: "what a kernel keeps within a call; each thread has its own",
};

export interface PrintedStep {
  readonly section: "prepare" | "steps";
  readonly index: number;
  readonly label: string;
  readonly strategy: string | undefined;
  readonly kernel: number;
  readonly kernelName: string;
  readonly pieces: Pieces;
  readonly operands: readonly (Place & { readonly name: string; readonly access: string })[];
  /** Every thread waits for all others before it; `spared`: not where the batch falls evenly on the threads. */
  readonly barrier: boolean;
  readonly spared: boolean;
  readonly isAgain: boolean;
  /** Estimated for one core at the program's batch. */
  readonly nanoseconds: number;
}

/** The steps that are to be shown: of a layer, those that compute something of it. */
export function printedSteps(plan: Plan): PrintedStep[] {
  const { program } = plan;
  const sections = { prepare: program.prepare, steps: program.steps } as const;
  return (["prepare", "steps"] as const).flatMap((section) =>
    sections[section].flatMap((step, index) => (isShown(plan, step) ? [printed(program, section, index, step)] : [])),
  );
}

function isShown(plan: Plan, { unit }: Step): boolean {
  return plan.shows(unit?.nodes.map(({ path }) => path) ?? []);
}

function printed(program: Program, section: PrintedStep["section"], index: number, step: Step): PrintedStep {
  const kernel = program.kernels[step.kernel]!;
  const { fixed, perSample } = step.nanoseconds;
  return {
    section,
    index,
    label: step.label,
    strategy: step.unit?.strategy,
    kernel: step.kernel,
    kernelName: kernel.name,
    pieces: step.pieces,
    operands: step.operands.map((place, i) => ({ ...place, ...kernel.operands[i]! })),
    barrier: step.barrier,
    spared: step.sparesBarrier === true,
    isAgain: step.isAgain === true,
    nanoseconds: fixed + perSample * program.maxBatch,
  };
}

export function programText(plan: Plan, width?: number): string {
  const { program } = plan;
  const all = [...program.prepare, ...program.steps];
  const steps = printedSteps(plan);
  const out = [
    `program of ${plan.title}: ${counted(program.steps.length, "step")}, ${counted(program.prepare.length, "step")} before the first run, ` +
      counted(program.kernels.length, "kernel"),
  ];
  if (plan.layer === undefined) out.push("", ...memoryText(program, width), "", ...portsText(program, width));
  for (const [section, heading] of [
    ["prepare", "before the first run, and when a weight has changed"],
    ["steps", "steps (pieces of work and estimated time on one core at this batch)"],
  ] as const) {
    const shown = steps.filter((step) => step.section === section);
    if (shown.length > 0) out.push("", heading, ...shown.flatMap((step) => stepText(step, program, width)));
  }
  if (steps.length < all.length) out.push("", `${countText(all.length - steps.length)} more steps are of other layers`);
  if (plan.layer === undefined) {
    const picture = livesText(program, width);
    if (picture.length > 0) out.push("", ...picture);
  }
  return out.join("\n");
}

function memoryText({ bytes }: Program, width?: number): string[] {
  const rows = (Object.keys(REGIONS) as Region[]).map((region) => [
    region,
    byteText(bytes[region]).padStart(9),
    REGIONS[region],
  ]);
  return ["memory", ...aligned(rows, width, 2)];
}

function portsText({ inputs, outputs }: Program, width?: number): string[] {
  const row = (kind: string, { name, layout, place }: Port) => [kind, name, shapeText(layout), placeText(place)];
  const rows = [...inputs.map((port) => row("input", port)), ...outputs.map((port) => row("output", port))];
  return ["given and handed back", ...aligned(rows, width, 2)];
}

const placeText = ({ region, offset, bytes }: Place): string => `${region}+${offset}  ${byteText(bytes)}`;

function stepText(step: PrintedStep, program: Program, width?: number): string[] {
  const { index, label, strategy, kernel, kernelName, pieces, barrier, spared, isAgain, nanoseconds } = step;
  const wait = spared ? "  -- barrier, left out where samples fall evenly on the threads" : "  -- barrier";
  const by = strategy === undefined || strategy === kernelName ? kernelName : `${strategy}: ${kernelName}`;
  const again = isAgain ? "; a second time, to save memory" : "";
  const head = `  ${String(index).padStart(3)}  `;
  const operands = step.operands.map(({ name, access, region, offset, bytes, label: of }) => [
    access === "read" ? "reads" : access === "write" ? "writes" : "changes",
    name,
    `${region}+${offset}`,
    byteText(bytes),
    of,
  ]);
  return [
    ...(barrier ? [wait] : []),
    ...hanging(head, label, width ?? Number.POSITIVE_INFINITY),
    ...hanging(
      " ".repeat(head.length),
      `kernel ${kernel} (${by}), ${piecesText(pieces, program.maxBatch)}, ${timeText(nanoseconds)}${again}`,
      width ?? Number.POSITIVE_INFINITY,
    ),
    ...aligned(operands, width, head.length),
  ];
}

/** `16 pieces: 1 for each sample` */
function piecesText(pieces: Pieces, batch: number): string {
  const total = counted(pieceCount(pieces, batch), "piece");
  if (pieces.samples === undefined) return total;
  return `${total}: ${countText(pieces.count)} for each ${pieces.samples === 1 ? "sample" : `${pieces.samples} samples`}`;
}
