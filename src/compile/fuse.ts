/**
 * Cuts the nodes of an entry into units that become kernels: a node with the elementwise chain that melts into its store,
 * or a group of elementwise nodes of one layout that are computed in one pass over memory.
 */
import { sameShape, type Value } from "../graph/value.js";
import { canFuse } from "../kernels/epilogue.js";
import { isPointwise, operandKind } from "../kernels/pointwise.js";
import type { PointwiseGroup } from "../kernels/pointwise-group.js";
import type { Work } from "../kernels/strategy.js";
import { isLeaf, type Live } from "./live.js";

export type Unit = { readonly work: Work } | { readonly group: PointwiseGroup };

/** Elementwise ops cheap enough in registers and time to stand in the store of a convolution. */
const MELTS = new Set(["add", "subtract", "multiply", "scale", "affine", "relu", "reluGrad"]);
const MOST_NODES = 24;
const MOST_OPERANDS = 10;

export function fuse(live: Live, fuses: (node: Value) => boolean): Unit[] {
  const taken = new Set<Value>();
  const placed: { at: number; unit: Unit }[] = [];
  for (const node of live.nodes) {
    if (isLeaf(node) || isPointwise(node)) continue;
    const chain = fuses(node) ? meltedChain(node, live, taken) : [];
    for (const melted of chain) taken.add(melted);
    const result = chain[chain.length - 1] ?? node;
    placed.push({ at: result.id, unit: { work: { root: node, chain, result } } });
  }
  for (const nodes of pointwiseGroups(live, taken)) {
    const inside = new Set(nodes);
    const outputs = nodes.filter((v) => live.isKept(v) || live.users(v).some((u) => !inside.has(u)));
    placed.push({ at: nodes[nodes.length - 1]!.id, unit: { group: { nodes, outputs } } });
  }
  return inOrder(placed.sort((a, b) => a.at - b.at).map((p) => p.unit));
}

function nodesOf(unit: Unit): readonly Value[] {
  return "work" in unit ? [unit.work.root, ...unit.work.chain] : unit.group.nodes;
}

/** Units after those whose values they read; else in the order given. */
function inOrder(units: readonly Unit[]): Unit[] {
  const unitOf = new Map<Value, Unit>();
  for (const unit of units) for (const node of nodesOf(unit)) unitOf.set(node, unit);
  const done = new Set<Unit>();
  const order: Unit[] = [];
  for (const start of units) {
    const waiting = [start];
    while (waiting.length > 0) {
      const unit = waiting[waiting.length - 1]!;
      const missing = done.has(unit)
        ? []
        : nodesOf(unit)
            .flatMap((node) => node.inputs.map((input) => unitOf.get(input)))
            .filter((u) => u !== undefined && u !== unit && !done.has(u));
      if (missing.length > 0) waiting.push(...(missing as Unit[]));
      else {
        waiting.pop();
        if (!done.has(unit)) order.push(unit);
        done.add(unit);
      }
    }
  }
  return order;
}

/** The elementwise nodes after `root`, each the only user of the one before. */
function meltedChain(root: Value, live: Live, taken: ReadonlySet<Value>): Value[] {
  const chain: Value[] = [];
  let previous = root;
  for (;;) {
    const users = live.users(previous);
    const next = users[0];
    if (users.length !== 1 || next === undefined || live.isKept(previous)) return chain;
    if (taken.has(next) || !MELTS.has(next.op.name) || !canFuse(next, previous)) return chain;
    chain.push(next);
    previous = next;
  }
}

function pointwiseGroups(live: Live, taken: ReadonlySet<Value>): Value[][] {
  const groups: { nodes: Value[]; inside: Set<Value>; operands: Set<Value> }[] = [];
  const groupOf = new Map<Value, (typeof groups)[number]>();
  for (const node of live.nodes) {
    if (isLeaf(node) || !isPointwise(node) || taken.has(node)) continue;
    const candidates = new Set(node.inputs.flatMap((i) => groupOf.get(i) ?? []));
    // neighbours that read the same large value are worth one pass, too
    for (const input of node.inputs) {
      if (operandKind(input, node) !== "full") continue;
      for (const user of live.users(input)) {
        const group = groupOf.get(user);
        if (group !== undefined) candidates.add(group);
      }
    }
    const home = [...candidates].find((group) => {
      const first = group.nodes[0]!;
      if (first.batched !== node.batched || !sameShape(first.shape, node.shape)) return false;
      if (live.isStatic(first) !== live.isStatic(node)) return false;
      // what only the backward pass reads would be kept from one pass to the other
      if (node.batched && live.isForward(first) !== live.isForward(node)) return false;
      if (group.nodes.length >= MOST_NODES) return false;
      const operands = new Set([...group.operands, ...node.inputs.filter((i) => !group.inside.has(i))]);
      return (
        operands.size <= MOST_OPERANDS && !dependsOutside(node, group.inside, first.id, (v) => groupOf.get(v)?.nodes)
      );
    });
    const group = home ?? { nodes: [], inside: new Set<Value>(), operands: new Set<Value>() };
    if (home === undefined) groups.push(group);
    group.nodes.push(node);
    group.inside.add(node);
    for (const input of node.inputs) if (!group.inside.has(input)) group.operands.add(input);
    groupOf.set(node, group);
  }
  return groups.map((g) => g.nodes);
}

/** Whether `node` needs a value from outside the group that itself needs the group: then it cannot join. */
function dependsOutside(
  node: Value,
  inside: ReadonlySet<Value>,
  firstId: number,
  together: (value: Value) => readonly Value[] | undefined,
): boolean {
  const seen = new Set<Value>();
  const waiting = node.inputs.filter((i) => !inside.has(i));
  while (waiting.length > 0) {
    const value = waiting.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    // a value of another group comes only when all of that group has what it needs
    const mates = together(value);
    if (mates === undefined && value.id < firstId) continue;
    for (const mate of mates ?? [value]) {
      seen.add(mate);
      for (const input of mate.inputs) {
        if (inside.has(input)) return true;
        waiting.push(input);
      }
    }
  }
  return false;
}
