/** What the Inception networks share: a convolution with its norm, and chains of layers side by side. */
import type { Value } from "../../graph/graph.js";
import { batchNorm2d, conv2d, type Initializer, Module, relu, sequential } from "../../nn/index.js";
import { concat, type Pair } from "../../ops/index.js";

export interface NormedOptions {
  readonly kernel: Pair;
  /** @default 1 */
  readonly stride?: number;
  /** @default 0 */
  readonly padding?: Pair;
}

/**
 * Convolution, batch normalisation with eps 0.001, ReLU: BasicConv2d of torchvision, ConvNormAct of timm, which calls
 * the norm `bn`.
 */
export const normedBy =
  (weightInit: (fanIn: number) => Initializer) =>
  (inputs: number, out: number, options: NormedOptions): Module => {
    const { kernel } = options;
    const taps = typeof kernel === "number" ? kernel ** 2 : kernel[0] * kernel[1];
    return sequential({
      conv: conv2d({ in: inputs, out, ...options, bias: false, weightInit: weightInit(taps * inputs) }),
      bn: batchNorm2d({ channels: out, eps: 1e-3 }),
      relu: relu(),
    });
  };

/** A layer, and those that follow it, by name. */
export type Chain = Readonly<Record<string, Module>>;

/**
 * Chains that read the same picture; their maps are joined. Layers are named as parts of the whole, those of branches
 * within branches too.
 */
export class Branches extends Module {
  constructor(readonly chains: readonly Chain[]) {
    super();
  }

  override children(): ReturnType<Module["children"]> {
    return this.chains
      .flatMap((chain) => Object.entries(chain))
      .flatMap(([name, layer]) =>
        layer instanceof Branches ? layer.children() : [[name, layer] as ReturnType<Module["children"]>[number]],
      );
  }

  override forward(x: Value): Value {
    return concat(
      this.chains.map((chain) => Object.values(chain).reduce((y, layer) => layer.forward(y), x)),
      2,
    );
  }
}

export const branches = (...chains: readonly Chain[]): Branches => new Branches(chains);

/** Along a row or a column, padded so that the picture keeps its size. */
export const row = (kernel: number): NormedOptions => ({ kernel: [1, kernel], padding: [0, (kernel - 1) / 2] });
export const column = (kernel: number): NormedOptions => ({ kernel: [kernel, 1], padding: [(kernel - 1) / 2, 0] });
