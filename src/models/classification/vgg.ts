/**
 * VGG (Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014): 3x3
 * convolutions only, doubled in number behind each of five pools; and the same with batch normalisation behind each
 * convolution.
 *
 * Names and initial values are torchvision's: He's normal distribution with the fan-out, N(0, 0.01^2) in the dense
 * layers, biases 0.
 */

import {
  adaptiveAvgPool2d,
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  linear,
  type Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, heNormal, IMAGENET_SCALING } from "../parts.js";

/** Table 1 of the paper, columns A, B, D and E: output channels of the convolutions, M for a pool. */
const VARIANTS = [
  { name: "vgg11", plain: 132_863_336, normalised: 132_868_840, table: "64 M 128 M 256x2 M 512x2 M 512x2 M" },
  { name: "vgg13", plain: 133_047_848, normalised: 133_053_736, table: "64x2 M 128x2 M 256x2 M 512x2 M 512x2 M" },
  { name: "vgg16", plain: 138_357_544, normalised: 138_365_992, table: "64x2 M 128x2 M 256x3 M 512x3 M 512x3 M" },
  { name: "vgg19", plain: 143_667_240, normalised: 143_678_248, table: "64x2 M 128x2 M 256x4 M 512x4 M 512x4 M" },
] as const;

/** "64x2 M": two convolutions to 64 channels and a pool. */
function layersOf(table: string, normalise: boolean): Module[] {
  let channels = 3;
  return table.split(" ").flatMap((entry): Module[] => {
    if (entry === "M") return [maxPool2d(2)];
    const [out, times = 1] = entry.split("x").map(Number) as [number, number?];
    return Array.from({ length: times }, () => {
      const weightInit = heNormal(9 * out);
      const convolution = conv2d({ in: channels, out, kernel: 3, padding: 1, weightInit, biasInit: constant(0) });
      channels = out;
      return normalise ? [convolution, batchNorm2d({ channels: out }), relu()] : [convolution, relu()];
    }).flat();
  });
}

const dense = (inputs: number, out: number) =>
  linear({ in: inputs, out, weightInit: gaussian(0.01), biasInit: constant(0) });

export const vggs = VARIANTS.flatMap(({ name: plainName, plain, normalised, table }) =>
  [false, true].map((normalise) => {
    const name = normalise ? `${plainName}_bn` : plainName;
    return defineModel({
      name,
      description: `VGG of ${plainName.slice(3)} layers${normalise ? " with batch normalisation" : ""}, 3x3 convolutions only; 224x224`,
      defaults: { classes: 1000, size: 224, hidden: 4096, dropout: 0.5 },
      parameters: normalise ? normalised : plain,
      input: ({ size }) => [size, size, 3],
      classes: ({ classes }) => classes,
      scaling: IMAGENET_SCALING,
      // The paper's rate is 0.01 at batch 256.
      training: { batchSize: 32, lr: 0.00125, weightDecay: 5e-4 },
      build({ classes, size, hidden, dropout: p }) {
        checkSize(name, size, 32);
        return imageClassifier({
          features: sequential({ features: sequential(...layersOf(table, normalise)) }),
          head: (outputs) =>
            sequential({
              avgpool: adaptiveAvgPool2d(7),
              flatten: flatten(),
              classifier: sequential(
                dense(512 * 7 * 7, hidden),
                relu(),
                dropout(p),
                dense(hidden, hidden),
                relu(),
                dropout(p),
                dense(hidden, outputs),
              ),
            }),
          classes,
        });
      },
    });
  }),
);
