/**
 * Network in network (Lin, Chen, Yan, 2013) for ImageNet, as its authors published it for Caffe: each of four convolutions is followed by two of
 * 1x1, a perceptron that slides over the maps, and the mean of the last thousand maps is the score. `bn-nin` has batch normalisation behind
 * each convolution (Canziani, Paszke and Culurciello 2017). Pools keep a last incomplete window.
 */
import {
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  globalAvgPool2d,
  type Module,
  maxPool2d,
  relu,
  sequential,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, heNormal, IMAGENET_SCALING } from "../parts.js";

/** Channels, kernel, stride and padding of the convolutions that see further than a pixel. */
const STAGES = [
  { out: 96, kernel: 11, stride: 4, padding: 0 },
  { out: 256, kernel: 5, stride: 1, padding: 2 },
  { out: 384, kernel: 3, stride: 1, padding: 1 },
  { out: 1024, kernel: 3, stride: 1, padding: 1 },
];
const LAST = 1024;

const VARIANTS = [
  { name: "nin", normalise: false, parameters: 7_595_176 },
  { name: "bn-nin", normalise: true, parameters: 7_600_432 },
];

/** With norms a bias would be taken away again; Gaussian as published, but for the norms' network, which is He's. */
const layer = (inputs: number, out: number, normalise: boolean, window: Partial<(typeof STAGES)[number]> = {}) => {
  const kernel = window.kernel ?? 1;
  const weightInit = normalise ? heNormal(kernel ** 2 * inputs) : gaussian(kernel === 1 ? 0.05 : 0.01);
  const options = { in: inputs, ...window, out, kernel, weightInit };
  return normalise
    ? [conv2d({ ...options, bias: false }), batchNorm2d({ channels: out }), relu()]
    : [conv2d({ ...options, biasInit: constant(0) }), relu()];
};

function layers(normalise: boolean, p: number): Module[] {
  let channels = 3;
  return STAGES.flatMap((stage, i) => {
    const { out } = stage;
    const wide = layer(channels, out, normalise, stage);
    channels = out;
    const isLast = i === STAGES.length - 1;
    const end = isLast ? [] : [...layer(out, out, normalise), maxPool2d(3, { stride: 2, ceil: true })];
    const drops = i === STAGES.length - 2 ? [dropout(p)] : [];
    return [...wide, ...layer(out, out, normalise), ...end, ...drops];
  });
}

export const nins = VARIANTS.map(({ name, normalise, parameters }) =>
  defineModel({
    name,
    description: `Network in network${normalise ? " with batch normalisation" : ""}: 1x1 convolutions behind each other one, no dense layer; 224x224`,
    defaults: { classes: 1000, size: 224, dropout: 0.5 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 64, lr: 0.01, weightDecay: 5e-4 },
    build({ classes, size, dropout: p }) {
      checkSize(name, size, 32);
      return imageClassifier({
        features: sequential({ features: sequential(...layers(normalise, p)) }),
        head: (outputs) =>
          sequential({
            classifier: sequential(...layer(LAST, outputs, normalise), globalAvgPool2d()),
            flatten: flatten(),
          }),
        classes,
      });
    },
  }),
);
