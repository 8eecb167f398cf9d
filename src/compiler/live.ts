/** Which nodes an entry point needs, and which of them do not change from run to run. */

import type { Value } from "../graph/graph.js";
import { type Assign, constantOp, type Entry, inputOp, stateOp, tableOp } from "../graph/graph.js";

export interface Live {
  /** Every node that the entry needs, inputs before users. */
  readonly nodes: readonly Value[];
  /** The nodes that read a value. */
  users(value: Value): readonly Value[];
  /** Whether a value must exist in memory for its own sake: it is an output or assigned to a state. */
  isKept(value: Value): boolean;
  /** Whether an output needs it: of a training step, the forward pass. What only changes of state need comes after. */
  isForward(value: Value): boolean;
  /**
   * Whether it depends on nothing but constants and states that the entry does not write: on the number of samples
   * neither.
   */
  isStatic(value: Value): boolean;
}

export function isLeaf(value: Value): boolean {
  const op: unknown = value.op;
  return op === inputOp || op === stateOp || op === constantOp || op === tableOp;
}

export function liveNodes(entry: Entry): Live {
  const kept = new Set<Value>([...Object.values(entry.outputs), ...entry.assigns.map((a: Assign) => a.value)]);
  // An output that is not of samples, such as the norm of the gradients, may come at the end of the backward pass.
  const forward = ancestors(Object.values(entry.outputs).filter(({ batched }) => batched));
  const nodes = [...ancestors([...kept])].sort((a, b) => a.id - b.id);
  const users = new Map<Value, Value[]>();
  for (const node of nodes) {
    for (const input of new Set(node.inputs)) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  const written = new Set<Value>(entry.assigns.map((a) => a.state as unknown as Value));
  const moving = new Set<Value>();
  // A value that is handed back is made at every run, so nothing that reads it can be made before. Of samples there are as many as
  // the run says, and so what is summed over them, be they all the same constant, is another number for a shorter batch.
  for (const node of nodes) {
    const op: unknown = node.op;
    const moves =
      op === inputOp ||
      node.batched ||
      (op === stateOp && written.has(node)) ||
      (kept.has(node) && !isLeaf(node)) ||
      node.inputs.some((i) => moving.has(i));
    if (moves) moving.add(node);
  }
  return {
    nodes,
    users: (value) => users.get(value) ?? [],
    isKept: (value) => kept.has(value),
    isForward: (value) => forward.has(value),
    isStatic: (value) => !moving.has(value),
  };
}

/** The values that `of` are made from, themselves included. */
function ancestors(of: readonly Value[]): Set<Value> {
  const seen = new Set<Value>();
  const waiting = [...of];
  while (waiting.length > 0) {
    const value = waiting.pop()!;
    if (seen.has(value)) continue;
    seen.add(value);
    waiting.push(...value.inputs);
  }
  return seen;
}
