/**
 * Cuts the nodes of an entry into units that become kernels: a node with the elementwise chain that melts into its
 * store, a group of elementwise nodes of one layout that are computed in one pass over memory, or two sums over one
 * image. A group that starts from a gradient which nobody else reads, the update of its weights, can be computed as the
 * gradient is stored; an elementwise node that only pools and their gradients read, as they read it; a max pool, as its
 * image is stored.
 */

import type { Steps } from "../base/steps.js";
import type { Value } from "../graph/graph.js";
import { sameShape } from "../graph/shape.js";
import type { PointwiseGroup } from "../kernels/contract/pointwise-group.js";
import type { PoolWork, Work } from "../kernels/contract/strategy.js";
import { isPointwise as hasVectorCode, operandKind } from "../kernels/elementwise/pointwise.js";
import { canFuse } from "../kernels/fusion/epilogue.js";
import { isMaxPool, isPoolGradient } from "../kernels/fusion/pooled-store.js";
import { canBePrologue } from "../kernels/fusion/prologue.js";
import { readsTogether, sumsTogether } from "../kernels/reduce/channel-sums.js";
import { isLeaf, type Live } from "./live.js";

export type Unit =
  | { readonly work: Work }
  | { readonly group: PointwiseGroup }
  | { readonly sums: readonly [Value, Value] };

const MOST_NODES = 24;
const MOST_OPERANDS = 10;

/** What the strategies of nodes can do. */
export interface Abilities {
  /** Whether elementwise nodes may melt into the node's store. */
  fuses(node: Value): boolean;
  /** Whether its first input may be computed as it is read. */
  readsThrough(node: Value): boolean;
  /** What the node's kernels read where that is not its inputs. */
  reads(node: Value): readonly Value[] | undefined;
  /** Whether it can be stored through a max pool, behind this chain. */
  pools(node: Value, chain: readonly Value[], pool: PoolWork): boolean;
  /** Whether the node is to be computed by its op's reference, and by no kernel. */
  byReference(node: Value): boolean;
  /** Whether a whole group may. */
  updates(node: Value, group: PointwiseGroup): boolean;
}

export function* fuse(live: Live, can: Abilities): Steps<Unit[]> {
  const isPointwise = (node: Value) => hasVectorCode(node) && !can.byReference(node);
  const taken = new Set<Value>();
  let placed: Placed[] = [];
  const sums = new Map<Value, readonly [Value, Value]>();
  for (const image of live.nodes) {
    const pair = sumsTogether(image, live.users(image));
    if (pair === undefined || pair.some((node) => can.byReference(node))) continue;
    for (const node of pair) sums.set(node, pair);
    placed.push({ at: Math.max(...pair.map((node) => node.id)), unit: { sums: pair } });
  }
  for (const node of live.nodes) {
    if (isLeaf(node) || isPointwise(node) || sums.has(node)) continue;
    const chain = can.fuses(node) ? meltedChain(node, live, taken, can) : [];
    for (const melted of chain) taken.add(melted);
    const result = chain[chain.length - 1] ?? node;
    placed.push({ at: result.id, unit: { work: { root: node, chain, result, reads: can.reads(node) } } });
    yield;
  }
  const readInstead = new Map<Value, readonly Value[]>();
  for (const { unit } of placed)
    if ("work" in unit && unit.work.reads) readInstead.set(unit.work.root, unit.work.reads);
  const isUnread = (node: Value) => live.users(node).every((u) => readInstead.get(u)?.includes(node) === false);
  const unread = new Set(live.nodes.filter((node) => !isLeaf(node) && !live.isKept(node) && isUnread(node)));
  placed = placed.filter(({ unit }) => !("work" in unit) || !unread.has(unit.work.root));
  placed = pooledStores(placed, live, unread, can);
  for (const node of live.nodes) {
    if (taken.has(node) || live.isKept(node) || !canBePrologue(node) || can.byReference(node)) continue;
    const users = live.users(node);
    const isFirst = (user: Value) => user.inputs[0] === node && user.inputs.lastIndexOf(node) === 0;
    if (!users.every((user) => isFirst(user) && !isPointwise(user) && !unread.has(user) && can.readsThrough(user)))
      continue;
    taken.add(node);
    for (const each of placed) {
      if (!("work" in each.unit) || !users.includes(each.unit.work.root)) continue;
      each.unit = { work: { ...each.unit.work, prologue: node } };
    }
  }
  yield;
  for (const nodes of pointwiseGroups(live, taken, sums, isPointwise)) {
    const inside = new Set(nodes);
    const outputs = nodes.filter((v) => live.isKept(v) || live.users(v).some((u) => !inside.has(u)));
    const group = { nodes, outputs };
    const at = nodes[nodes.length - 1]!.id;
    const gradient = placed.findIndex(({ unit }) => {
      if (!("work" in unit) || unit.work.chain.length > 0 || unit.work.update !== undefined) return false;
      const { root } = unit.work;
      const users = live.users(root);
      if (root.batched || live.isKept(root) || users.length === 0 || !users.every((u) => inside.has(u))) return false;
      return sameShape(root.shape, nodes[0]!.shape) && can.updates(root, group);
    });
    if (gradient < 0) placed.push({ at, unit: { group } });
    else {
      const { work } = placed[gradient]!.unit as { readonly work: Work };
      placed[gradient] = { at, unit: { work: { ...work, update: group } } };
    }
  }
  return inOrder(placed.sort((a, b) => a.at - b.at).map((p) => p.unit));
}

interface Placed {
  readonly at: number;
  unit: Unit;
}

/**
 * Works and the max pools behind them made one, where nobody else needs the pool's image: a gradient that would look
 * for the maxima there is told of their places instead.
 */
function pooledStores(placed: readonly Placed[], live: Live, unread: ReadonlySet<Value>, can: Abilities): Placed[] {
  const works = new Map<Value, Placed>();
  for (const each of placed) if ("work" in each.unit) works.set(each.unit.work.root, each);
  const gone = new Set<Placed>();
  const images = new Set<Value>();
  for (const each of placed) {
    if (!("work" in each.unit)) continue;
    const { work } = each.unit;
    const image = work.result;
    const users = live.users(image);
    const node = users.find(isMaxPool);
    const pooling = node === undefined ? undefined : works.get(node);
    if (
      pooling === undefined ||
      can.byReference(node!) ||
      live.isKept(image) ||
      work.update !== undefined ||
      work.pool !== undefined
    )
      continue;
    const gradients = users.filter((user) => user !== node);
    // The places are of the windows of this pool: a gradient of others must find its own in the image.
    if (!gradients.every((user) => isPoolGradient(user, node!) && unread.has(user))) continue;
    const { chain, result } = (pooling.unit as { readonly work: Work }).work;
    const pool: PoolWork = { node: node!, chain, hasPlaces: gradients.length > 0 };
    if (!can.pools(work.root, work.chain, pool)) continue;
    gone.add(each);
    images.add(image);
    pooling.unit = { work: { ...work, pool, result } };
  }
  for (const each of placed) {
    if (!("work" in each.unit) || each.unit.work.reads === undefined) continue;
    const { work } = each.unit;
    each.unit = { work: { ...work, reads: work.reads!.filter((value) => !images.has(value)) } };
  }
  return placed.filter((each) => !gone.has(each));
}

/** The nodes that a unit computes, and no other. */
export function nodesOf(unit: Unit): readonly Value[] {
  if ("work" in unit) {
    const { root, chain, pool, update } = unit.work;
    return [root, ...chain, ...(pool === undefined ? [] : [pool.node, ...pool.chain]), ...(update?.nodes ?? [])];
  }
  return "group" in unit ? unit.group.nodes : unit.sums;
}

/**
 * All that a unit computes, in the order of its label: what it computes as it reads, its nodes, and inputs that it
 * reads through.
 */
export function computedBy(unit: Unit): readonly Value[] {
  if (!("work" in unit)) return nodesOf(unit);
  const { root, prologue, reads } = unit.work;
  const within = reads === undefined ? [] : root.inputs.filter((input) => !reads.includes(input));
  return [...(prologue === undefined ? [] : [prologue]), ...nodesOf(unit), ...within];
}

/** The layer and the ops, as steps are called: `conv1 conv2d+add+relu`. */
export function labelOf(computed: readonly Value[]): string {
  return `${computed[0]!.path} ${computed.map((n) => n.op.name).join("+")}`.trim();
}

/** What computes a unit for which there is no choice. */
export const unchosen = (unit: Unit): string => ("group" in unit ? "elementwise" : "channelSums");

/** The group of elementwise nodes that a unit computes, by itself or behind a gradient. */
export function elementwiseOf(unit: Unit): PointwiseGroup | undefined {
  if ("group" in unit) return unit.group;
  return "work" in unit ? unit.work.update : undefined;
}

/** What the kernels of a unit read to compute `node`. */
function readsOf(unit: Unit, node: Value): readonly Value[] {
  if ("sums" in unit) return readsTogether(node);
  const work = "work" in unit && node === unit.work.root ? unit.work : undefined;
  if (work?.reads !== undefined) return work.reads;
  const prologue = work?.prologue;
  return prologue === undefined ? node.inputs : [...prologue.inputs, ...node.inputs.slice(1)];
}

/** All that the kernels of a unit read. */
export function inputsOf(unit: Unit): readonly Value[] {
  return nodesOf(unit).flatMap((node) => readsOf(unit, node));
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
            .flatMap((node) => readsOf(unit, node).map((input) => unitOf.get(input)))
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
function meltedChain(root: Value, live: Live, taken: ReadonlySet<Value>, can: Abilities): Value[] {
  const chain: Value[] = [];
  let previous = root;
  for (;;) {
    const users = live.users(previous);
    const next = users[0];
    if (users.length !== 1 || next === undefined || live.isKept(previous)) return chain;
    if (taken.has(next) || next.op.traits?.fusible !== true || can.byReference(next)) return chain;
    if (!canFuse(next, previous)) return chain;
    chain.push(next);
    previous = next;
  }
}

interface Group {
  readonly nodes: Value[];
  readonly inside: Set<Value>;
  readonly operands: Set<Value>;
}

function pointwiseGroups(
  live: Live,
  taken: ReadonlySet<Value>,
  sums: ReadonlyMap<Value, readonly Value[]>,
  isPointwise: (node: Value) => boolean,
): readonly Value[][] {
  const groups = new Set<Group>();
  const groupOf = new Map<Value, Group>();
  const together = (value: Value) => groupOf.get(value)?.nodes ?? sums.get(value);
  /** `to` with `from` and `node` in it; undefined where they cannot be computed together. */
  const united = (to: Group, from: Group, node: Value): Group | undefined => {
    const nodes = [...new Set([...to.nodes, ...from.nodes, node])].sort((a, b) => a.id - b.id);
    const inside = new Set(nodes);
    const operands = new Set(nodes.flatMap((v) => v.inputs.filter((i) => !inside.has(i))));
    if (nodes.length > MOST_NODES || operands.size > MOST_OPERANDS) return undefined;
    // of one group and the newest node, only the node can be in the way
    const asked = to.nodes.length === 0 ? [node] : nodes;
    const blocked = asked.some((v) => dependsOutside(v, inside, nodes[0]!.id, together));
    return blocked ? undefined : { nodes, inside, operands };
  };
  for (const node of live.nodes) {
    if (isLeaf(node) || !isPointwise(node) || taken.has(node)) continue;
    const makers = new Set(node.inputs.flatMap((i) => groupOf.get(i) ?? []));
    const candidates = new Set(makers);
    // neighbours that read the same large value are worth one pass, too
    for (const input of node.inputs) {
      if (operandKind(input, node) !== "full") continue;
      for (const user of live.users(input)) {
        const group = groupOf.get(user);
        if (group !== undefined) candidates.add(group);
      }
    }
    const alike = [...candidates].filter((group) => {
      const first = group.nodes[0]!;
      if (first.batched !== node.batched || !sameShape(first.shape, node.shape)) return false;
      if (live.isStatic(first) !== live.isStatic(node)) return false;
      // what only the backward pass reads would be kept from one pass to the other
      return !node.batched || live.isForward(first) === live.isForward(node);
    });
    const fresh: Group = { nodes: [], inside: new Set(), operands: new Set() };
    let home: Group | undefined;
    for (const group of alike) {
      // two groups that the node reads become one, so that what goes from them to it stays in registers
      if (home !== undefined && !makers.has(group)) continue;
      const next = united(home ?? fresh, group, node);
      if (next === undefined) continue;
      if (home !== undefined) groups.delete(home);
      groups.delete(group);
      groups.add(next);
      for (const inner of next.nodes) groupOf.set(inner, next);
      home = next;
    }
    if (home !== undefined) continue;
    const own: Group = { nodes: [node], inside: new Set([node]), operands: new Set(node.inputs) };
    groups.add(own);
    groupOf.set(node, own);
  }
  return [...groups].map((g) => g.nodes);
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
      for (const input of readsTogether(mate)) {
        if (inside.has(input)) return true;
        waiting.push(input);
      }
    }
  }
  return false;
}
