/**
 * The protocol of the zoo: every network that classifies pictures has `features`, the part that sees, and `head`, the part
 * that names, and can be given a new head for other classes. Tools that freeze, fine-tune or look inside need no more.
 *
 * Parameters keep the names of the parts' children, without "features." or "head." in front: those of torchvision.
 */
import type { Value } from "../graph/graph.js";
import { Module } from "../nn/index.js";

export interface ImageClassifierParts {
  /** The picture [height, width, channels] becomes what the head reads. */
  readonly features: Module;
  /** A new head: what `features` gives becomes as many numbers as there are classes. Throws where it cannot have so many. */
  readonly head: (classes: number) => Module;
  readonly classes: number;
}

export class ImageClassifier extends Module {
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

  /** How many the head tells apart now. */
  get classes(): number {
    return this.#classes;
  }

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

export const imageClassifier = (parts: ImageClassifierParts): ImageClassifier => new ImageClassifier(parts);
