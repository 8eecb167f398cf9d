/**
 * DenseNet (Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", 2016), with bottlenecks
 * and compression: each layer of a block reads the maps of all layers before it and adds `growth` maps. Between blocks
 * a 1x1 convolution halves the number of maps and a mean over 2x2 pixels their size.
 *
 * Names and initial values are torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import {
  avgPool2d,
  batchNorm2d,
  conv2d,
  flatten,
  globalAvgPool2d,
  linear,
  Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { concat } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, heNormal, IMAGENET_SCALING } from "../parts.js";

/** Table 1 of the paper: layers a block. */
const VARIANTS = [
  { name: "densenet121", growth: 32, first: 64, blocks: [6, 12, 24, 16], parameters: 7_978_856 },
  { name: "densenet161", growth: 48, first: 96, blocks: [6, 12, 36, 24], parameters: 28_681_000 },
  { name: "densenet169", growth: 32, first: 64, blocks: [6, 12, 32, 32], parameters: 14_149_480 },
  { name: "densenet201", growth: 32, first: 64, blocks: [6, 12, 48, 32], parameters: 20_013_928 },
];

function convolution(inputs: number, out: number, kernel: number, stride = 1): Module {
  const [padding, weightInit] = [(kernel - 1) / 2, heNormal(kernel ** 2 * inputs)];
  return conv2d({ in: inputs, out, kernel, stride, padding, bias: false, weightInit });
}

/** The maps that there are, and `growth` new ones computed of them by way of 4 `growth` maps. */
class DenseLayer extends Module {
  readonly norm1: Module;
  readonly relu1 = relu();
  readonly conv1: Module;
  readonly norm2: Module;
  readonly relu2 = relu();
  readonly conv2: Module;

  constructor(channels: number, growth: number) {
    super();
    this.norm1 = batchNorm2d({ channels });
    this.conv1 = convolution(channels, 4 * growth, 1);
    this.norm2 = batchNorm2d({ channels: 4 * growth });
    this.conv2 = convolution(4 * growth, growth, 3);
  }

  override forward(x: Value): Value {
    const few = this.conv1.forward(this.relu1.forward(this.norm1.forward(x)));
    return concat([x, this.conv2.forward(this.relu2.forward(this.norm2.forward(few)))], 2);
  }
}

const block = (channels: number, layers: number, growth: number): Module =>
  sequential(
    Object.fromEntries(
      Array.from({ length: layers }, (_, i) => [`denselayer${i + 1}`, new DenseLayer(channels + i * growth, growth)]),
    ),
  );

const transition = (channels: number): Module =>
  sequential({
    norm: batchNorm2d({ channels }),
    relu: relu(),
    conv: convolution(channels, channels / 2, 1),
    pool: avgPool2d(2),
  });

/** The layers from the picture on, and the channels that they end with. */
function layersOf(first: number, growth: number, blocks: readonly number[]): [Record<string, Module>, number] {
  const layers: Record<string, Module> = {
    conv0: convolution(3, first, 7, 2),
    norm0: batchNorm2d({ channels: first }),
    relu0: relu(),
    pool0: maxPool2d(3, { stride: 2, padding: 1 }),
  };
  let channels = first;
  for (const [i, count] of blocks.entries()) {
    layers[`denseblock${i + 1}`] = block(channels, count, growth);
    channels += count * growth;
    if (i + 1 === blocks.length) break;
    layers[`transition${i + 1}`] = transition(channels);
    channels /= 2;
  }
  return [{ ...layers, norm5: batchNorm2d({ channels }), relu5: relu() }, channels];
}

export const densenets = VARIANTS.map(({ name, growth, first, blocks, parameters }) =>
  defineModel({
    name,
    description: `DenseNet of ${name.slice(8)} layers, each reading the maps of all before it; 224x224`,
    defaults: { classes: 1000, size: 224 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    // The paper's rate is 0.1 at batch 256.
    training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-4 },
    build({ classes, size }) {
      checkSize(name, size, 29);
      const [layers, channels] = layersOf(first, growth, blocks);
      return imageClassifier({
        features: sequential({ features: sequential(layers) }),
        head: (outputs) =>
          sequential({
            avgpool: globalAvgPool2d(),
            flatten: flatten(),
            classifier: linear({ in: channels, out: outputs, biasInit: constant(0) }),
          }),
        classes,
      });
    },
  }),
);
