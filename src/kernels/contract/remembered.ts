/**
 * A strategy plans a node to say whether it accepts it, what it would cost, whether it takes a pool into its store, and
 * to lower it. The plan is made once where all of them ask for the same.
 */
import type { Value } from "../../graph/graph.js";

/**
 * A function of a node and of what else a plan depends on that remembers the latest plan of each node. `plan` must be
 * pure, and nobody may change what it gives. Other arguments are told apart by identity.
 */
export function remembered<A extends readonly unknown[], P>(
  plan: (node: Value, ...args: A) => P,
): (node: Value, ...args: A) => P {
  const latest = new WeakMap<Value, { readonly args: A; readonly plan: P }>();
  return (node, ...args) => {
    const known = latest.get(node);
    if (known !== undefined && isSame(known.args, args)) return known.plan;
    const made = plan(node, ...args);
    latest.set(node, { args, plan: made });
    return made;
  };
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
