/**
 * AlphaGo's policy network (Silver et al., "Mastering the game of Go with deep neural networks and tree search", 2016,
 * Methods, "Neural network architecture"): which move an expert plays, of the 361 points of the board.
 *
 *     planes -> 5x5, k filters, relu -> eleven times 3x3, k filters, relu -> 1x1, one filter -> a bias for each point
 * -> softmax
 *
 * Nothing is pooled, and zeros stand around the board. k = 192 in the match version; 128, 256 and 384 are the paper's
 * others. The input is [size, size, planes] as src/go/policy/planes.ts encodes positions; a class is a vertex, row by
 * row from the upper left.
 */

import { OptionError } from "../base/errors.js";
import type { Value } from "../graph/graph.js";
import { conv2d, flatten, Module, Parameter, relu, sequential } from "../nn/index.js";
import { add } from "../ops/index.js";
import { defineModel } from "./definition.js";
import { imageClassifier } from "./image-classifier.js";
import { checkWholeOption, constant, heNormal } from "./parts.js";

/** [height, width, 1] becomes one number a point, each with a bias of its own. */
class PositionBias extends Module {
  readonly bias: Parameter;

  constructor(points: number) {
    super();
    this.bias = new Parameter([points], constant(0));
  }

  override forward(x: Value): Value {
    return add(flatten().forward(x), this.bias.in(x));
  }
}

/** The paper does not say what it starts from; He's variance keeps thirteen layers of relu alive. */
const rectified = (inputs: number, out: number, kernel: number) =>
  conv2d({
    in: inputs,
    out,
    kernel,
    padding: (kernel - 1) / 2,
    weightInit: heNormal(kernel * kernel * inputs),
    biasInit: constant(0),
  });

export const alphago = defineModel({
  name: "alphago-policy",
  description: "AlphaGo's policy network: 13 layers over 48 feature planes of a Go board, one class a point",
  defaults: { filters: 192, layers: 13, planes: 48, size: 19 },
  most: { layers: 1000 },
  parameters: 3_882_793,
  input: ({ size, planes }) => [size, size, planes],
  classes: ({ size }) => size * size,
  // Methods, "Policy network: classification": no momentum, and the rate halved every 80 million steps.
  training: { batchSize: 16, lr: 0.003, weightDecay: 0 },
  build({ filters, layers, planes, size }) {
    checkWholeOption("alphago-policy", "filters", filters);
    checkWholeOption("alphago-policy", "layers", layers, 2);
    checkWholeOption("alphago-policy", "planes", planes);
    checkWholeOption("alphago-policy", "size", size, 1, 25);
    const hidden = Array.from({ length: layers - 1 }, (_, i): [string, Module][] => [
      [`conv${i + 1}`, i === 0 ? rectified(planes, filters, 5) : rectified(filters, filters, 3)],
      [`relu${i + 1}`, relu()],
    ]);
    return imageClassifier({
      features: sequential(Object.fromEntries(hidden.flat())),
      head: (outputs) => {
        if (outputs !== size * size) {
          throw new OptionError(
            `alphago-policy: a ${size}x${size} board has ${size * size} points, not ${outputs}, so the head is not for ${outputs} classes; set its option size`,
          );
        }
        const weightInit = heNormal(filters);
        return sequential({
          [`conv${layers}`]: conv2d({ in: filters, out: 1, kernel: 1, bias: false, weightInit }),
          position: new PositionBias(size * size),
        });
      },
      classes: size * size,
    });
  },
});
