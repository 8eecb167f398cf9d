/** From fused units, constants and copies to drafts of steps. */
import { KernelCache, type KernelDefinition } from "../codegen/definition.js";
import type { Kernel } from "../codegen/ir.js";
import { type Assign, type ConstantAttributes, type Entry, stateOp, type Value } from "../graph/graph.js";
import type { Signature } from "../graph/shape.js";
import type { Buffer } from "../kernels/contract/emitter.js";
import type { Layout } from "../kernels/contract/layout.js";
import type { Packing } from "../kernels/contract/packing.js";
import type { Lowering, Strategy } from "../kernels/contract/strategy.js";
import { lowerPointwise } from "../kernels/elementwise/pointwise-group.js";
import { lowerChannelSums } from "../kernels/reduce/channel-sums.js";
import { referenceStrategy } from "../kernels/reference/reference.js";
import { lowerCopy, lowerFill } from "../kernels/shape/fill.js";
import type { Target } from "../target/target.js";
import { estimate, estimateReference, plannedUnit } from "./choose.js";
import { type Emission, NO_TIME, type Section, StepSink } from "./emission.js";
import { computedBy, labelOf, nodesOf, type Unit, unchosen } from "./fuse.js";
import type { Copy } from "./leaves.js";
import type { PlannedUnit } from "./program.js";
import type { ValueBuffers } from "./value-buffers.js";

/** Lowers the parts of one entry, and collects their steps. */
export class UnitLowering {
  readonly sink = new StepSink();
  readonly kernels = new KernelCache();
  /** By what is packed, and how. */
  readonly packed = new Map<string, Buffer>();
  readonly entry: Entry;
  readonly values: ValueBuffers;
  readonly maxBatch: number;

  constructor(entry: Entry, values: ValueBuffers, maxBatch: number) {
    this.entry = entry;
    this.values = values;
    this.maxBatch = maxBatch;
  }

  constant(node: Value): void {
    const { values } = this;
    const { value } = node.attributes as ConstantAttributes;
    const label = `constant ${value}`;
    const buffer = values.known(node) ?? values.make(label, node);
    values.set(node, buffer);
    if (values.places.regionOf(buffer) === undefined) values.places.home(buffer, "prepared");
    const section = values.places.regionOf(buffer) === "prepared" ? "prepare" : "main";
    lowerFill(node, value, buffer, this.#to({ section, label, unit: this.#planned("fill", [node]), cost: NO_TIME }));
  }

  /** `strategy` computes the root, where the unit has one. */
  unit(unit: Unit, strategy: Strategy | undefined): void {
    const nodes = nodesOf(unit);
    const computed = computedBy(unit);
    const result = nodes[nodes.length - 1]!;
    const planned = this.#planned(strategy?.name ?? unchosen(unit), computed);
    const to = this.#to({
      section: this.values.live.isStatic(result) ? "prepare" : "main",
      label: labelOf(computed),
      unit: computed[0] === nodes[0] ? planned : computedWith(planned),
      cost:
        strategy === referenceStrategy
          ? estimateReference(result, this.values.target)
          : estimate(nodes, this.values.target),
    });
    if ("group" in unit) lowerPointwise(unit.group, to);
    else if ("sums" in unit) lowerChannelSums(unit.sums, to);
    else strategy!.lower(unit.work, to);
  }

  /**
   * What is copied when all is done: outputs that lie elsewhere, and assigned values that could not be written in
   * place.
   */
  copies(copies: readonly Copy[], late: readonly Assign[]): void {
    const { values } = this;
    const emission = (value: Value): Emission => {
      return { section: "main", label: "assign", unit: movedUnit(this.#planned("copy", [value])), cost: NO_TIME };
    };
    const copy = (value: Value, source: Buffer, into: Buffer) =>
      lowerCopy(value, source, into, this.#to(emission(value)));
    for (const { value, into } of copies) copy(value, values.of(value), into);
    // Old values that are still to be read by another assign must not be overwritten: through a temporary each.
    const staged = late.map(({ state, value }) => {
      const source = values.of(value);
      const isState = (value.op as unknown) === stateOp;
      if (!isState || late.length === 1) return { state, value, source };
      const temporary = values.make(`assign ${state.attributes.name}`, value);
      copy(value, source, temporary);
      return { state, value, source: temporary };
    });
    for (const { state, value, source } of staged) copy(value, source, values.of(state as unknown as Value));
  }

  #to(emission: Emission): EmissionLowering {
    return new EmissionLowering(this, emission);
  }

  #planned(strategy: string, nodes: readonly Value[]): PlannedUnit {
    return plannedUnit(strategy, nodes, this.entry, this.values.live);
  }
}

/** What one emission's strategy is given. */
class EmissionLowering implements Lowering {
  readonly target: Target;
  readonly maxBatch: number;
  readonly step: Lowering["step"];
  readonly #all: UnitLowering;
  readonly #emission: Emission;

  constructor(all: UnitLowering, emission: Emission) {
    this.target = all.values.target;
    this.maxBatch = all.maxBatch;
    this.step = all.sink.for(emission);
    this.#all = all;
    this.#emission = emission;
  }

  layout(value: Signature): Layout {
    return this.#all.values.layout(value);
  }

  buffer(value: Value): Buffer {
    return this.#all.values.of(value);
  }

  places(image: Value, pool: Signature): Buffer {
    return this.#all.values.ofMaxima(image, pool);
  }

  isStatic(value: Value): boolean {
    return this.#all.values.live.isStatic(value);
  }

  kernel<Spec>(definition: KernelDefinition<Spec>, spec: Spec): Kernel {
    return this.#all.kernels.get(definition, this.target, spec);
  }

  temporary(label: string, { fixedBytes = 0, sampleBytes = 0 }: { fixedBytes?: number; sampleBytes?: number }): Buffer {
    const { places } = this.#all.values;
    const buffer = places.make(`${this.#emission.label} ${label}`, { fixedBytes, sampleBytes });
    if (this.#emission.section === "prepare") places.home(buffer, "prepared");
    return buffer;
  }

  workspace(bytes: number): Buffer {
    const { places } = this.#all.values;
    const bytesOnce = { fixedBytes: bytes, sampleBytes: 0 };
    const buffer: Buffer = { ...places.make(`${this.#emission.label} workspace`, bytesOnce), perThread: true };
    places.homeWorkspace(buffer);
    return buffer;
  }

  packed<Spec>(packing: Packing<Spec>, from: Value, spec: Spec): Buffer {
    const { packed, values, entry } = this.#all;
    const key = `${from.id} ${packing.key(spec)}`;
    const known = packed.get(key);
    if (known !== undefined) return known;
    const { section, label, unit } = this.#emission;
    const bytes = packing.bytes(spec);
    const buffer = values.places.make(`${from.path || label} ${packing.name}`, { fixedBytes: bytes, sampleBytes: 0 });
    packed.set(key, buffer);
    const isStatic = values.live.isStatic(from);
    if (isStatic) values.places.home(buffer, "prepared");
    const whenever: Section = (from.op as unknown) === stateOp ? "first" : section;
    const moved = movedUnit(plannedUnit(unit.strategy, [from], entry, values.live));
    const emission: Emission = {
      section: isStatic ? "prepare" : whenever,
      label,
      unit: { ...moved, isPacking: true },
      cost: { fixed: bytes * this.target.costs.byte.moved, perSample: 0 },
    };
    packing.pack(new EmissionLowering(this.#all, emission), this.buffer(from), buffer, spec);
    return buffer;
  }
}

/** Of values that are only brought to another place. */
function movedUnit(unit: PlannedUnit): PlannedUnit {
  return { ...unit, nodes: unit.nodes.map((node) => ({ ...node, multiplyAdds: 0 })) };
}

/** What a node is read through is computed in the pass of the node, if in others as well. */
function computedWith(unit: PlannedUnit): PlannedUnit {
  const [prologue, ...others] = unit.nodes;
  return { ...unit, nodes: [{ ...prologue!, isForward: others[0]!.isForward }, ...others] };
}
