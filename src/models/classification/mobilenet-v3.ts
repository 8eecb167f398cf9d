/**
 * MobileNetV3 (Howard et al., "Searching for MobileNetV3", 2019): MobileNetV2's blocks with squeeze-and-excitation,
 * hard swish and a head of two dense layers. Names and initial values are torchvision's.
 */
import { dropout, flatten, globalAvgPool2d, hardSwish, linear, sequential } from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { LARGE, mobilenetV3Layers, SMALL } from "../mobilenet-v3-layers.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

const VARIANTS = [
  { name: "mobilenet_v3_large", rows: LARGE, hidden: 1280, parameters: 5_483_032 },
  { name: "mobilenet_v3_small", rows: SMALL, hidden: 1024, parameters: 2_542_856 },
];

const dense = (inputs: number, out: number) =>
  linear({ in: inputs, out, weightInit: gaussian(0.01), biasInit: constant(0) });

export const mobilenetV3s = VARIANTS.map(({ name, rows, hidden, parameters }) =>
  defineModel({
    name,
    description: `MobileNetV3-${name.slice(13)}: inverted residuals with squeeze-and-excitation and hard swish; 224x224`,
    defaults: { classes: 1000, size: 224, dropout: 0.2 },
    parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 32, lr: 0.0125, weightDecay: 1e-5 },
    build({ classes, size, dropout: p }) {
      checkSize(name, size, 32);
      return imageClassifier({
        features: sequential({ features: sequential(...mobilenetV3Layers(rows)) }),
        head: (outputs) =>
          sequential({
            avgpool: globalAvgPool2d(),
            flatten: flatten(),
            classifier: sequential(dense(6 * rows.at(-1)![2], hidden), hardSwish(), dropout(p), dense(hidden, outputs)),
          }),
        classes,
      });
    },
  }),
);
