/** Layers one after another, named by number (`0.weight`) or by the keys of an object (`conv1.weight`). */
import { OptionError } from "../base/errors.js";
import { isRecord, shown } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { lambda } from "./activation.js";
import { Module } from "./module.js";

/** A layer of `nn.sequential`: a module, or a function of one value, which becomes a layer (`nn.lambda`). */
export type Layer = Module | ((x: Value) => Value);

/** Layers one after another, as `nn.sequential` makes it. */
export class Sequential extends Module {
  readonly #layers: readonly [string, Module][];

  /** @throws OptionError on what is no layer. */
  constructor(layers: readonly [string, Layer][]) {
    super();
    this.#layers = layers.map(([name, layer]) => [name, moduleOf(name, layer)]);
  }

  override forward(x: Value): Value {
    return this.#layers.reduce((value, [, layer]) => layer.forward(value), x);
  }

  override children(): [string, Module][] {
    return [...this.#layers];
  }
}

function moduleOf(name: string, layer: Layer): Module {
  if (layer instanceof Module) return layer;
  const where = `sequential: layer ${name}`;
  if (typeof layer === "function") return lambda(layer, where);
  throw new OptionError(`${where} is ${shown(layer)}, expected a module or a function of one value${cureOf(layer)}`);
}

function cureOf(layer: unknown): string {
  if (Array.isArray(layer)) return "; write nn.sequential(...layers)";
  const hasForward = isRecord(layer) && typeof layer["forward"] === "function";
  return hasForward ? "; let its class extend nn.Module" : "";
}

/** Layers by their names, and no object of another kind. */
const isNamed = (value: unknown): value is Readonly<Record<string, Layer>> =>
  isRecord(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/**
 * Layers one after another: each is given what the one before returned. PyTorch: `nn.Sequential`. A function of one
 * value is a layer too. The layers are named by number (`0.weight`), or by the keys of an object (`conv.weight`).
 *
 * @example
 * ```js
 * import { nn, ops, trace } from "fovea";
 *
 * const network = nn.sequential(
 *   nn.conv2d({ in: 1, out: 8, kernel: 3 }), // [28, 28, 1] to [26, 26, 8]
 *   (x) => ops.relu(x),
 *   nn.flatten(),
 *   nn.linear({ in: 26 * 26 * 8, out: 10 }),
 * );
 * console.log(trace(network, { input: [28, 28, 1] }).output.shape); // [ 10 ]
 * ```
 *
 * @throws OptionError if an argument is no layer
 */
export function sequential(layers: Readonly<Record<string, Layer>>): Sequential;
export function sequential(...layers: Layer[]): Sequential;
export function sequential(...layers: Layer[] | [Readonly<Record<string, Layer>>]): Sequential {
  const [first] = layers;
  if (layers.length === 1 && isNamed(first)) return new Sequential(Object.entries(first));
  return new Sequential((layers as Layer[]).map((layer, i) => [String(i), layer]));
}
