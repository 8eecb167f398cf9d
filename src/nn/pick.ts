/** One of several values that a network gives, as a network of its own: what a classifier is made of. */
import { OptionError } from "../base/errors.js";
import { type AnyModule, checkModule, Module } from "./module.js";
import { isStructure } from "./values.js";

/** Its parts, and so the names of its parameters, are those of the network: weights of one are weights of the other. */
export class Pick extends Module {
  readonly #network: AnyModule;
  readonly #name: PropertyKey;

  constructor(network: AnyModule, name: PropertyKey) {
    super();
    checkModule("pick", network);
    this.#network = network;
    this.#name = name;
    if (network.loss !== undefined) this.loss = network.loss;
  }

  override forward(...inputs: never[]): unknown {
    const output = this.#network.forward(...inputs);
    if (isStructure(output) && Object.hasOwn(output, this.#name)) return output[this.#name as keyof typeof output];
    const given = isStructure(output) ? `the values ${Object.keys(output).join(", ")}` : "one value";
    throw new OptionError(`pick: the network gives ${given}, expected one named ${JSON.stringify(this.#name)}`);
  }

  override children(): ReturnType<AnyModule["children"]> {
    return this.#network.children();
  }
}

/**
 * A network that gives one of the values that another gives, by its name or place. It shares the layers and the names of the weights.
 *
 * @example
 * const classify = await compile({ ...model, module: nn.pick(network, "logits") });
 */
export function pick<Inputs extends readonly unknown[], Output, Name extends keyof Output>(
  network: Module<Inputs, Output>,
  name: Name,
): Module<Inputs, Output[Name]> {
  return new Pick(network, name) as unknown as Module<Inputs, Output[Name]>;
}
