/**
 * Timed steps as rows: one for each unit that the planner computes at once, however many steps it takes (Winograd's
 * transforms, partial sums), and for all uses of a layer that is used several times. Plain data.
 *
 * Bytes are those of the operands of a unit's steps, each read or written once, whether they come from memory or from a
 * cache. Operations are two for each multiply-add of a convolution or a matrix product, in its direct form, and one for
 * any other (an addition, a comparison). The roofline is the least time that these can take on the machine: at its
 * peak, or at the speed of its memory, whichever is longer. Winograd's convolutions and gradients that go through a max
 * pool to its maxima alone do fewer operations than the direct form, and what lies in a cache comes faster than memory,
 * so that a row may reach more than all of it.
 */
import type { PlannedNode, Program, Step } from "../../compiler/program.js";
import { opNamed } from "../../ops/registry.js";

/**
 * What a row is for. `forward` and `backward` belong to layers; `packing` brings weights into the order in which
 * kernels read them; `update` moves parameters, their averages and statistics; `loss` is loss and metrics, both ways;
 * `other` is what a network does around its layers, such as the softmax of a prediction.
 */
export const PASSES = ["forward", "backward", "packing", "update", "loss", "other"] as const;
/** The part of a program that a step belongs to. */
export type Pass = (typeof PASSES)[number];

/** One kernel's call. */
export interface ProfiledStep {
  /** Its place in the program's section. */
  readonly step: number;
  /** Name of the kernel. */
  readonly kernel: string;
  /** Pieces into which it is cut for threads. */
  readonly pieces: number;
  /** Its median time. */
  readonly milliseconds: number;
  /** Bytes that it reads and writes, each value once. */
  readonly bytes: number;
}

/** Time, work and limits of some steps. */
export interface ProfileFigures {
  /** Their time. */
  readonly milliseconds: number;
  /** Their part of the time of all steps, from 0 to 1. */
  readonly share: number;
  /** Multiply-adds of convolutions and matrix products, for the whole batch, as tables of networks count them. */
  readonly multiplyAdds: number;
  /** Arithmetic operations for the whole batch; a multiply-add is two. */
  readonly operations: number;
  /** Bytes that they read and write, each value once. */
  readonly bytes: number;
  /** Billions of operations a second. */
  readonly gflops: number;
  /** Operations a byte. */
  readonly intensity: number;
  /** The least time that the machine allows, as a part of the time that it took. */
  readonly ofRoofline: number;
  /** Which limit of the roofline holds: arithmetic, or memory. */
  readonly bound: "peak" | "memory";
}

/** The steps of one unit of the program. */
export interface ProfileRow extends ProfileFigures {
  /** The layer that it begins with; empty outside layers. */
  readonly layer: string;
  /** All layers that are computed in it. */
  readonly layers: readonly string[];
  /** The part of the program that it belongs to. */
  readonly pass: Pass;
  /** The ops: `conv2d+add+relu`. */
  readonly computes: string;
  /** `direct`, `winograd`, `linear`, `elementwise` ... */
  readonly strategy: string;
  /** Whether it recomputes, for the backward pass, a value that there was no room to keep. */
  readonly isAgain: boolean;
  /** Its steps. */
  readonly steps: readonly ProfiledStep[];
}

export interface Roofline {
  readonly gflops: number;
  readonly gigabytesPerSecond: number;
}

export interface Named {
  /** Paths of all modules. */
  readonly layers: ReadonlySet<string>;
  /** Names of all parameters: paths of what updates them. */
  readonly parameters: ReadonlySet<string>;
}

const isProduct = ({ op }: PlannedNode): boolean => opNamed(op)?.traits?.product === true;
const LOSS_PATHS: readonly string[] = ["loss", "metrics"];

/** Rows of a section in the order of their first steps. `times` are milliseconds, a number for each step. */
export function rowsOf(
  program: Program,
  section: "prepare" | "steps",
  times: ArrayLike<number>,
  named: Named,
  machine: Roofline,
): ProfileRow[] {
  const groups = new Map<string, { step: Step; timed: ProfiledStep }[]>();
  for (const [n, step] of program[section].entries()) {
    const key = JSON.stringify([identityOf(step, named), step.isAgain === true]);
    const timed = {
      step: n,
      kernel: program.kernels[step.kernel]!.name,
      pieces: piecesOf(step, program.maxBatch),
      milliseconds: times[n]!,
      bytes: bytesOf(step, program),
    };
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [{ step, timed }]);
    else group.push({ step, timed });
  }
  const total = sum(Array.from(times));
  return [...groups.values()].map((group) => {
    const first = group[0]!.step;
    const steps = group.map(({ timed }) => timed);
    const units = new Set(group.map(({ step }) => step.unit));
    const nodes = [...units].flatMap((unit) => unit?.nodes ?? []);
    return {
      ...identityOf(first, named),
      isAgain: first.isAgain === true,
      steps,
      ...figuresOf(
        {
          milliseconds: sum(steps.map((step) => step.milliseconds)),
          bytes: sum(
            [...units].map((unit) =>
              unitBytes(
                group.map(({ step }) => step).filter((s) => s.unit === unit),
                program,
              ),
            ),
          ),
          multiplyAdds: sum(nodes.filter(isProduct).map((node) => addsOf(node, program.maxBatch))),
          others: sum(nodes.filter((node) => !isProduct(node)).map((node) => addsOf(node, program.maxBatch))),
        },
        total,
        machine,
      ),
    };
  });
}

/** Several rows as one. */
export function figuresTogether(
  rows: readonly ProfileFigures[],
  totalMilliseconds: number,
  machine: Roofline,
): ProfileFigures {
  const of = (pick: (row: ProfileFigures) => number) => sum(rows.map(pick));
  const multiplyAdds = of((row) => row.multiplyAdds);
  const others = of((row) => row.operations) - 2 * multiplyAdds;
  const figures = figuresOf(
    { milliseconds: of((row) => row.milliseconds), bytes: of((row) => row.bytes), multiplyAdds, others },
    totalMilliseconds,
    machine,
  );
  // The rows come one after the other, each with a roof of its own.
  const least = of((row) => row.ofRoofline * row.milliseconds);
  return { ...figures, ofRoofline: ratio(least, figures.milliseconds) };
}

function figuresOf(
  found: { milliseconds: number; bytes: number; multiplyAdds: number; others: number },
  total: number,
  machine: Roofline,
): ProfileFigures {
  const { milliseconds, bytes, multiplyAdds, others } = found;
  const operations = 2 * multiplyAdds + others;
  const atPeak = operations / machine.gflops / 1e6;
  const atBandwidth = bytes / machine.gigabytesPerSecond / 1e6;
  return {
    milliseconds,
    share: ratio(milliseconds, total),
    multiplyAdds,
    operations,
    bytes,
    gflops: ratio(operations, milliseconds * 1e6),
    intensity: ratio(operations, bytes),
    ofRoofline: ratio(Math.max(atPeak, atBandwidth), milliseconds),
    bound: atPeak > atBandwidth ? "peak" : "memory",
  };
}

function identityOf({ unit, label }: Step, { layers, parameters }: Named) {
  const nodes = unit?.nodes ?? [];
  const isLayer = (path: string) => path !== "" && layers.has(path);
  const layerOf = ({ path }: PlannedNode) =>
    parameters.has(path) ? path.slice(0, Math.max(0, path.lastIndexOf("."))) : path;
  const own = [...new Set(nodes.map(layerOf).filter(isLayer))];
  return {
    layer: own[0] ?? "",
    layers: own,
    pass: passOf(unit, { layers, parameters }),
    computes: unit?.isPacking ? "weights" : nodes.length === 0 ? label : nodes.map(({ op }) => op).join("+"),
    strategy: unit?.strategy ?? "",
  };
}

function passOf(unit: Step["unit"], { layers, parameters }: Named): Pass {
  const head = unit?.nodes[0];
  if (unit === undefined || head === undefined) return "other";
  const { nodes, strategy, isPacking } = unit;
  if (isPacking) return "packing";
  const isForward = nodes.some((node) => node.isForward);
  if (nodes.every(({ path }) => LOSS_PATHS.includes(path) && !layers.has(path))) return "loss";
  if (parameters.has(head.path)) return "update";
  const moves = strategy === "elementwise" || strategy === "copy" || strategy === "fill";
  if (moves && !isForward && nodes.some((node) => node.isAssigned)) return "update";
  if (!nodes.some(({ path }) => layers.has(path))) return "other";
  return isForward ? "forward" : "backward";
}

const addsOf = ({ multiplyAdds, isBatched }: PlannedNode, batch: number): number =>
  isBatched ? multiplyAdds * batch : multiplyAdds;

const piecesOf = ({ pieces: { count, samples } }: Step, batch: number): number =>
  samples === undefined ? count : count * Math.ceil(batch / samples);

/** What one step reads and writes. A workspace never leaves a thread's cache. */
const bytesOf = (step: Step, program: Program): number => unitBytes([step], program);

/** What several steps read and write; what more than one of them reads, or writes a part of, counts once. */
function unitBytes(steps: readonly Step[], { kernels }: Program): number {
  const moved = new Map<string, number>();
  for (const { kernel, operands } of steps) {
    for (const [i, { region, offset, bytes }] of operands.entries()) {
      if (region === "workspace") continue;
      const { access } = kernels[kernel]!.operands[i]!;
      if (access !== "write") moved.set(`read ${region} ${offset}`, bytes);
      if (access !== "read") moved.set(`write ${region} ${offset}`, bytes);
    }
  }
  return sum([...moved.values()]);
}

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}
