/**
 * Weights in the order in which a tile reads them: [output block][a][b][c][output in block], zeros where a block runs
 * past the last output. The order is an affine function of the indices, so it is described by one and measured by its
 * steps.
 */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes } from "../../target/target.js";
import type { Buffer } from "../contract/emitter.js";
import { definePacking } from "../contract/packing.js";
import type { Lowering } from "../contract/strategy.js";
import { pieces } from "./pieces.js";
import { transposed } from "./transpose.js";
import { F32, type View, view } from "./view.js";

export interface PanelOrder {
  readonly lanes: Lanes;
  /** Outputs in a block: a multiple of the lanes. The last block is as many vectors as are left. */
  readonly blockOutputs: number;
  readonly outputs: number;
  /** Outputs of a group, where the order is affine within groups and from one to the next; blocks keep to one. */
  readonly groupOutputs?: number;
  readonly extents: readonly [number, number, number];
  /** Element index in the stored weight; must be affine in all its arguments. */
  source(indices: readonly [number, number, number], output: number): number;
}

/** The strides of an affine order. */
interface Panel {
  readonly lanes: Lanes;
  readonly blockOutputs: number;
  readonly outputs: number;
  readonly extents: readonly [number, number, number];
  readonly origin: number;
  readonly steps: readonly [number, number, number];
  readonly outputStep: number;
  /** Where groups have steps of their own: their outputs, and what is added to the element with each group. */
  readonly groups?: { readonly outputs: number; readonly step: number };
}

/** A part of a panel: equal blocks. */
interface Part extends Panel {
  readonly blocks: number;
  readonly firstOutput: number;
  readonly width: number; // outputs in a row of this part, pads included
  readonly panelOffset: number; // elements
  readonly blockElements: number;
}

/** The panel of `weight` in this order, made once for all its users. */
export function packPanel(to: Lowering, weight: Value, order: PanelOrder): Buffer {
  const { lanes, blockOutputs, outputs, extents, groupOutputs } = order;
  const origin = order.source([0, 0, 0], 0);
  const step = (i: readonly [number, number, number], o: number) => order.source(i, o) - origin;
  const outputStep = step([0, 0, 0], 1);
  const groups = groupOutputs !== undefined && {
    groups: { outputs: groupOutputs, step: step([0, 0, 0], groupOutputs) - groupOutputs * outputStep },
  };
  return to.packed(panelPacking, weight, {
    lanes,
    blockOutputs,
    outputs,
    extents,
    origin,
    steps: [step([1, 0, 0], 0), step([0, 1, 0], 0), step([0, 0, 1], 0)],
    outputStep,
    ...groups,
  });
}

const vectorsOf = ({ outputs, lanes }: Panel): number => Math.ceil(outputs / lanes);
const innerOf = ({ extents: [a, b, c] }: Panel): number => a * b * c;

const panelPacking = definePacking<Panel>("panel", {
  bytes: (panel) => innerOf(panel) * vectorsOf(panel) * panel.lanes * F32,
  pack(to, weight, into, panel) {
    const { lanes, extents } = panel;
    for (const part of partsOf(panel)) {
      // Where outputs lie a row apart and the middle index runs along the row, squares of both are transposed in registers.
      const turned = part.outputStep !== 1 && part.steps[1] === 1 && extents[1] >= lanes;
      const kernel = to.kernel(turned ? transposedPanelKernel : panelKernel, part);
      const middle = turned ? Math.ceil(extents[1] / lanes) : extents[1];
      to.step(kernel, [weight, into], { count: part.blocks * extents[0] * middle });
    }
  },
});

/** The full blocks, and the last where it is not. */
function partsOf(panel: Panel): Part[] {
  const { lanes, blockOutputs } = panel;
  const perBlock = blockOutputs / lanes;
  const full = Math.floor(vectorsOf(panel) / perBlock);
  const rest = vectorsOf(panel) % perBlock;
  const blockElements = innerOf(panel) * blockOutputs;
  const common = { ...panel, blockElements };
  const parts: Part[] = [];
  if (full > 0) parts.push({ ...common, blocks: full, firstOutput: 0, width: blockOutputs, panelOffset: 0 });
  if (rest > 0) {
    const place = { firstOutput: full * blockOutputs, panelOffset: full * blockElements };
    parts.push({ ...common, ...place, blocks: 1, width: rest * lanes });
  }
  return parts;
}

const panelKernel = defineKernel<Part>("panel", {
  operands: [
    ["weight", "read"],
    ["panel", "write"],
  ],
  write(k, p) {
    const [, b, c] = p.extents;
    eachBlock(k, p, b, (block, indexA, indexB) => {
      const output = k.add(k.mul(block, p.width), p.firstOutput);
      const element = k.add(k.add(k.mul(indexA, p.steps[0]), k.mul(indexB, p.steps[1])), firstElement(k, p, output));
      const from = weightOf(k, p).at({ element }).pointer().keep("from");
      const row = k.add(k.mul(indexA, b), indexB);
      const first = k.add(k.mul(block, p.blockElements), k.mul(row, c * p.width));
      const panel = panelOf(k, p).at({ output: first }).pointer().moved({ output: p.panelOffset }).keep("to");
      const valid = k.min(k.sub(p.outputs, output), p.width);
      k.loop(
        0,
        c,
        () => {
          if (p.outputStep === 1) copyVectors(k, p, from, panel, valid);
          else copyScalars(k, p, from, panel, valid);
          from.advance({ c: 1 });
          panel.advance({ c: 1 });
        },
        { frame: false },
      );
    });
  },
});

/** One piece is a block of outputs, one first index, and as many middle ones as a vector has lanes. */
const transposedPanelKernel = defineKernel<Part>("transposed panel", {
  title: "panel",
  operands: [
    ["weight", "read"],
    ["panel", "write"],
  ],
  write(k, p) {
    const [, b, c] = p.extents;
    const { lanes } = p;
    const squares = Math.ceil(b / lanes);
    const rest = p.outputs % lanes;
    const isCut = rest > 0 && p.firstOutput + p.blocks * p.width > p.outputs;
    eachBlock(k, p, squares, (block, indexA, square) => {
      // the last square overlaps the one before it, and writes the same again
      const indexB = k.min(k.mul(square, lanes), b - lanes);
      const output = k.var(k.add(k.mul(block, p.width), p.firstOutput), "output");
      const element = k.add(k.add(k.mul(indexA, p.steps[0]), indexB), firstElement(k, p, output));
      const from = weightOf(k, p).at({ element }).pointer().keep("from", { frame: true });
      const row = k.mul(k.add(k.mul(indexA, b), indexB), c * p.width);
      const first = k.add(k.mul(block, p.blockElements), row);
      const start = panelOf(k, p).at({ output: first }).pointer().moved({ output: p.panelOffset });
      const panel = start.keep("to", { frame: true });
      k.loop(
        0,
        c,
        () => {
          const turn = (o?: Reg) => {
            const source = o === undefined ? from : from.at({ output: o }).keep("source", { frame: false });
            const to = o === undefined ? panel : panel.at({ output: o }).keep("square", { frame: false });
            const certain = isCut ? rest : lanes;
            const rows = Array.from({ length: lanes }, (_, i) =>
              i < certain ? source.load(lanes, { output: i }) : k.acc(0, lanes),
            );
            if (isCut)
              k.if(o === undefined ? output : k.add(output, o), "lt", p.outputs - rest, () => {
                for (let i = rest; i < lanes; i++) k.loadTo(rows[i]!, ...source.place({ output: i }));
              });
            for (const [i, value] of transposed(k, rows).entries()) to.store(value, { b: i });
          };
          if (p.width === lanes) turn();
          else k.loop(0, p.width, turn, { step: lanes, frame: true, name: "output" });
          from.advance({ c: 1 });
          panel.advance({ c: 1 });
        },
        { frame: true },
      );
    });
  },
});

/** The pieces of a part: a block, an index of the first extent, and one of the `middle` that the second falls into. */
function eachBlock(
  k: KernelBuilder,
  { blocks, extents: [a] }: Part,
  middle: number,
  visit: (block: Reg, indexA: Reg, indexB: Reg) => void,
): void {
  const axes = { block: blocks, a, b: middle };
  pieces(k, axes, (index) => visit(index.block(), index.a(), index.b()), { keepsEnd: true, copies: true });
}

/** The element of an output, at the first of all other indices. */
function firstElement(k: KernelBuilder, { outputStep, origin, groups }: Part, output: Reg): Reg {
  const element = k.add(k.mul(output, outputStep), origin);
  return groups === undefined ? element : k.add(element, k.mul(k.div(output, groups.outputs), groups.step));
}

type Weight = View<"c" | "output" | "element">;
type Rows = View<"b" | "c" | "output">;

function weightOf(k: KernelBuilder, { steps: [, , c], outputStep }: Part): Weight {
  return view(k, "weight", { c, output: outputStep, element: 1 });
}

function panelOf(k: KernelBuilder, { extents: [, , c], width }: Part): Rows {
  return view(k, "panel", { b: c * width, c: width, output: 1 });
}

function copyVectors(k: KernelBuilder, p: Part, from: Weight, to: Rows, valid: Reg): void {
  for (let o = 0; o < p.width; o += p.lanes) {
    const certain = p.firstOutput + (p.blocks - 1) * p.width + o + p.lanes <= p.outputs;
    const value = certain
      ? from.load(p.lanes, { element: o })
      : k.loadMasked(...from.place({ element: o }), k.firstLanes(k.sub(valid, o), p.lanes));
    to.store(value, { output: o });
  }
}

function copyScalars(k: KernelBuilder, p: Part, from: Weight, to: Rows, valid: Reg): void {
  const source = from.keep("source");
  const target = to.keep("target");
  const copy = (n: number) => {
    const values = Array.from({ length: n }, (_, i) => source.load(1, { output: i }));
    for (const [i, value] of values.entries()) target.store(value, { output: i });
    source.advance({ output: n });
    target.advance({ output: n });
  };
  const fours = k.mul(k.div(valid, 4), 4);
  k.loop(0, fours, () => copy(4), { step: 4 });
  k.loop(fours, valid, () => copy(1));
  const zero = k.splat(0, 1);
  k.loop(valid, p.width, () => {
    target.store(zero);
    target.advance({ output: 1 });
  });
}
