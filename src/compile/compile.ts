/**
 * An entry point of a graph to a Program: fuse, choose a strategy for each unit, lower to steps, put the steps into levels,
 * give every buffer its place. A pure function of graph, target and options, so that the same source gives the same bits.
 */

import type { Kernel, Target } from "../codegen/ir.js";
import { MemoryError, ShapeError } from "../errors.js";
import {
  type Assign,
  type ConstantAttributes,
  constantOp,
  type Entry,
  type InputAttributes,
  inputOp,
  type StateAttributes,
  stateOp,
  type TableAttributes,
  tableOp,
} from "../graph/graph.js";
import { type Signature, shapeText, type Value } from "../graph/value.js";
import { lowerChannelSums } from "../kernels/channel-sums.js";
import { bytesOf, lowerCopy, lowerFill } from "../kernels/fill.js";
import { STRATEGIES, WINOGRAD_STRATEGIES } from "../kernels/index.js";
import { layoutOf } from "../kernels/layout.js";
import { lowerPointwise } from "../kernels/pointwise-group.js";
import type { Buffer, Lowering, Pieces, Strategy } from "../kernels/strategy.js";
import { elementwiseOf, fuse, nodesOf, type Unit } from "./fuse.js";
import { type Live, liveNodes } from "./live.js";
import { align } from "./memory.js";
import { type Access, levels } from "./order.js";
import type { Constant, Place, PlannedUnit, Port, Program, Region, ScratchUse, Step, StoredState } from "./program.js";
import { planScratch, type ScratchPlan } from "./scratch.js";

/** Byte offsets inside a value are 32-bit integers. */
const LARGEST_VALUE = 2 ** 31 - 1;

export interface CompileOptions {
  readonly target: Target;
  readonly maxBatch: number;
  /** Winograd's convolutions among the strategies: on unless switched off. */
  readonly winograd?: boolean | undefined;
  /** Strategies to choose from; all of them unless a test wants one. */
  readonly strategies?: readonly Strategy[];
  /**
   * The bytes that scratch may take: where the plan is larger, steps come one by one, and values are computed again in the
   * backward pass. Where that is not enough, the plan is the least that was found.
   */
  readonly scratchLimit?: number | undefined;
  /** False: what depends only on states is made in every run, in scratch, and not kept between runs. */
  readonly prepares?: boolean | undefined;
  /** For a program that runs beside one that changes the states: what it prepares is made again then anyway, so it takes no memory of its own. */
  readonly preparesInScratch?: boolean | undefined;
}

interface Draft {
  readonly kernel: Kernel;
  readonly operands: readonly Buffer[];
  readonly pieces: Pieces;
  readonly label: string;
  readonly nanoseconds: { fixed: number; perSample: number };
  readonly unit: PlannedUnit;
}

/** A step of the main section as the plan of the scratch sees it. */
interface MainStep extends Access {
  readonly draft: Draft;
  /** At the largest batch. */
  readonly nanoseconds: number;
}

export function compileEntry(entry: Entry, options: CompileOptions): Program {
  return new Compiler(entry, options).compile();
}

class Compiler implements Lowering {
  readonly target: Target;
  readonly maxBatch: number;
  readonly #entry: Entry;
  readonly #live: Live;
  readonly #strategies: readonly Strategy[];
  readonly #scratchLimit: number;
  readonly #preparesInScratch: boolean;
  readonly #buffers: Buffer[] = [];
  readonly #homes = new Map<Buffer, { region: Region; offset: number }>();
  readonly #values = new Map<Value, Buffer>();
  readonly #derived = new Map<string, Buffer>();
  readonly #kernels = new Map<string, Kernel>();
  readonly #prepare: Draft[] = [];
  readonly #first: Draft[] = []; // what only waits for states: panels of weights that this entry goes on to change
  readonly #main: Draft[] = [];
  readonly #sizes: Record<Region, number> = { store: 0, prepared: 0, slot: 0, scratch: 0, workspace: 0 };
  readonly #constants: Constant[] = [];
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #states: StoredState[] = [];
  #into: Draft[] = this.#main;
  #isPrepared = false;
  #label = "";
  #nanoseconds = { fixed: 0, perSample: 0 };
  #unit: PlannedUnit = { strategy: "", isPacking: false, nodes: [] };

  constructor(entry: Entry, options: CompileOptions) {
    this.#entry = entry;
    this.target = options.target;
    this.maxBatch = options.maxBatch;
    const strategies = options.strategies ?? STRATEGIES;
    this.#strategies =
      options.winograd === false ? strategies.filter((s) => !WINOGRAD_STRATEGIES.includes(s)) : strategies;
    this.#scratchLimit = options.scratchLimit ?? Number.POSITIVE_INFINITY;
    this.#preparesInScratch = options.preparesInScratch ?? false;
    const live = liveNodes(entry);
    this.#live = options.prepares === false ? { ...live, isStatic: () => false } : live;
  }

  compile(): Program {
    const assigned = new Set(this.#entry.assigns.map((a) => a.state as unknown as Value));
    // States in the order of the graph, so that every program of a graph lays the store out alike.
    for (const node of this.#live.nodes) this.#placeLeaf(node);
    for (const state of assigned) this.#placeLeaf(state);
    const units = fuse(this.#live, {
      fuses: (node) => this.#choose(node).fuses,
      updates: (node, group) => this.#choose(node).updates?.(node, group, this.target) ?? false,
    });
    this.#placeOutputs();
    const late = this.#aliasAssigned(units);
    for (const node of this.#live.nodes) if ((node.op as unknown) === constantOp) this.#lowerConstant(node);
    for (const unit of units) this.#lowerUnit(unit);
    this.#lowerCopies(late);
    return this.#assemble();
  }

  // --- Lowering

  layout(value: Signature) {
    return layoutOf(value, this.target);
  }

  buffer(value: Value): Buffer {
    const known = this.#values.get(value);
    if (known !== undefined) return known;
    const buffer = this.#make(`${value.path || value.op.name} ${value.op.name}`, bytesOf(value, this));
    this.#values.set(value, buffer);
    if (this.#live.isStatic(value)) this.#home(buffer, "prepared");
    return buffer;
  }

  temporary(label: string, bytes: { fixedBytes?: number; sampleBytes?: number }): Buffer {
    const buffer = this.#make(`${this.#label} ${label}`, {
      fixedBytes: bytes.fixedBytes ?? 0,
      sampleBytes: bytes.sampleBytes ?? 0,
    });
    if (this.#isPrepared) this.#home(buffer, "prepared");
    return buffer;
  }

  workspace(bytes: number): Buffer {
    const bytesOnce = { fixedBytes: bytes, sampleBytes: 0 };
    const buffer: Buffer = { ...this.#make(`${this.#label} workspace`, bytesOnce), perThread: true };
    this.#homes.set(buffer, { region: "workspace", offset: 0 });
    this.#sizes.workspace = Math.max(this.#sizes.workspace, this.#bytes(buffer));
    return buffer;
  }

  isStatic(value: Value): boolean {
    return this.#live.isStatic(value);
  }

  derived(from: Value, label: string, bytes: number, make: (buffer: Buffer) => void): Buffer {
    const key = `${from.id} ${label}`;
    const known = this.#derived.get(key);
    if (known !== undefined) return known;
    const buffer = this.#make(`${from.path || this.#label} ${label}`, { fixedBytes: bytes, sampleBytes: 0 });
    this.#derived.set(key, buffer);
    const isStatic = this.#live.isStatic(from);
    if (isStatic) this.#home(buffer, "prepared");
    const [into, prepared, nanoseconds, unit] = [this.#into, this.#isPrepared, this.#nanoseconds, this.#unit];
    this.#into = isStatic ? this.#prepare : (from.op as unknown) === stateOp ? this.#first : into;
    this.#isPrepared = isStatic;
    this.#nanoseconds = { fixed: bytes * 0.1, perSample: 0 };
    this.#unit = { ...this.#moved(unit.strategy, from), isPacking: true };
    make(buffer);
    [this.#into, this.#isPrepared, this.#nanoseconds, this.#unit] = [into, prepared, nanoseconds, unit];
    return buffer;
  }

  kernel(key: string, build: (key: string) => Kernel): Kernel {
    const full = `${this.target.name}/${this.target.fma} ${key}`;
    const known = this.#kernels.get(full);
    if (known !== undefined) return known;
    const kernel = build(full);
    this.#kernels.set(full, kernel);
    return kernel;
  }

  step(kernel: Kernel, operands: readonly Buffer[], pieces: Pieces): void {
    if (operands.length !== kernel.operands.length) {
      throw new TypeError(
        `${this.#label}: kernel ${kernel.name} has ${kernel.operands.length} operands, got ${operands.length}`,
      );
    }
    const [label, nanoseconds, unit] = [this.#label, this.#nanoseconds, this.#unit];
    this.#into.push({ kernel, operands, pieces, label, nanoseconds, unit });
    this.#nanoseconds = { fixed: 0, perSample: 0 }; // the first step of a unit carries its cost
  }

  // --- leaves, outputs, states

  #make(label: string, bytes: { fixedBytes: number; sampleBytes: number }): Buffer {
    const buffer: Buffer = { id: this.#buffers.length, label, ...bytes };
    this.#buffers.push(buffer);
    const total = buffer.fixedBytes + buffer.sampleBytes * this.maxBatch;
    if (total > LARGEST_VALUE) {
      throw new MemoryError(
        `${label}: takes ${(total / 2 ** 30).toFixed(1)} GiB at batch ${this.maxBatch}, and one value can take 2 GiB at most; ` +
          "choose a smaller batch",
      );
    }
    return buffer;
  }

  #bytes(buffer: Buffer): number {
    return align(buffer.fixedBytes + buffer.sampleBytes * this.maxBatch);
  }

  #home(buffer: Buffer, region: Region): void {
    this.#homes.set(buffer, { region, offset: this.#sizes[region] });
    this.#sizes[region] += this.#bytes(buffer);
  }

  #place(buffer: Buffer): Place {
    const home = this.#homes.get(buffer)!;
    return { ...home, bytes: this.#bytes(buffer), label: buffer.label };
  }

  #placeLeaf(node: Value): void {
    if (this.#values.has(node)) return;
    const op: unknown = node.op;
    if (op === tableOp) this.#placeTable(node);
    if (op !== inputOp && op !== stateOp) return;
    const { name } = node.attributes as InputAttributes | StateAttributes;
    const buffer = this.#make(name, bytesOf(node, this));
    this.#values.set(node, buffer);
    this.#home(buffer, op === inputOp ? "slot" : "store");
    const port = { name, layout: this.layout(node), place: this.#place(buffer) };
    if (op === inputOp) this.#inputs.push(port);
    else this.#states.push({ ...port, kind: (node.attributes as StateAttributes).kind });
  }

  #placeTable(node: Value): void {
    const { values } = node.attributes as TableAttributes;
    const { channels, channelStride, sampleStride } = this.layout(node);
    const data = new Float32Array(sampleStride);
    for (const [i, value] of values.entries()) data[Math.floor(i / channels) * channelStride + (i % channels)] = value;
    const buffer = this.#make(`${node.path} table`.trim(), bytesOf(node, this));
    this.#values.set(node, buffer);
    this.#home(buffer, "prepared");
    this.#constants.push({ place: this.#place(buffer), data });
  }

  #placeOutputs(): void {
    for (const [name, value] of Object.entries(this.#entry.outputs)) {
      const known = this.#values.get(value);
      const taken = known !== undefined;
      const buffer = this.#make(name, bytesOf(value, this));
      if (!taken) this.#values.set(value, buffer);
      this.#home(buffer, "slot");
      this.#outputs.push({ name, layout: this.layout(value), place: this.#place(buffer) });
      // an output that is an input, a state or another output too is copied at the end
      if (taken) this.#copies.push({ value, into: buffer });
    }
  }

  readonly #copies: { value: Value; into: Buffer }[] = [];

  /**
   * Lets the unit that makes an assigned value write straight into the state, where every other reader of the old value is
   * sure to be done; the others are copied when all is done.
   */
  #aliasAssigned(units: readonly Unit[]): Assign[] {
    const late: Assign[] = [];
    for (const assign of this.#entry.assigns) {
      const state = assign.state as unknown as Value;
      const { value } = assign;
      if (value.batched || layoutOf(value, this.target).sampleStride !== layoutOf(state, this.target).sampleStride) {
        throw new ShapeError(
          `assign(${assign.state.attributes.name}): ${shapeText(value)} does not fit a state of ${shapeText(state)}`,
        );
      }
      const maker = units.find((u) => elementwiseOf(u)?.nodes.includes(value));
      const inPlace = maker !== undefined && !this.#values.has(value) && this.#isLast(state, maker, units);
      if (inPlace) this.#values.set(value, this.#values.get(state)!);
      else late.push(assign);
    }
    return late;
  }

  /**
   * Whether no unit that reads `state` could come after `maker`. The makers' own reads are element by element. Other readers
   * must be among what it depends on, or panels made first; `levels` keeps a write behind earlier reads in step order.
   */
  #isLast(state: Value, maker: Unit, units: readonly Unit[]): boolean {
    const at = units.indexOf(maker);
    return units.every((unit, i) => {
      if (i <= at) return true;
      return !nodesOf(unit).some((node) => node.inputs.includes(state));
    });
  }

  #lowerCopies(late: readonly Assign[]): void {
    this.#label = "assign";
    const copy = (value: Value, source: Buffer, into: Buffer) => {
      this.#unit = this.#moved("copy", value);
      lowerCopy(value, source, into, this);
    };
    for (const { value, into } of this.#copies) copy(value, this.buffer(value), into);
    // Old values that are still to be read by another assign must not be overwritten: through a temporary each.
    const staged = late.map(({ state, value }) => {
      const source = this.buffer(value);
      const isState = (value.op as unknown) === stateOp;
      if (!isState || late.length === 1) return { state, value, source };
      const temporary = this.temporary(state.attributes.name, bytesOf(value, this));
      copy(value, source, temporary);
      return { state, value, source: temporary };
    });
    for (const { state, value, source } of staged) copy(value, source, this.#values.get(state as unknown as Value)!);
  }

  // --- units

  #choose(node: Value): Strategy {
    let best: Strategy | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const strategy of this.#strategies) {
      if (!strategy.ops.includes(node.op.name) || !strategy.accepts(node, this.target)) continue;
      const cost = strategy.cost(node, this.target);
      if (cost < least) {
        least = cost;
        best = strategy;
      }
    }
    if (best === undefined) {
      const inputs = node.inputs.map(shapeText).join(", ");
      throw new ShapeError(
        `${node.op.name}(${node.path}): no kernel accepts it on ${this.target.name} (inputs ${inputs})`,
      );
    }
    return best;
  }

  #lowerConstant(node: Value): void {
    const { value } = node.attributes as ConstantAttributes;
    this.#label = `constant ${value}`;
    this.#unit = this.#planned("fill", [node]);
    const buffer = this.#values.get(node) ?? this.#make(this.#label, bytesOf(node, this));
    this.#values.set(node, buffer);
    if (!this.#homes.has(buffer)) this.#home(buffer, "prepared");
    this.#into = this.#homes.get(buffer)!.region === "prepared" ? this.#prepare : this.#main;
    lowerFill(node, value, buffer, this);
    this.#into = this.#main;
  }

  #lowerUnit(unit: Unit): void {
    const nodes = nodesOf(unit);
    const head = nodes[0]!;
    const result = nodes[nodes.length - 1]!;
    const isStatic = this.#live.isStatic(result);
    this.#into = isStatic ? this.#prepare : this.#main;
    this.#isPrepared = isStatic;
    this.#label = `${head.path} ${nodes.map((n) => n.op.name).join("+")}`.trim();
    this.#nanoseconds = estimate(nodes);
    const strategy = "work" in unit ? this.#choose(unit.work.root) : undefined;
    this.#unit = this.#planned(strategy?.name ?? ("group" in unit ? "elementwise" : "channelSums"), nodes);
    if ("group" in unit) lowerPointwise(unit.group, this);
    else if ("sums" in unit) lowerChannelSums(unit.sums, this);
    else strategy!.lower(unit.work, this);
    this.#into = this.#main;
    this.#isPrepared = false;
  }

  #planned(strategy: string, nodes: readonly Value[]): PlannedUnit {
    return {
      strategy,
      isPacking: false,
      nodes: nodes.map((node) => ({
        path: node.path,
        op: node.op.name,
        multiplyAdds: node.op.cost(node.inputs, node.attributes, node).multiplyAdds,
        isBatched: isOfSamples(node),
        isForward: this.#live.isForward(node),
        isAssigned: this.#entry.assigns.some(({ value }) => value === node),
      })),
    };
  }

  /** A value that is only brought to another place. */
  #moved(strategy: string, value: Value): PlannedUnit {
    const unit = this.#planned(strategy, [value]);
    return { ...unit, nodes: unit.nodes.map((node) => ({ ...node, multiplyAdds: 0 })) };
  }

  // --- the whole

  #assemble(): Program {
    const prepare = this.#leveled(this.#prepare);
    const plan = this.#planScratch([...this.#first, ...this.#main]);
    for (const [buffer, offset] of plan.offsets) this.#homes.set(buffer, { region: "scratch", offset });
    this.#sizes.scratch = plan.bytes;
    if (this.#preparesInScratch) this.#movePrepared();
    const main = plan.steps.map(({ step: { draft }, instead, isCopy, level }) => ({
      isCopy,
      draft: {
        ...draft,
        operands: instead.size === 0 ? draft.operands : draft.operands.map((buffer) => instead.get(buffer) ?? buffer),
        label: isCopy ? `${draft.label} again` : draft.label,
      },
      level,
    }));
    const kernels: Kernel[] = [];
    const index = new Map<Kernel, number>();
    const stepsOf = (drafts: readonly { draft: Draft; level: number; isCopy?: boolean }[]): Step[] => {
      let before = drafts[0]?.level ?? 0;
      return drafts.map(({ draft, level, isCopy }) => {
        if (!index.has(draft.kernel)) index.set(draft.kernel, kernels.push(draft.kernel) - 1);
        const barrier = level !== before;
        before = level;
        return {
          kernel: index.get(draft.kernel)!,
          operands: draft.operands.map((b) => this.#place(b)),
          pieces: draft.pieces,
          label: draft.label,
          barrier,
          nanoseconds: draft.nanoseconds,
          unit: draft.unit,
          ...(isCopy ? { isAgain: true } : {}),
        };
      });
    };
    const preparing = stepsOf(prepare);
    const steps = stepsOf(main);
    return {
      name: this.#entry.name,
      target: this.target,
      maxBatch: this.maxBatch,
      kernels,
      prepare: preparing,
      ...(this.#preparesInScratch ? { preparesInScratch: true } : {}),
      steps,
      constants: this.#constants,
      inputs: this.#inputs,
      outputs: this.#outputs,
      states: this.#states,
      writes: this.#entry.assigns.map((a) => a.state.attributes.name),
      bytes: { ...this.#sizes },
      scratch: this.#scratchUse(plan),
    };
  }

  /** What is prepared lies behind the scratch of the steps; tables, which are written once, stay where they are. */
  #movePrepared(): void {
    const tables = this.#constants.reduce((end, { place }) => Math.max(end, place.offset + place.bytes), 0);
    const start = this.#sizes.scratch - tables;
    for (const [buffer, { region, offset }] of this.#homes)
      if (region === "prepared" && offset >= tables)
        this.#homes.set(buffer, { region: "scratch", offset: start + offset });
    this.#sizes.scratch = start + this.#sizes.prepared;
    this.#sizes.prepared = tables;
  }

  #leveled(drafts: readonly Draft[]): { draft: Draft; level: number }[] {
    const level = levels(drafts.map(accessOf));
    return drafts
      .map((draft, i) => ({ draft, level: level[i]!, i }))
      .sort((a, b) => a.level - b.level || a.i - b.i)
      .map(({ draft, level }) => ({ draft, level }));
  }

  #planScratch(drafts: readonly Draft[]): ScratchPlan<MainStep> {
    const steps = drafts.map((draft): MainStep => {
      const { fixed, perSample } = draft.nanoseconds;
      return { draft, ...accessOf(draft), nanoseconds: fixed + perSample * this.maxBatch };
    });
    return planScratch(steps, {
      bytes: (buffer) => (this.#homes.has(buffer) ? 0 : this.#bytes(buffer)),
      isOutput: (buffer) => this.#homes.get(buffer)?.region === "slot",
      copyOf: (buffer) => ({ ...this.#make(`${buffer.label} again`, buffer) }),
      limit: this.#scratchLimit,
    });
  }

  /** What lies in the scratch where most of it is alive. */
  #scratchUse(plan: ScratchPlan<MainStep>): ScratchUse {
    const panels = new Set(this.#derived.values());
    const forward = new Set(plan.forward.flatMap((step) => step.writes));
    const use = { activations: 0, gradients: 0, panels: 0, gaps: plan.bytes - plan.liveBytes };
    for (const buffer of plan.atPeak) {
      const kind = panels.has(buffer)
        ? "panels"
        : forward.has(buffer) || plan.copies.has(buffer)
          ? "activations"
          : "gradients";
      use[kind] += this.#bytes(buffer);
    }
    const total = plan.steps.reduce((sum, { step, isCopy }) => sum + (isCopy ? 0 : step.nanoseconds), 0);
    return {
      ...use,
      recomputed: plan.recomputed.map((buffer) => buffer.label),
      extraTime: total === 0 ? 0 : plan.extraNanoseconds / total,
    };
  }
}

function accessOf({ kernel, operands }: Draft): Access {
  return {
    reads: operands.filter((b, i) => b.perThread !== true && kernel.operands[i]!.access !== "write"),
    writes: operands.filter((b, i) => b.perThread !== true && kernel.operands[i]!.access !== "read"),
  };
}

/** Whether it is computed for every sample, as a sum over all of them is, too. */
const isOfSamples = (node: Value): boolean => node.batched || node.inputs.some((i) => i.batched);

/** A rough time on one core: 60 billion multiply-adds and 10 GB a second. Only decides where a program runs. */
function estimate(nodes: readonly Value[]): { fixed: number; perSample: number } {
  const total = { fixed: 300, perSample: 0 };
  for (const node of nodes) {
    const cost = node.op.cost(node.inputs, node.attributes, node);
    const nanoseconds = cost.multiplyAdds / 60 + cost.bytes / 10;
    if (isOfSamples(node)) total.perSample += nanoseconds;
    else total.fixed += nanoseconds;
  }
  return total;
}
