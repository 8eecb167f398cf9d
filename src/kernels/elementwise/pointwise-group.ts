/**
 * Elementwise nodes of one layout computed together in one kernel: each input is read once, each output written once,
 * and what lies between stays in registers. Optimiser updates and whole chains of gradients become one pass over
 * memory.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel, type OperandList } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { Value } from "../../graph/graph.js";
import type { Lanes } from "../../target/target.js";
import type { Layout } from "../contract/layout.js";
import type { PointwiseGroup } from "../contract/pointwise-group.js";
import type { Lowering } from "../contract/strategy.js";
import { cleaned, tailElements } from "../language/channels.js";
import { F32 } from "../language/view.js";
import { planWalk, type Site, type Walk, type WalkMode, writeWalk, writeWalkTail } from "../language/walk.js";
import { emitStep, keepsZero, type OperandKind, operandKind, type PointwiseStep, stepOf } from "./pointwise.js";

/** Kinds of inputs that are read by the sample, or by the place in it. */
const PER_SAMPLE: readonly OperandKind[] = ["sample", "sampleChannel", "unbatchedFull", "suffix"];

interface GroupInput {
  readonly value: Value;
  readonly kind: OperandKind;
  readonly name: string;
}

/**
 * An input in a spec; `rows`: of a suffix, whose channels are those of the result; `sampleStride`: elements from one
 * sample to the next, of what is read by the sample.
 */
interface InputSpec {
  readonly kind: OperandKind;
  readonly name: string;
  readonly rows?: number;
  readonly sampleStride?: number;
}

interface GroupSpec {
  readonly walk: Walk;
  readonly inputs: readonly InputSpec[];
  /** Each reads inputs by their names, and the steps before as "v0", "v1", ... */
  readonly steps: readonly PointwiseStep[];
  /** The steps that are stored. */
  readonly outputs: readonly number[];
  /** The steps whose pad lanes are +0 by themselves. */
  readonly clean: readonly number[];
}

export function lowerPointwise(group: PointwiseGroup, to: Lowering): void {
  const { nodes, outputs } = group;
  const layout = to.layout(nodes[0]!);
  const inputs = inputsOf(group);
  const clean = cleanNodes(group, inputs);
  const mode = modeOf(group, layout, inputs, clean);
  const perSample = inputs.some(({ kind }) => PER_SAMPLE.includes(kind));
  const { walk, pieces } = planWalk(layout, to.target, mode, perSample);
  const nameOf = (v: Value) => inputs.find((i) => i.value === v)?.name ?? `v${nodes.indexOf(v)}`;
  const kernel = to.kernel(groupKernel, {
    walk,
    inputs: inputs.map(({ value, kind, name }) => ({ kind, name, ...placeOf(kind, to.layout(value)) })),
    steps: nodes.map((node) => stepOf(node, nameOf)),
    outputs: outputs.map((v) => nodes.indexOf(v)),
    clean: [...nodes.keys()].filter((i) => clean.has(nodes[i]!)),
  });
  to.step(
    kernel,
    [...inputs.map((i) => i.value), ...outputs].map((v) => to.buffer(v)),
    pieces,
  );
}

/** What else than its kind says where the numbers of an input lie. */
function placeOf(kind: OperandKind, { rows, sampleStride }: Layout): Pick<InputSpec, "rows" | "sampleStride"> {
  if (kind === "suffix") return { rows };
  return kind === "sample" || kind === "sampleChannel" ? { sampleStride } : {};
}

function inputsOf(group: PointwiseGroup): GroupInput[] {
  const inputs: GroupInput[] = [];
  for (const node of group.nodes) {
    for (const value of node.inputs) {
      if (group.nodes.includes(value) || inputs.some((i) => i.value === value)) continue;
      const kind = operandKind(value, node);
      if (kind === undefined)
        throw new TypeError(`pointwise group: ${node.op.name}(${node.path}) has a foreign operand`);
      inputs.push({ value, kind, name: `in${inputs.length}` });
    }
  }
  return inputs;
}

/** The nodes whose pad lanes are +0 by themselves. */
function cleanNodes(group: PointwiseGroup, inputs: readonly GroupInput[]): Set<Value> {
  const clean = new Set<Value>();
  for (const { value, kind } of inputs) if (kind !== "scalar" && kind !== "sample") clean.add(value);
  for (const node of group.nodes) {
    if (node.inputs.every((v) => clean.has(v)) && keepsZero({ op: node.op.name, attributes: node.attributes }))
      clean.add(node);
  }
  return clean;
}

function modeOf(
  group: PointwiseGroup,
  layout: Layout,
  inputs: readonly GroupInput[],
  clean: ReadonlySet<Value>,
): WalkMode {
  const has = (kind: OperandKind) => inputs.some((i) => i.kind === kind);
  const padded = layout.channelStride > layout.channels || tailElements(layout) > 0;
  const mask = padded && !group.outputs.every((v) => clean.has(v));
  if (!has("channel") && !has("sampleChannel") && !has("suffix") && !mask) return "flat";
  if (layout.channels > 4) return "rows";
  return has("suffix") ? "single" : "packed";
}

const outputName = (index: number) => `out${index}`;

const operandsOf = ({ inputs, outputs }: GroupSpec): OperandList => [
  ...inputs.map((i) => [i.name, "read"] as const),
  ...outputs.map((_, i) => [outputName(i), "write"] as const),
];

const groupKernel = defineKernel<GroupSpec>("pointwise", {
  title: ({ steps }) => [...new Set(steps.map((step) => step.op))].slice(0, 4).join("+"),
  operands: operandsOf,
  write(k, spec) {
    const { walk, inputs, steps, outputs, clean } = spec;
    // Pointers into arrays are kept for a block of code while registers last.
    // The place of each lane's channel takes some of them.
    const most = walk.mode === "packed" ? 3 : 7;
    const long = operandsOf(spec).length - inputs.filter((i) => i.kind === "scalar").length > most;
    const unroll = walk.mode === "single" || long ? 1 : walk.mode === "packed" ? 2 : 4;
    // A few numbers that every element meets stay in registers.
    const scalars = inputs.filter((i) => i.kind === "scalar");
    const kept = new Map<InputSpec, Reg>();
    if (scalars.length <= 3) for (const i of scalars) kept.set(i, k.broadcast(k.operand(i.name), 0, walk.lanes));
    writeWalk(k, walk, unroll, (sites) => {
      const pointers = pointersOf(k, !long);
      for (const site of sites) {
        const values = new Map<string, Reg>();
        const argument = (name: string): Reg => {
          const known = values.get(name);
          if (known !== undefined) return known;
          const input = inputs.find((i) => i.name === name)!;
          const reg = kept.get(input) ?? loadInput(k, input, site, walk, pointers);
          // With many inputs, loading twice is cheaper than running out of registers.
          if (!long || input.kind === "channel") values.set(name, reg);
          return reg;
        };
        for (const [i, step] of steps.entries()) {
          const x = emitStep(k, step, argument, site.lanes);
          values.set(`v${i}`, x);
          const output = outputs.indexOf(i);
          if (output < 0) continue;
          const dirty = site.real !== undefined && (walk.mode !== "rows" || !clean.includes(i));
          k.store(pointers(outputName(output), site.at), site.offset, dirty ? cleaned(k, x, site.real!) : x);
        }
      }
    });
    for (const i of outputs.keys()) writeWalkTail(k, walk, outputName(i));
  },
});

type Pointers = (operand: string, bytes: Reg) => Reg;

/** operand + bytes, made once for a block of code where registers allow. */
function pointersOf(k: KernelBuilder, keep: boolean): Pointers {
  const made = new Map<string, Reg>();
  return (operand, bytes) => {
    const known = made.get(`${operand} ${bytes.id}`);
    if (known !== undefined) return known;
    const pointer = k.ptrAdd(k.operand(operand), bytes);
    if (keep) made.set(`${operand} ${bytes.id}`, pointer);
    return pointer;
  };
}

function loadInput(k: KernelBuilder, input: InputSpec, site: Site, walk: Walk, pointers: Pointers): Reg {
  const { name, kind, rows = 1, sampleStride = 1 } = input;
  const { channels, channelStride } = walk.layout;
  const { lanes, offset } = site;
  switch (kind) {
    case "full":
      return k.load(pointers(name, site.at), offset, lanes);
    case "unbatchedFull":
      return k.load(pointers(name, site.inSample), offset, lanes);
    case "scalar":
      return k.broadcast(k.operand(name), 0, lanes);
    case "sample":
      return k.broadcast(k.ptrAdd(k.operand(name), k.mul(site.sample!, F32 * sampleStride)), 0, lanes);
    case "channel":
    case "sampleChannel": {
      const whole = k.operand(name);
      const base = kind === "channel" ? whole : k.ptrAdd(whole, k.mul(site.sample!, F32 * sampleStride));
      if (walk.mode === "rows") {
        return k.load(site.channel === undefined ? base : k.ptrAdd(base, site.channel), offset, lanes);
      }
      return loadPattern(k, base, channels, site);
    }
    case "suffix": {
      if (walk.mode === "rows") {
        const row = k.mul(k.mod(site.row!, rows), F32 * channelStride);
        const base = k.ptrAdd(k.operand(name), site.channel === undefined ? row : k.add(row, site.channel));
        return k.load(base, offset, lanes);
      }
      const bytes = k.mod(k.add(site.inSample, offset), F32 * rows * channels);
      return k.load(k.ptrAdd(k.operand(name), bytes), 0, lanes);
    }
  }
}

/**
 * A vector of a [C] operand repeated, C <= 4, as it lies beside unpadded elements: lane i holds channel (first + i) mod
 * C.
 */
function loadPattern(k: KernelBuilder, pointer: Reg, channels: number, site: Site): Reg {
  const { lanes } = site;
  if (channels === 1) return k.broadcast(pointer, 0, lanes);
  if (lanes === 1) {
    const bytes = k.mod(k.add(site.inSample, site.offset), F32 * channels);
    return k.load(k.ptrAdd(pointer, bytes), 0, lanes);
  }
  const lane = laneModulo(k, channels, lanes, site);
  let pattern = k.broadcast(pointer, 0, lanes);
  for (let c = 1; c < channels; c++) {
    pattern = k.select(k.cmpI32("eq", lane, k.splatI32(c, lanes)), k.broadcast(pointer, F32 * c, lanes), pattern);
  }
  return pattern;
}

/** (first element + lane) mod channels, for channels 2..4 and at least 4 lanes. */
function laneModulo(k: KernelBuilder, channels: number, lanes: Lanes, site: Site): Reg {
  if (channels !== 3) return k.vand(k.iota(lanes), k.splatI32(channels - 1, lanes));
  const index = k.vadd(k.iota(lanes), k.splatInt(k.div(k.add(site.inSample, site.offset), 4), lanes));
  // floor(i / 3) = high word of i * ceil(2^32 / 3) for i < 2^31: few integer registers, which the operands need.
  const third = k.umulhi(index, k.splatI32(0x55555556, lanes));
  return k.vsub(index, k.vmul(third, k.splatI32(3, lanes)));
}
