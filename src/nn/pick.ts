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
 * A network that returns one of the values that another returns, by its name or index. It shares the layers and the
 * names of the weights.
 *
 * @example
 * ```js
 * import { nn, trace } from "fovea";
 *
 * class TwoHeads extends nn.Module {
 *   kind = nn.linear({ in: 8, out: 3 });
 *   angle = nn.linear({ in: 8, out: 1 });
 *   forward(x) {
 *     return { kind: this.kind.forward(x), angle: this.angle.forward(x) };
 *   }
 * }
 * const kinds = nn.pick(new TwoHeads(), "kind");
 * console.log(trace(kinds, { input: [8] }).output.shape); // [ 3 ]
 * ```
 *
 * @throws OptionError when it is traced, if the network returns no value of that name
 */
export function pick<Inputs extends readonly unknown[], Output, Name extends keyof Output>(
  network: Module<Inputs, Output>,
  name: Name,
): Module<Inputs, Output[Name]> {
  return new Pick(network, name) as unknown as Module<Inputs, Output[Name]>;
}
