/**
 * LeNet-5 as published (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998,
 * section II-B): 60,000 trainable parameters.
 *
 *     32x32 -> C1 5x5, 6 -> S2 subsample 2 -> C3 5x5, 16 of partial connections -> S4 subsample 2 -> C5 5x5, 120
 *           -> F6 84 -> ten radial-basis units
 *
 * 1.7159 tanh(2x/3) follows every layer from C1 to F6. The outputs are the negative penalties, so that the largest wins.
 * The codes that the last units compare with were drawn for fovea in the manner of the paper's figure 3. The paper does not
 * say its j (equation 9); ours is the default below.
 */

import { OptionError } from "../../base/errors.js";
import {
  conv2d,
  type Initializer,
  linear,
  partialConv2d,
  radialBasis,
  scaledTanh,
  sequential,
  subsample2d,
} from "../../nn/index.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";

/** Table I: for each map of C3 the maps of S2 that it sees. */
export const C3_CONNECTIONS: readonly (readonly number[])[] = [
  "012 123 234 345 045 015",
  "0123 1234 2345 0345 0145 0125 0134 1245 0235",
  "012345",
].flatMap((row) => row.split(" ").map((maps) => [...maps].map(Number)));

/** 7x12 bitmaps of the digits, ink +1 and paper -1. */
const DIGITS = `
  ..###.. ...#... .#####. .#####. .....#. ####### ..####. ####### .#####. ..###..
  .#...#. ..##... #.....# #.....# ....##. #...... .#....# #.....# #.....# .#...#.
  #.....# .#.#... ......# ......# ...#.#. #...... #...... ......# #.....# #.....#
  #.....# ...#... ......# ......# ..#..#. #...... #...... .....#. #.....# #.....#
  #.....# ...#... .....#. ......# .#...#. #.####. #.####. .....#. .#...#. #.....#
  #.....# ...#... ....#.. ..####. #....#. ##....# ##....# ....#.. ..###.. #....##
  #.....# ...#... ...#... ......# ####### ......# #.....# ....#.. .#...#. .####.#
  #.....# ...#... ..#.... ......# .....#. ......# #.....# ...#... #.....# ......#
  #.....# ...#... .#..... ......# .....#. ......# #.....# ...#... #.....# ......#
  #.....# ...#... #...... ......# .....#. ......# #.....# ..#.... #.....# ......#
  .#...#. ...#... #...... #.....# .....#. #.....# .#...#. ..#.... #.....# #....#.
  ..###.. .#####. ####### .#####. .....#. .#####. ..###.. ..#.... .#####. .####..
`;

/** For each digit 84 numbers, row by row. */
export const DIGIT_CODES: readonly (readonly number[])[] = Array.from({ length: 10 }, (_, digit) =>
  DIGITS.trim()
    .split("\n")
    .flatMap((row) => [...row.trim().split(" ")[digit]!].map((pixel) => (pixel === "#" ? 1 : -1))),
);

/** Appendix A: weights, biases included, uniform within 2.4 / fan-in. */
const bound = (fanIn: number) => 2.4 / fanIn;
function within(fanIn: number): { weightInit: Initializer; biasInit: Initializer } {
  const init: Initializer = { kind: "uniform", low: -bound(fanIn), high: bound(fanIn) };
  return { weightInit: init, biasInit: init };
}

export const lenet51998 = defineModel({
  name: "lenet5-1998",
  description: "LeNet-5 as published: partial connections, trainable subsampling, radial-basis outputs; 32x32",
  defaults: { j: 10 },
  parameters: 60_000,
  // Its squashing units saturate at the rates that suit relu.
  training: { epochs: 20, lr: 0.003, weightDecay: 0, warmupSteps: 500 },
  input: () => [32, 32, 1],
  classes: () => 10,
  loss: ({ j }) => ({ kind: "maximumAPosteriori", j }),
  // Background becomes -0.1 and ink 1.175: -0.1 + 1.275 p / 255.
  scaling: { mean: [0.1 / 1.275], std: [1 / 1.275] },
  build({ j }) {
    if (!(j > 0)) throw new OptionError(`lenet5-1998: option j is ${j}, expected a number above 0`);
    return imageClassifier({
      features: sequential({
        c1: conv2d({ in: 1, out: 6, kernel: 5, ...within(25) }),
        squash1: scaledTanh(),
        s2: subsample2d({ channels: 6, ...within(4) }),
        squash2: scaledTanh(),
        c3: partialConv2d({ in: 6, kernel: 5, connections: C3_CONNECTIONS, bound }),
        squash3: scaledTanh(),
        s4: subsample2d({ channels: 16, ...within(4) }),
        squash4: scaledTanh(),
        c5: conv2d({ in: 16, out: 120, kernel: 5, ...within(400) }),
        squash5: scaledTanh(),
        f6: linear({ in: 120, out: 84, ...within(120) }),
        squash6: scaledTanh(),
      }),
      head: (outputs) => {
        if (outputs !== DIGIT_CODES.length) {
          throw new OptionError(`lenet5-1998: it has codes for ten digits, not for ${outputs} classes; take lenet5`);
        }
        return sequential({ output: radialBasis({ centres: DIGIT_CODES }) });
      },
      classes: DIGIT_CODES.length,
    });
  },
});
