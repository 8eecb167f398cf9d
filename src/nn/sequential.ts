/** Layers one after another, named by number (`0.weight`) or by the keys of an object (`conv1.weight`). */
import { OptionError } from "../base/errors.js";
import { isRecord, shown } from "../base/options.js";
import type { Value } from "../graph/graph.js";
import { Module } from "./module.js";

export class Sequential extends Module {
  readonly #layers: readonly [string, Module][];

  constructor(layers: readonly [string, Module][]) {
    super();
    for (const [name, layer] of layers) {
      if (layer instanceof Module) continue;
      throw new OptionError(
        `sequential: layer ${name} is ${shown(layer)}, expected a module; a computation of one's own is the forward of a class that extends nn.Module`,
      );
    }
    this.#layers = layers;
  }

  override forward(x: Value): Value {
    return this.#layers.reduce((value, [, layer]) => layer.forward(value), x);
  }

  override children(): [string, Module][] {
    return [...this.#layers];
  }
}

export function sequential(layers: Readonly<Record<string, Module>>): Sequential;
export function sequential(...layers: Module[]): Sequential;
export function sequential(...layers: Module[] | [Readonly<Record<string, Module>>]): Sequential {
  const [first] = layers;
  if (layers.length === 1 && isRecord(first) && !(first instanceof Module))
    return new Sequential(Object.entries(first));
  return new Sequential((layers as Module[]).map((layer, i) => [String(i), layer]));
}
