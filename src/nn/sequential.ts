/** Layers one after another, named by number (`0.weight`) or by the keys of an object (`conv1.weight`). */
import { OptionError } from "../base/errors.js";
import { isRecord, shown } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { lambda } from "./activation.js";
import { Module } from "./module.js";

/** What a sequence is made of: a module, or a function of one value, which becomes a layer (`nn.lambda`). */
export type Layer = Module | ((x: Value) => Value);

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
  throw new OptionError(`${where} is ${shown(layer)}, expected a module or a function of one value`);
}

/**
 * Layers one after another: each is given what the one before gave.
 * @example
 * nn.sequential(nn.conv2d({ in: 1, out: 8, kernel: 3 }), (x) => ops.relu(x), nn.flatten());
 * nn.sequential({ conv: nn.conv2d({ in: 1, out: 8, kernel: 3 }), act: (x) => ops.relu(x) });
 * @throws OptionError on what is no layer.
 */
export function sequential(layers: Readonly<Record<string, Layer>>): Sequential;
export function sequential(...layers: Layer[]): Sequential;
export function sequential(...layers: Layer[] | [Readonly<Record<string, Layer>>]): Sequential {
  const [first] = layers;
  if (layers.length === 1 && isRecord(first) && !(first instanceof Module))
    return new Sequential(Object.entries(first as Readonly<Record<string, Layer>>));
  return new Sequential((layers as Layer[]).map((layer, i) => [String(i), layer]));
}
