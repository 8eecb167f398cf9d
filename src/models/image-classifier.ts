/**
 * The protocol of the zoo: every network that classifies pictures has `features`, the part that sees, and `head`, the
 * part that names, and can be given a new head for other classes. Tools that freeze, fine-tune or look inside need no
 * more.
 *
 * Parameters keep the names of the parts' children, without "features." or "head." in front: those of torchvision.
 */
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";

/** The parts of a network that classifies pictures. */
export interface ImageClassifierParts {
  /** Makes of a picture [height, width, channels] what the head reads. */
  readonly features: Module;
  /** Makes a new head, from the output of `features` to one number a class. */
  readonly head: (classes: number) => Module;
  /** Classes of the first head. */
  readonly classes: number;
}

/**
 * A network that classifies pictures, of two parts: `features` and `head`. Its head can be replaced by one for other
 * classes.
 */
export class ImageClassifier extends Module {
  /** The part that sees: from a picture to what the head reads. */
  readonly features: Module;
  readonly #headFor: (classes: number) => Module;
  #head: Module;
  #classes: number;

  constructor(parts: ImageClassifierParts) {
    super();
    this.features = parts.features;
    this.#headFor = parts.head;
    this.#head = parts.head(parts.classes);
    this.#classes = parts.classes;
  }

  /** Classes that the head tells apart now. */
  get classes(): number {
    return this.#classes;
  }

  /** The part that names: from the output of `features` to one number a class. */
  get head(): Module {
    return this.#head;
  }

  /** Replaces the head by a new one for so many classes; graphs that were traced before keep the old one. */
  resetClassifier(classes: number): void {
    this.#head = this.#headFor(classes);
    this.#classes = classes;
  }

  override children(): ReturnType<Module["children"]> {
    return [...this.features.children(), ...this.#head.children()];
  }

  override forward(x: Value): Value {
    return this.#head.forward(this.features.forward(x));
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
