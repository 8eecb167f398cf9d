/**
 * The layers of MobileNetV3 (Howard et al., "Searching for MobileNetV3", 2019) up to its last 1x1 convolution, which
 * classifiers and networks that label pixels share. Names and initial values are torchvision's.
 */
import { hardSigmoid, hardSwish, type Module, relu, SqueezeExcitation, sequential } from "../nn/index.js";
import { Branch, convNorm, roundChannels } from "./blocks.js";

/** Kernel; channels between; channels; whether squeezed and excited; activation; stride. */
export type Row = readonly [number, number, number, boolean, "relu" | "hardSwish", number];

/** Table 1 of the paper. */
export const LARGE: readonly Row[] = [
  [3, 16, 16, false, "relu", 1],
  [3, 64, 24, false, "relu", 2],
  [3, 72, 24, false, "relu", 1],
  [5, 72, 40, true, "relu", 2],
  [5, 120, 40, true, "relu", 1],
  [5, 120, 40, true, "relu", 1],
  [3, 240, 80, false, "hardSwish", 2],
  [3, 200, 80, false, "hardSwish", 1],
  [3, 184, 80, false, "hardSwish", 1],
  [3, 184, 80, false, "hardSwish", 1],
  [3, 480, 112, true, "hardSwish", 1],
  [3, 672, 112, true, "hardSwish", 1],
  [5, 672, 160, true, "hardSwish", 2],
  [5, 960, 160, true, "hardSwish", 1],
  [5, 960, 160, true, "hardSwish", 1],
];

/** Table 2. */
export const SMALL: readonly Row[] = [
  [3, 16, 16, true, "relu", 2],
  [3, 72, 24, false, "relu", 2],
  [3, 88, 24, false, "relu", 1],
  [5, 96, 40, true, "hardSwish", 2],
  [5, 240, 40, true, "hardSwish", 1],
  [5, 240, 40, true, "hardSwish", 1],
  [5, 120, 48, true, "hardSwish", 1],
  [5, 144, 48, true, "hardSwish", 1],
  [5, 288, 96, true, "hardSwish", 2],
  [5, 576, 96, true, "hardSwish", 1],
  [5, 576, 96, true, "hardSwish", 1],
];

const FIRST = 16;
const NORM = { eps: 1e-3, momentum: 0.01 };
const ACTIVATIONS = { relu, hardSwish };

function block(inputs: number, [kernel, wide, out, excites, name, stride]: Row, dilation: number): Module {
  const activation = ACTIVATIONS[name];
  const layers = sequential(
    ...(wide === inputs ? [] : [convNorm({ in: inputs, out: wide, kernel: 1, norm: NORM, activation })]),
    convNorm({
      ...{ in: wide, out: wide, groups: wide, kernel, dilation, norm: NORM, activation },
      stride: dilation > 1 ? 1 : stride,
    }),
    ...(excites
      ? [new SqueezeExcitation({ channels: wide, squeeze: roundChannels(Math.floor(wide / 4)), gate: hardSigmoid })]
      : []),
    convNorm({ in: wide, out, kernel: 1, norm: NORM }),
  );
  return new Branch("block", layers, stride === 1 && inputs === out);
}

/**
 * With `dilated`, the last stage keeps the picture's size and sees as far by dilation, as networks that label pixels
 * have it.
 */
export function mobilenetV3Layers(rows: readonly Row[], dilated = false): Module[] {
  // The last stage begins at the last stride.
  const last = rows.findLastIndex((row) => row[5] === 2);
  let channels = FIRST;
  const blocks = rows.map((row, i) => {
    const made = block(channels, row, dilated && i >= last ? 2 : 1);
    channels = row[2];
    return made;
  });
  return [
    convNorm({ in: 3, out: FIRST, stride: 2, norm: NORM, activation: hardSwish }),
    ...blocks,
    convNorm({ in: channels, out: 6 * channels, kernel: 1, norm: NORM, activation: hardSwish }),
  ];
}
