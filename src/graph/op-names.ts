/**
 * The ops that programs of this process call, by name: a program is plain data and names them. They are noted as they
 * are registered, and as a program is compiled that calls them, so that a page which only runs programs loads no op
 * that they do not have.
 */
import { OptionError } from "../base/errors.js";
import type { Op } from "./graph.js";

const ops = new Map<string, Op>();

/** @throws OptionError where another op has that name. */
export function nameOp(op: Op): void {
  const namesake = ops.get(op.name);
  if (namesake !== undefined && namesake !== op)
    throw new OptionError(`${op.name}: there is another op of that name; rename one of them`);
  ops.set(op.name, op);
}

export function namedOp(name: string): Op | undefined {
  return ops.get(name);
}
