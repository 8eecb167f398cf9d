/**
 * Fusion as text: what is computed at once, what melts into what, which strategy does it, and what its rivals would
 * have cost.
 */
import { isOfSamples } from "../../compiler/choose.js";
import { computedBy, labelOf, nodesOf, type Unit, unchosen } from "../../compiler/fuse.js";
import type { Value } from "../../graph/graph.js";
import { shapeText } from "../../graph/shape.js";
import type { Plan } from "./plan.js";
import { aligned, counted, hanging, timeText } from "./text.js";

export interface UnitNode {
  readonly id: number;
  readonly layer: string;
  readonly op: string;
  /** How it is computed: `fused into its store`, `stored through this pool`. */
  readonly how: string;
}

export interface FusionUnit {
  /** As its steps are called: `conv1 conv2d+add+maxPool2d`. */
  readonly label: string;
  readonly nodes: readonly UnitNode[];
  /** What its kernels read. */
  readonly reads: readonly number[];
  /** The value that is stored. */
  readonly result: { readonly id: number; readonly shape: string };
  /** The strategy that lowers it. */
  readonly strategy: string;
  /**
   * All that accept it, cheapest first, the chosen one among them: estimated nanoseconds on one core of a sample, or of
   * a call where there are no samples. Empty where there is no choice.
   */
  readonly candidates: readonly { readonly strategy: string; readonly nanoseconds: number }[];
  /** Whether it depends on states alone, so that it is computed only when these change. */
  readonly isPrepared: boolean;
  /** Whether it is computed for every sample, as a sum over all of them is, too. */
  readonly isOfSamples: boolean;
}

export function fusionUnits(plan: Plan): FusionUnit[] {
  const { units, choice } = plan.compilation;
  return units
    .filter(({ unit }) => plan.shows(computedBy(unit).map(({ path }) => path)))
    .map(({ unit, strategy }) => {
      const nodes = nodesOf(unit);
      const result = nodes.at(-1)!;
      const candidates = "work" in unit ? choice.candidates(unit.work.root) : [];
      const computed = computedBy(unit);
      const inside = new Set(computed);
      const reads = computed.flatMap((node) => node.inputs.filter((input) => !inside.has(input)));
      return {
        label: labelOf(computed),
        nodes: computed.map((node) => ({ id: node.id, layer: node.path, op: node.op.name, how: howOf(node, unit) })),
        reads: [...new Set(reads)].map(({ id }) => id).sort((a, b) => a - b),
        result: { id: result.id, shape: shapeText(result) },
        strategy: strategy?.name ?? unchosen(unit),
        candidates: candidates.map((each) => ({ strategy: each.strategy.name, nanoseconds: each.nanoseconds })),
        isPrepared: plan.live.isStatic(result),
        isOfSamples: isOfSamples("work" in unit ? unit.work.root : result),
      };
    });
}

function howOf(node: Value, unit: Unit): string {
  if ("group" in unit) return "in one pass over memory with the others";
  if ("sums" in unit) return "both sums in one pass over their image";
  const { root, chain, pool, update, prologue } = unit.work;
  if (node === root) return "computed by the strategy";
  if (node === prologue) return "computed as its value is read: nowhere in memory";
  if (chain.includes(node)) return "fused into the store";
  if (node === pool?.node) return "the store goes through this pool: the image is nowhere in memory";
  if (pool?.chain.includes(node)) return "fused behind the pool";
  if (update?.nodes.includes(node)) return "computed as the gradient is stored";
  return "read through: what it would hold is made as it is read";
}

export function unitsText(plan: Plan, width = Number.POSITIVE_INFINITY): string {
  const units = fusionUnits(plan);
  const out = [`${counted(units.length, "unit")} of ${plan.title}`];
  for (const [i, unit] of units.entries()) {
    const prepared = unit.isPrepared ? ", once for unchanged weights" : "";
    out.push(
      "",
      ...hanging(`unit ${i}: `, `${unit.label} -> %${unit.result.id} ${unit.result.shape}${prepared}`, width),
    );
    out.push(...hanging("  by ", whyText(unit), width));
    const rows = unit.nodes.map(({ id, layer, op, how }) => [`%${id}`, layer, op, how]);
    out.push(...aligned(rows, width, 4));
    if (unit.reads.length > 0) out.push(...hanging("    reads ", unit.reads.map((id) => `%${id}`).join(" "), width));
  }
  return out.join("\n");
}

/** `direct: 4.1 us a sample, estimated; winograd 6.3 us` */
function whyText({ strategy, candidates, isOfSamples }: FusionUnit): string {
  const [taken, ...rivals] = candidates;
  if (taken === undefined) return `${strategy}: there is no other way`;
  const time = `${strategy}: ${timeText(taken.nanoseconds)} a ${isOfSamples ? "sample" : "call"}, estimated`;
  if (rivals.length === 0) return `${time}; no other strategy accepts it`;
  return `${time}; rivals: ${rivals.map((rival) => `${rival.strategy} ${timeText(rival.nanoseconds)}`).join(", ")}`;
}
