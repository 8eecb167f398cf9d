/**
 * LR-ASPP (Howard et al., "Searching for MobileNetV3", 2019, section 6.4): scores of a dilated MobileNetV3-Large's last maps, each channel scaled
 * by a gate of their mean, made twice as large and added to scores of finer maps, then interpolated bilinearly. Names are torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import {
  adaptiveAvgPool2d,
  batchNorm2d,
  conv2d,
  Module,
  relu,
  type Sequential,
  sequential,
  sigmoid,
} from "../../nn/index.js";
import { add, multiply, resize } from "../../ops/index.js";
import { defineModel } from "../definition.js";
import { LARGE, mobilenetV3Layers } from "../mobilenet-v3-layers.js";
import { IMAGENET_SCALING } from "../parts.js";
import { anySize, COMMON, checkPicture, pixelLoss } from "./any-size.js";

const HIGH = 960;
/** The layer of the finer maps, an eighth of the picture, and its channels. */
const [FINE, LOW] = ["4", 40] as const;
const INNER = 128;

class Head extends Module {
  readonly cbr = sequential(
    conv2d({ in: HIGH, out: INNER, kernel: 1, bias: false }),
    batchNorm2d({ channels: INNER }),
    relu(),
  );
  readonly scale = sequential(
    adaptiveAvgPool2d(1),
    conv2d({ in: HIGH, out: INNER, kernel: 1, bias: false }),
    sigmoid(),
  );
  readonly low_classifier: Module;
  readonly high_classifier: Module;

  constructor(classes: number) {
    super();
    this.low_classifier = conv2d({ in: LOW, out: classes, kernel: 1 });
    this.high_classifier = conv2d({ in: INNER, out: classes, kernel: 1 });
  }

  override forward(low: Value, high: Value): Value {
    const gated = multiply(this.cbr.forward(high), this.scale.forward(high));
    const large = resize(gated, [low.shape[0]!, low.shape[1]!], "bilinear");
    return add(this.low_classifier.forward(low), this.high_classifier.forward(large));
  }
}

class LrAspp extends Module {
  readonly backbone: Sequential = sequential(...mobilenetV3Layers(LARGE, true));
  readonly classifier: Head;

  constructor(classes: number) {
    super();
    this.classifier = new Head(classes);
  }

  override forward(x: Value): Value {
    return anySize(x, 1, 3, (picture) => {
      let low = picture;
      let y = picture;
      for (const [name, layer] of this.backbone.children()) {
        y = (layer as Module).forward(y);
        if (name === FINE) low = y;
      }
      return resize(this.classifier.forward(low, y), [picture.shape[0]!, picture.shape[1]!], "bilinear");
    });
  }
}

export const lraspp = defineModel({
  name: "lraspp_mobilenet_v3_large",
  description: "LR-ASPP on MobileNetV3-Large: gated scores of two grids, for telephones",
  task: "segmentation",
  defaults: { ...COMMON, classes: 21, height: 520, width: 520 },
  parameters: 3_221_538,
  input: ({ height, width }) => [height, width, 3],
  classes: ({ classes }) => classes,
  loss: (options) => pixelLoss(options),
  scaling: IMAGENET_SCALING,
  build(options) {
    checkPicture("lraspp_mobilenet_v3_large", options);
    return new LrAspp(options.classes);
  },
});
