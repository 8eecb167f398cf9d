/**
 * SqueezeNet 1.1 as its authors published it for Caffe: fire modules by number, and a first layer that reads blue,
 * green and red, 0 to 255, less 104, 117 and 123. It is turned to read what torchvision's does: red, green and blue,
 * scaled.
 */
import type { FileTensor, NameMap } from "./name-map.js";

/** torchvision's place of fire2, fire3, ... in `features`. */
const FIRES = [3, 4, 6, 7, 9, 10, 11, 12];
const FIRST = "features.0";
/** Of red, green and blue. */
const MEANS = [123, 117, 104];

export const caffe: NameMap = {
  source: "Caffe",
  rename(name) {
    const [, fire, part] = /^fire(\d+)\/((?:squeeze1x1|expand1x1|expand3x3)\.(?:weight|bias))$/.exec(name) ?? [];
    const place = FIRES[Number(fire) - 2];
    if (place !== undefined) return `features.${place}.${part!.replace("squeeze1x1", "squeeze")}`;
    const [, layer, kind] = /^(conv1|conv10)\.(weight|bias)$/.exec(name) ?? [];
    return layer === undefined ? undefined : `${layer === "conv1" ? FIRST : "classifier.1"}.${kind}`;
  },
  /**
   * With a byte p and the network's input x = (p / 255 - mean) / std, the file's input is p - m = 255 std x + (255 mean
   * - m): the factor goes into the weights, the rest into the bias, which is exact as the layer has no padding.
   */
  convert(tensors, { mean, std }) {
    const weight = tensors.get(`${FIRST}.weight`);
    const bias = tensors.get(`${FIRST}.bias`);
    if (weight === undefined || bias === undefined || weight.shape[1] !== 3) return new Map();
    const [out, , height, width] = weight.shape as [number, number, number, number];
    const taps = height * width;
    const turned = new Float32Array(weight.data.length);
    const biases = Float64Array.from(bias.data);
    for (let o = 0; o < out; o++) {
      for (let c = 0; c < 3; c++) {
        for (let t = 0; t < taps; t++) {
          const w = weight.data[(o * 3 + 2 - c) * taps + t]!;
          turned[(o * 3 + c) * taps + t] = 255 * std[c]! * w;
          biases[o]! += w * (255 * mean[c]! - MEANS[c]!);
        }
      }
    }
    return new Map<string, FileTensor>([
      [`${FIRST}.weight`, { shape: weight.shape, data: turned }],
      [`${FIRST}.bias`, { shape: bias.shape, data: Float32Array.from(biases) }],
    ]);
  },
};
