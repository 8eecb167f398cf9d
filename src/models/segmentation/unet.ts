/**
 * U-Net (Ronneberger, Fischer, Brox, "U-Net: Convolutional networks for biomedical image segmentation", 2015), as
 * people use it today: 3x3 convolutions are padded, so that the result is as large as the picture, and each is followed
 * by batch normalisation.
 *
 *     two convolutions; pool, two convolutions, four times; then back up: a 2x2 transposed convolution doubles the
 * image, what stood at
 *     that size on the way down is joined to it, two convolutions; a 1x1 convolution gives each pixel a number a class
 *
 * Parameters have the names of the widely used PyTorch version (milesial), so that its weights load.
 */

import type { Value } from "../../graph/graph.js";
import { batchNorm2d, conv2d, convTranspose2d, Module, maxPool2d, relu, sequential } from "../../nn/index.js";
import { concat } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { anySize, COMMON, checkPicture, checkWidths, pixelLoss } from "./any-size.js";

const doubleConv = (inputs: number, out: number): Module =>
  sequential({
    double_conv: sequential(
      conv2d({ in: inputs, out, kernel: 3, padding: 1, bias: false }),
      batchNorm2d({ channels: out }),
      relu(),
      conv2d({ in: out, out, kernel: 3, padding: 1, bias: false }),
      batchNorm2d({ channels: out }),
      relu(),
    ),
  });

interface Up {
  readonly up: Module;
  readonly conv: Module;
}

export class UNet extends Module {
  readonly #inc: Module;
  readonly #downs: readonly Module[];
  readonly #ups: readonly Up[];
  readonly #outc: Module;
  readonly #channels: number;

  /** `widths`: the maps of each size, from the picture's down. */
  constructor(channels: number, widths: readonly number[], classes: number) {
    super();
    this.#channels = channels;
    const [first] = widths as readonly [number];
    this.#inc = doubleConv(channels, first);
    this.#downs = widths
      .slice(1)
      .map((out, i) => sequential({ maxpool_conv: sequential(maxPool2d(2), doubleConv(widths[i]!, out)) }));
    this.#ups = widths
      .slice(1)
      .map((inputs, i) => {
        const out = widths[i]!;
        return {
          up: convTranspose2d({ in: inputs, out, kernel: 2, stride: 2 }),
          conv: doubleConv(2 * out, out),
        };
      })
      .reverse();
    this.#outc = sequential({ conv: conv2d({ in: first, out: classes, kernel: 1 }) });
  }

  override children(): [string, Module][] {
    return [
      ["inc", this.#inc],
      ...this.#downs.map((down, i): [string, Module] => [`down${i + 1}`, down]),
      ...this.#ups.flatMap(({ up, conv }, i): [string, Module][] => [
        [`up${i + 1}.up`, up],
        [`up${i + 1}.conv`, conv],
      ]),
      ["outc", this.#outc],
    ];
  }

  override forward(x: Value): Value {
    return anySize(x, 2 ** this.#downs.length, this.#channels, (picture) => {
      const maps = [this.#inc.forward(picture)];
      for (const down of this.#downs) maps.push(down.forward(maps.at(-1)!));
      let y = maps.pop()!;
      for (const { up, conv } of this.#ups) y = conv.forward(concat([maps.pop()!, up.forward(y)], 2));
      return this.#outc.forward(y);
    });
  }
}

export const unet = defineModel({
  name: "unet",
  description: "U-Net with padding and batch normalisation: down four times and back up, each size joined to its own",
  task: "segmentation",
  defaults: { ...COMMON, classes: 2, channels: 3, widths: [64, 128, 256, 512, 1024] as readonly number[] },
  parameters: 31_037_698,
  input: ({ height, width, channels }) => [height, width, channels],
  classes: ({ classes }) => classes,
  loss: ({ classes, classWeights }) => pixelLoss({ classes, classWeights }),
  build(options) {
    checkPicture("unet", options);
    checkWidths("unet", "widths", options.widths, 2, 8);
    return new UNet(options.channels, options.widths, options.classes);
  },
});
