/** What code may depend on of a machine, taken out of it, and the text of that for keys. */
import { plainText } from "../base/plain.js";
import type { CodeTarget } from "./target.js";

interface Known {
  readonly target: CodeTarget;
  readonly key: string;
}

/** By every target that was asked for, and by what was taken out of it. */
const known = new WeakMap<CodeTarget, Known>();

/** The facts that code may depend on, without caches and costs: the same object for the same target. */
export function codeTarget(target: CodeTarget): CodeTarget {
  return knownOf(target).target;
}

/** Equal for two targets only where they are the same to code. */
export function targetKey(target: CodeTarget): string {
  return knownOf(target).key;
}

function knownOf(target: CodeTarget): Known {
  let found = known.get(target);
  if (found === undefined) {
    const facts = factsOf(target);
    found = { target: facts, key: plainText(valuesOf(facts)) };
    known.set(target, found);
    known.set(facts, found);
  }
  return found;
}

/**
 * Field by field, so that a fact that is added to the type and not here does not compile, and all targets have them in
 * this order.
 */
function factsOf(target: CodeTarget): CodeTarget {
  const { isa, name, lanes, fma, foldsBroadcast, hoistsLoads, sumsInFlight, lineBytes } = target;
  const { vector, int, mask } = target.registers;
  const { leastPerOutput, leastPerPixel, longestRun } = target.prefetching;
  return {
    isa,
    name,
    lanes,
    registers: { vector, int, mask },
    fma,
    foldsBroadcast,
    hoistsLoads,
    sumsInFlight,
    lineBytes,
    prefetching: { leastPerOutput, leastPerPixel, longestRun },
  };
}

/** Without names, which would only make keys long. */
function valuesOf(facts: object): unknown[] {
  return Object.values(facts).map((value: unknown) =>
    typeof value === "object" && value !== null ? valuesOf(value) : value,
  );
}
