/**
 * Squared Euclidean distances to K centres, y[n, k] = sum over f of (x[n, f] - c[f, k])^2: the radial-basis units at
 * the end of LeNet-5 (LeCun et al. 1998, equation 7). The differences are squared as they are: |x|^2 - 2 x c + |c|^2
 * would lose the small distances, which are the ones that count, to cancellation.
 */
import type { Op, Value } from "../graph/graph.js";
import { type Signature, shapeText, sizeOf } from "../graph/shape.js";
import { multiply, scale, subtract } from "./elementwise/arithmetic.js";
import { linearInputGradOp, linearWeightGradOp } from "./linear.js";
import { makes } from "./makes.js";
import { sum } from "./reduce.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";

export const squaredDistanceOp: Op = {
  name: "squaredDistance",
  infer(inputs, _attributes, path) {
    expectInputs("squaredDistance", path, inputs, [
      { name: "input", rank: 1, batched: true },
      { name: "centres", rank: 2, batched: false },
    ]);
    const [x, c] = inputs as readonly [Signature, Signature];
    if (c.shape[0] !== x.shape[0]) {
      refuse(
        "squaredDistance",
        path,
        `centres are ${shapeText(c)} (features x centres), expected ${x.shape[0]} features`,
      );
    }
    return { shape: [c.shape[1]!], batched: true, dtype: "f32" };
  },
  // dx[f] = sum over k of 2 (x[f] - c[f, k]) dy[k] = 2 (x[f] s - sum over k of c[f, k] dy[k]), s = sum over k of dy[k];
  // dc[f, k] = -sum over n of 2 (x[f] - c[f, k]) dy[k] = -2 (sum over n of x[f] dy[k] - c[f, k] sum over n of dy[k]).
  gradient({ graph, inputs, upstream, wanted }) {
    const [x, c] = inputs as readonly [Value, Value];
    const towardsX = () => {
      const pulled = graph.add(linearInputGradOp, { inputShape: x.shape }, [upstream, c]);
      return scale(subtract(multiply(x, sum(upstream)), pulled), 2);
    };
    const towardsCentres = () => {
      const pulled = graph.add(linearWeightGradOp, {}, [x, upstream]);
      return scale(subtract(pulled, multiply(c, sum(upstream, { axes: [], batch: true }))), -2);
    };
    return [wanted[0] ? towardsX() : undefined, wanted[1] ? towardsCentres() : undefined];
  },
  reference([x, c], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const [features, centres] = c!.shape as readonly [number, number];
    for (let n = 0; n < batch; n++) {
      for (let f = 0; f < features; f++) {
        for (let k = 0; k < centres; k++) {
          y.data[n * centres + k]! += (x!.data[n * features + f]! - c!.data[f * centres + k]!) ** 2;
        }
      }
    }
    return y;
  },
  cost: (inputs, _attributes, output) => ({
    multiplyAdds: 2 * sizeOf(inputs[1]!.shape),
    bytes: bytesOf(inputs, output),
  }),
};

/**
 * The squared Euclidean distance of x [F], with a batch, to each of the centres [F, K]: [K].
 * @throws ShapeError if x has another number of features than the centres
 */
export const squaredDistance = makes(
  "squaredDistance",
  ["x", "centres"],
  (x: Value, centres: Value): Value => x.graph.add(squaredDistanceOp, {}, [x, centres]),
);
