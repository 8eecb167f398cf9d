/**
 * An entry point of a graph to a Program: fuse, choose a strategy for each unit, lower to steps, put the steps into levels,
 * give every buffer its place. A pure function of graph, target and options, so that the same source gives the same bits.
 */

import { ShapeError } from "../base/errors.js";
import { atOnce, type Steps } from "../base/steps.js";
import { KernelCache, type KernelDefinition } from "../codegen/definition.js";
import type { Kernel } from "../codegen/ir.js";
import type { Value } from "../graph/graph.js";
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
import { type Signature, shapeText } from "../graph/shape.js";
import type { Buffer, Pieces } from "../kernels/contract/emitter.js";
import { layoutOf } from "../kernels/contract/layout.js";
import type { Packing } from "../kernels/contract/packing.js";
import type { Lowering, Strategy } from "../kernels/contract/strategy.js";
import { lowerPointwise } from "../kernels/elementwise/pointwise-group.js";
import { STRATEGIES, WINOGRAD_STRATEGIES } from "../kernels/index.js";
import { lowerChannelSums } from "../kernels/reduce/channel-sums.js";
import { bytesOf, lowerCopy, lowerFill } from "../kernels/shape/fill.js";
import type { Target } from "../target/target.js";
import { chooseStrategy, estimate, plannedUnit } from "./choose.js";
import { inLevels, planMain, plannedDrafts, StepAssembly, scratchUse } from "./draft.js";
import { elementwiseOf, fuse, inputsOf, nodesOf, type Unit } from "./fuse.js";
import { type Live, liveNodes } from "./live.js";
import { Places } from "./places.js";
import type { Constant, PlannedUnit, Port, Program, StoredState } from "./program.js";
import type { Draft } from "./step-draft.js";

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

export function compileEntry(entry: Entry, options: CompileOptions): Program {
  return atOnce(compileSteps(entry, options));
}

/** The same in steps, each of a few milliseconds at most: a unit lowered, a part of the plan. */
export function compileSteps(entry: Entry, options: CompileOptions): Steps<Program> {
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
  readonly #places: Places;
  readonly #values = new Map<Value, Buffer>();
  readonly #chosen = new Map<Value, Strategy>();
  readonly #packed = new Map<string, Buffer>();
  readonly #poolPlaces = new Map<Value, Buffer>();
  readonly #kernels = new KernelCache();
  readonly #prepare: Draft[] = [];
  readonly #first: Draft[] = []; // what only waits for states: panels of weights that this entry goes on to change
  readonly #main: Draft[] = [];
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
    this.#places = new Places(options.maxBatch);
    const strategies = options.strategies ?? STRATEGIES;
    this.#strategies =
      options.winograd === false ? strategies.filter((s) => !WINOGRAD_STRATEGIES.includes(s)) : strategies;
    this.#scratchLimit = options.scratchLimit ?? Number.POSITIVE_INFINITY;
    this.#preparesInScratch = options.preparesInScratch ?? false;
    const live = liveNodes(entry);
    this.#live = options.prepares === false ? { ...live, isStatic: () => false } : live;
  }

  *compile(): Steps<Program> {
    const assigned = new Set(this.#entry.assigns.map((a) => a.state as unknown as Value));
    // States in the order of the graph, so that every program of a graph lays the store out alike.
    for (const node of this.#live.nodes) this.#placeLeaf(node);
    for (const state of assigned) this.#placeLeaf(state);
    yield;
    const units = yield* fuse(this.#live, {
      fuses: (node) => this.#choose(node).fuses,
      readsThrough: (node) => this.#choose(node).readsThrough === true,
      reads: (node) => this.#choose(node).reads?.(node),
      pools: (node, chain, pool) => this.#choose(node).pools?.(node, chain, pool, this) ?? false,
      updates: (node, group) => this.#choose(node).updates?.(node, group, this.target) ?? false,
    });
    this.#placeOutputs();
    const late = this.#aliasAssigned(units);
    for (const node of this.#live.nodes) if ((node.op as unknown) === constantOp) this.#lowerConstant(node);
    yield;
    for (const unit of units) {
      this.#lowerUnit(unit);
      yield;
    }
    this.#lowerCopies(late);
    return yield* this.#assemble();
  }

  // --- Lowering

  layout(value: Signature) {
    return layoutOf(value, this.target);
  }

  buffer(value: Value): Buffer {
    const known = this.#values.get(value);
    if (known !== undefined) return known;
    const buffer = this.#places.make(`${value.path || value.op.name} ${value.op.name}`, bytesOf(value, this));
    this.#values.set(value, buffer);
    if (this.#live.isStatic(value)) this.#places.home(buffer, "prepared");
    return buffer;
  }

  temporary(label: string, bytes: { fixedBytes?: number; sampleBytes?: number }): Buffer {
    const buffer = this.#places.make(`${this.#label} ${label}`, {
      fixedBytes: bytes.fixedBytes ?? 0,
      sampleBytes: bytes.sampleBytes ?? 0,
    });
    if (this.#isPrepared) this.#places.home(buffer, "prepared");
    return buffer;
  }

  workspace(bytes: number): Buffer {
    const bytesOnce = { fixedBytes: bytes, sampleBytes: 0 };
    const buffer: Buffer = { ...this.#places.make(`${this.#label} workspace`, bytesOnce), perThread: true };
    this.#places.homeWorkspace(buffer);
    return buffer;
  }

  places(image: Value, pool: Signature): Buffer {
    let buffer = this.#poolPlaces.get(image);
    if (buffer === undefined) {
      buffer = this.#places.make(`${image.path} places of maxima`, bytesOf(pool, this));
      this.#poolPlaces.set(image, buffer);
    }
    return buffer;
  }

  isStatic(value: Value): boolean {
    return this.#live.isStatic(value);
  }

  packed<Spec>(packing: Packing<Spec>, from: Value, spec: Spec): Buffer {
    const key = `${from.id} ${packing.key(spec)}`;
    const known = this.#packed.get(key);
    if (known !== undefined) return known;
    const bytes = packing.bytes(spec);
    const label = `${from.path || this.#label} ${packing.name}`;
    const buffer = this.#places.make(label, { fixedBytes: bytes, sampleBytes: 0 });
    this.#packed.set(key, buffer);
    const isStatic = this.#live.isStatic(from);
    if (isStatic) this.#places.home(buffer, "prepared");
    const [into, prepared, nanoseconds, unit] = [this.#into, this.#isPrepared, this.#nanoseconds, this.#unit];
    this.#into = isStatic ? this.#prepare : (from.op as unknown) === stateOp ? this.#first : into;
    this.#isPrepared = isStatic;
    this.#nanoseconds = { fixed: bytes * 0.1, perSample: 0 };
    this.#unit = { ...this.#moved(unit.strategy, from), isPacking: true };
    packing.pack(this, this.buffer(from), buffer, spec);
    [this.#into, this.#isPrepared, this.#nanoseconds, this.#unit] = [into, prepared, nanoseconds, unit];
    return buffer;
  }

  kernel<Spec>(definition: KernelDefinition<Spec>, spec: Spec): Kernel {
    return this.#kernels.get(definition, this.target, spec);
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

  #placeLeaf(node: Value): void {
    if (this.#values.has(node)) return;
    const op: unknown = node.op;
    if (op === tableOp) this.#placeTable(node);
    if (op !== inputOp && op !== stateOp) return;
    const { name } = node.attributes as InputAttributes | StateAttributes;
    const buffer = this.#places.make(name, bytesOf(node, this));
    this.#values.set(node, buffer);
    this.#places.home(buffer, op === inputOp ? "slot" : "store");
    const port = { name, layout: this.layout(node), place: this.#places.place(buffer) };
    if (op === inputOp) this.#inputs.push(port);
    else this.#states.push({ ...port, kind: (node.attributes as StateAttributes).kind });
  }

  #placeTable(node: Value): void {
    const { values } = node.attributes as TableAttributes;
    const { channels, channelStride, sampleStride } = this.layout(node);
    const data = new Float32Array(sampleStride);
    for (const [i, value] of values.entries()) data[Math.floor(i / channels) * channelStride + (i % channels)] = value;
    const buffer = this.#places.make(`${node.path} table`.trim(), bytesOf(node, this));
    this.#values.set(node, buffer);
    this.#places.home(buffer, "prepared");
    this.#constants.push({ place: this.#places.place(buffer), data });
  }

  #placeOutputs(): void {
    for (const [name, value] of Object.entries(this.#entry.outputs)) {
      const known = this.#values.get(value);
      const taken = known !== undefined;
      const buffer = this.#places.make(name, bytesOf(value, this));
      if (!taken) this.#values.set(value, buffer);
      this.#places.home(buffer, "slot");
      this.#outputs.push({ name, layout: this.layout(value), place: this.#places.place(buffer) });
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
    const makerOf = new Map<Value, number>();
    const lastReader = new Map<Value, number>();
    for (const [at, unit] of units.entries()) {
      for (const node of elementwiseOf(unit)?.nodes ?? []) makerOf.set(node, at);
      for (const input of inputsOf(unit)) lastReader.set(input, at);
    }
    for (const assign of this.#entry.assigns) {
      const state = assign.state as unknown as Value;
      const { value } = assign;
      if (value.batched || layoutOf(value, this.target).sampleStride !== layoutOf(state, this.target).sampleStride) {
        throw new ShapeError(
          `assign(${assign.state.attributes.name}): ${shapeText(value)} does not fit a state of ${shapeText(state)}`,
        );
      }
      const maker = makerOf.get(value);
      // The maker's own reads are element by element. Other readers must be among what it depends on, or panels made first;
      // `levels` keeps a write behind earlier reads in step order.
      const inPlace = maker !== undefined && !this.#values.has(value) && (lastReader.get(state) ?? -1) <= maker;
      if (inPlace) this.#values.set(value, this.#values.get(state)!);
      else late.push(assign);
    }
    return late;
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
    let strategy = this.#chosen.get(node);
    if (strategy === undefined) {
      strategy = chooseStrategy(node, this.#strategies, this.target);
      this.#chosen.set(node, strategy);
    }
    return strategy;
  }

  #lowerConstant(node: Value): void {
    const { value } = node.attributes as ConstantAttributes;
    this.#label = `constant ${value}`;
    this.#unit = this.#planned("fill", [node]);
    const buffer = this.#values.get(node) ?? this.#places.make(this.#label, bytesOf(node, this));
    this.#values.set(node, buffer);
    if (this.#places.regionOf(buffer) === undefined) this.#places.home(buffer, "prepared");
    this.#into = this.#places.regionOf(buffer) === "prepared" ? this.#prepare : this.#main;
    lowerFill(node, value, buffer, this);
    this.#into = this.#main;
  }

  #lowerUnit(unit: Unit): void {
    const nodes = nodesOf(unit);
    const { root, prologue, reads } = "work" in unit ? unit.work : {};
    const within = reads === undefined ? [] : root!.inputs.filter((input) => !reads.includes(input));
    const computed = [...(prologue === undefined ? [] : [prologue]), ...nodes, ...within];
    const result = nodes[nodes.length - 1]!;
    const isStatic = this.#live.isStatic(result);
    this.#into = isStatic ? this.#prepare : this.#main;
    this.#isPrepared = isStatic;
    this.#label = `${computed[0]!.path} ${computed.map((n) => n.op.name).join("+")}`.trim();
    this.#nanoseconds = estimate(nodes);
    const strategy = "work" in unit ? this.#choose(unit.work.root) : undefined;
    this.#unit = this.#planned(strategy?.name ?? ("group" in unit ? "elementwise" : "channelSums"), computed);
    if (prologue !== undefined) this.#unit = computedWith(this.#unit);
    if ("group" in unit) lowerPointwise(unit.group, this);
    else if ("sums" in unit) lowerChannelSums(unit.sums, this);
    else strategy!.lower(unit.work, this);
    this.#into = this.#main;
    this.#isPrepared = false;
  }

  #planned(strategy: string, nodes: readonly Value[]): PlannedUnit {
    return plannedUnit(strategy, nodes, this.#entry, this.#live);
  }

  /** A value that is only brought to another place. */
  #moved(strategy: string, value: Value): PlannedUnit {
    const unit = this.#planned(strategy, [value]);
    return { ...unit, nodes: unit.nodes.map((node) => ({ ...node, multiplyAdds: 0 })) };
  }

  // --- the whole

  *#assemble(): Steps<Program> {
    const prepare = inLevels(this.#prepare);
    yield;
    const limits = { maxBatch: this.maxBatch, limit: this.#scratchLimit };
    const plan = planMain([...this.#first, ...this.#main], this.#places, limits);
    this.#places.homeScratch(plan.offsets, plan.bytes);
    yield;
    if (this.#preparesInScratch) this.#places.movePreparedToScratch(this.#tableBytes());
    const assembly = new StepAssembly(this.#places);
    const preparing = assembly.stepsOf(prepare);
    const steps = assembly.stepsOf(plannedDrafts(plan));
    return {
      name: this.#entry.name,
      target: this.target,
      maxBatch: this.maxBatch,
      kernels: assembly.kernels,
      prepare: preparing,
      ...(this.#preparesInScratch ? { preparesInScratch: true } : {}),
      steps,
      constants: this.#constants,
      inputs: this.#inputs,
      outputs: this.#outputs,
      states: this.#states,
      writes: this.#entry.assigns.map((a) => a.state.attributes.name),
      bytes: { ...this.#places.sizes },
      scratch: scratchUse(plan, new Set(this.#packed.values()), this.#places),
    };
  }

  /** Tables lie first among what is prepared: they are written once, and stay. */
  #tableBytes(): number {
    return this.#constants.reduce((end, { place }) => Math.max(end, place.offset + place.bytes), 0);
  }
}

/** What a node is read through is computed in the pass of the node, if in others as well. */
function computedWith(unit: PlannedUnit): PlannedUnit {
  const [prologue, ...others] = unit.nodes;
  return { ...unit, nodes: [{ ...prologue!, isForward: others[0]!.isForward }, ...others] };
}
