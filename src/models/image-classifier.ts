/**
 * The protocol of the zoo: every network that classifies pictures has `features`, the part that sees, and `head`, the
 * part that names, and can be given a new head for other classes. Tools that freeze, fine-tune or look inside need no
 * more.
 *
 * Parameters keep the names of the parts' children, without "features." or "head." in front: those of torchvision.
 */
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";
import { tracingOf } from "../nn/module.js";
import { concat } from "../ops/index.js";

/** The parts of a network that classifies pictures. */
export interface ImageClassifierParts {
  /** Makes of a picture [height, width, channels] what the head reads. */
  readonly features: Module;
  /** Makes a new head, from the output of `features` to one number a class. */
  readonly head: (classes: number) => Module;
  /** Classes of the first head. */
  readonly classes: number;
  /**
   * Classifiers that read the middle of `features` in training, so that gradients reach its first layers (Szegedy et
   * al. 2014).
   */
  readonly auxiliary?: {
    /** Weight of the loss of each, beside that of the head. */
    readonly weight: number;
    /** Makes new ones, by the names of their parameters. */
    readonly heads: (classes: number) => Readonly<Record<string, AuxiliaryHead>>;
  };
}

/** An auxiliary classifier: it learns from the output of a part of the network, and is used in training only. */
export interface AuxiliaryHead {
  /** The child of `features` whose output it reads. */
  readonly behind: string;
  /** From that output to one number a class. */
  readonly head: Module;
}

/**
 * A network that classifies pictures, of two parts: `features` and `head`. Its head can be replaced by one for other
 * classes.
 */
export class ImageClassifier extends Module {
  /** The part that sees: from a picture to what the head reads. */
  readonly features: Module;
  readonly #parts: ImageClassifierParts;
  #head!: Module;
  #auxiliary!: Readonly<Record<string, AuxiliaryHead>>;
  #classes!: number;

  constructor(parts: ImageClassifierParts) {
    super();
    this.features = parts.features;
    this.#parts = parts;
    this.resetClassifier(parts.classes);
  }

  /** Classes that the head tells apart now. */
  get classes(): number {
    return this.#classes;
  }

  /** The part that names: from the output of `features` to one number a class. */
  get head(): Module {
    return this.#head;
  }

  /** Replaces the heads by new ones for this many classes. Graphs that were traced before keep the old ones. */
  resetClassifier(classes: number): void {
    const { head, auxiliary } = this.#parts;
    this.#head = head(classes);
    this.#auxiliary = auxiliary?.heads(classes) ?? {};
    this.#classes = classes;
    if (auxiliary !== undefined) {
      this.loss = { kind: "crossEntropy", auxiliary: { classes, weight: auxiliary.weight } };
    }
  }

  override children(): ReturnType<Module["children"]> {
    const auxiliary = Object.entries(this.#auxiliary).map(([name, { head }]): [string, Module] => [name, head]);
    return [...this.features.children(), ...auxiliary, ...this.#head.children()];
  }

  /** In training the scores of auxiliary classifiers follow those of the head, in one vector. */
  override forward(x: Value): Value {
    const heads = Object.values(this.#auxiliary);
    if (heads.length === 0 || tracingOf(x.graph)?.training !== true) {
      return this.#head.forward(this.features.forward(x));
    }
    const given = new Map<string, Value>();
    let y = x;
    for (const [name, layer] of this.features.children()) {
      y = (layer as Module).forward(y);
      given.set(name, y);
    }
    return concat([this.#head.forward(y), ...heads.map(({ behind, head }) => head.forward(given.get(behind)!))], 0);
  }
}

/**
 * Makes a network that classifies pictures of its two parts. Parameters are named after the parts' children, without
 * `features.` or `head.` in front.
 *
 * @example
 * ```js
 * import { models, nn } from "fovea";
 *
 * const network = models.imageClassifier({
 *   features: nn.sequential({ conv: nn.conv2d({ in: 3, out: 8, kernel: 3 }), pool: nn.globalAvgPool2d() }),
 *   head: (classes) => nn.sequential({ fc: nn.linear({ in: 8, out: classes }) }),
 *   classes: 1000,
 * });
 * network.resetClassifier(5);
 * console.log([...nn.parametersOf(network).keys()]); // [ 'conv.weight', 'conv.bias', 'fc.weight', 'fc.bias' ]
 * ```
 */
export const imageClassifier = (parts: ImageClassifierParts): ImageClassifier => new ImageClassifier(parts);
