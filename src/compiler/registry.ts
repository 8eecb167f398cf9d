/**
 * Kernels of a user's own. They come behind those of the package in every choice, in the order of their registration,
 * so that among the others nothing changes.
 */
import { OptionError, unknownName } from "../base/errors.js";
import { callback, checkOptions, expecting, type Fields, flag, listOf, needed, text } from "../base/options.js";
import type { Op } from "../graph/graph.js";
import type { Strategy } from "../kernels/contract/strategy.js";
import { type PointwiseOp, pointwiseNamed, registerPointwise } from "../kernels/elementwise/pointwise.js";
import { isRegistered, opNamed, registeredOps } from "../ops/registry.js";
import { addStrategy, registeredStrategies } from "./own-strategies.js";

const FIELDS: Fields<Strategy> = {
  name: needed(expecting("a name", (name) => typeof name === "string" && name !== "")),
  ops: needed(listOf(text, "a list of names of ops")),
  fuses: needed(flag),
  readsThrough: flag,
  reads: callback,
  pools: callback,
  updates: callback,
  accepts: needed(callback),
  cost: needed(callback),
  lower: needed(callback),
};

/**
 * Gives ops a kernel. Where several strategies accept a node, the cheapest is taken; one of one's own for an op of the
 * package is taken where it says that it costs less. Programs that are compiled later have it. What kernels are written
 * with is in `fovea/kernels`.
 *
 * @throws OptionError where an op of it is not registered, or there is a strategy of that name
 */
export function registerStrategy(strategy: Strategy): void {
  checkOptions("registerStrategy", strategy, FIELDS, "registerStrategy: ");
  const { name, ops } = strategy;
  if (ops.length === 0) throw new OptionError(`registerStrategy: ${name} has no ops; name those that it computes`);
  for (const op of ops) if (opNamed(op) === undefined) throw unknownOp(`registerStrategy: ${name}`, op);
  if (registeredStrategies().some((other) => other.name === name) || name === "reference")
    throw new OptionError(`registerStrategy: there is a strategy "${name}" already; choose another name`);
  addStrategy(strategy);
}

/**
 * Gives an elementwise op its vector code, which is then computed together with what is before and behind it, without
 * going through memory: in groups of elementwise ops and, where the op is `fusible`, as kernels store their results.
 *
 * @example
 * ```js
 * import { Graph, openDevice, ops, registerElementwise, registerOp } from "fovea";
 *
 * const cube = registerOp({
 *   name: "my.cube",
 *   infer: ([x]) => x,
 *   gradient: ({ inputs: [x], upstream }) => [ops.multiply(upstream, ops.scale(ops.square(x), 3))],
 *   reference: ([x]) => ({ shape: x.shape, data: x.data.map((value) => value ** 3) }),
 *   traits: { elementwise: true, fusible: true },
 * });
 * registerElementwise(cube, {
 *   emit: (k, [x]) => k.fmul(k.fmul(x, x), x), // one vector of the result
 *   keepsZero: () => true,
 * });
 * const x = new Graph().input("x", { shape: [2] });
 * const device = await openDevice();
 * const program = await device.compile({ name: "cube", outputs: { y: ops.call(cube, [x]) }, assigns: [] });
 * const { y } = await program.run({ x: [2, 3] });
 * await device.close();
 * console.log(Array.from(y)); // [ 8, 27 ]
 * ```
 *
 * @param op registered, and elementwise by its traits
 * @throws OptionError where it is not, or has such code already
 */
export function registerElementwise(op: Op<never>, code: PointwiseOp): void {
  const { name, traits } = op;
  const refuse = (what: string) => new OptionError(`registerElementwise: the op "${name}" ${what}`);
  if (!isRegistered(op as unknown as Op)) throw refuse("is not registered; register it by registerOp first");
  if (traits?.elementwise !== true)
    throw refuse("is not elementwise; say so in its traits: { elementwise: true }, or give it a strategy");
  if (pointwiseNamed(name) !== undefined) throw refuse("has vector code already");
  checkOptions("registerElementwise", code, ELEMENTWISE, "registerElementwise: ");
  registerPointwise(name, code);
}

const ELEMENTWISE: Fields<PointwiseOp> = {
  emit: needed(callback),
  keepsZero: needed(callback),
  registers: expecting("a whole number", (value) => Number.isInteger(value)),
};

function unknownOp(what: string, name: string): OptionError {
  const names = registeredOps().map((op) => op.name);
  const { message } = unknownName("op", name, names);
  return new OptionError(`${what}: ${message}`);
}
