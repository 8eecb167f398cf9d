/**
 * The fully connected layer, y[n, o] = sum over f of x[n, f] w[f, o], and its two gradients.
 *
 * The weights are [F, O]. x may have any shape of F elements: it is read in the order of `reshape` (shape.ts), which
 * for an image [H, W, C] is C, then H, then W, as published classifier weights expect. There is no bias (see conv.ts).
 */
import type { Op, Value } from "../graph/graph.js";
import { type Shape, type Signature, shapeText, sizeOf } from "../graph/shape.js";
import { makes } from "./makes.js";
import { isReshape, readingOrder } from "./shape.js";
import { bytesOf, emptyTensor, expectInputs, refuse } from "./support.js";

export interface LinearInputGradAttributes {
  readonly inputShape: Shape;
}

function checkFeatures(op: string, path: string, input: Shape, weights: Shape): void {
  const features = sizeOf(input);
  if (weights[0] !== features) {
    refuse(
      op,
      path,
      `weights ${weights.join("x")} read ${weights[0]} features, but its input ${input.join("x") || "scalar"} has ` +
        `${features}; make the weights ${features}x${weights[1]}`,
    );
  }
}

function checkOutput(op: string, path: string, dy: Signature, outputs: number): void {
  if (dy.shape[0] !== outputs) refuse(op, path, `the output gradient is ${shapeText(dy)}, expected Nx${outputs}`);
}

export const linearOp: Op = {
  name: "linear",
  infer(inputs, _attributes, path) {
    expectInputs("linear", path, inputs, [
      { name: "input", batched: true },
      { name: "weights", rank: 2, batched: false },
    ]);
    const [x, w] = inputs as readonly [Signature, Signature];
    checkFeatures("linear", path, x.shape, w.shape);
    return { shape: [w.shape[1]!], batched: true, dtype: "f32" };
  },
  // y = x w: dx = dy w^T, dw = x^T dy.
  gradient({ graph, inputs, upstream, wanted }) {
    const [x, w] = inputs as readonly [Value, Value];
    return [
      wanted[0] ? graph.add(linearInputGradOp, { inputShape: x.shape }, [upstream, w]) : undefined,
      wanted[1] ? graph.add(linearWeightGradOp, {}, [x, upstream]) : undefined,
    ];
  },
  reference([x, w], _attributes, output, batch) {
    const y = emptyTensor(output, batch);
    const order = readingOrder(x!.shape.slice(1));
    const outputs = output.shape[0]!;
    for (let n = 0; n < batch; n++) {
      for (const [f, at] of order.entries()) {
        const value = x!.data[n * order.length + at]!;
        for (let o = 0; o < outputs; o++) y.data[n * outputs + o]! += value * w!.data[f * outputs + o]!;
      }
    }
    return y;
  },
  cost: (inputs, _attributes, output) => ({ multiplyAdds: sizeOf(inputs[1]!.shape), bytes: bytesOf(inputs, output) }),
  traits: { product: true },
};

/** dx = dy w^T in the shape of x; inputs dy and w. */
export const linearInputGradOp: Op<LinearInputGradAttributes> = {
  name: "linearInputGrad",
  infer(inputs, { inputShape }, path) {
    expectInputs("linearInputGrad", path, inputs, [
      { name: "output gradient", rank: 1, batched: true },
      { name: "weights", rank: 2, batched: false },
    ]);
    checkFeatures("linearInputGrad", path, inputShape, inputs[1]!.shape);
    checkOutput("linearInputGrad", path, inputs[0]!, inputs[1]!.shape[1]!);
    return { shape: inputShape, batched: true, dtype: "f32" };
  },
  reference([dy, w], { inputShape }, output, batch) {
    const dx = emptyTensor(output, batch);
    const order = readingOrder(inputShape);
    const outputs = dy!.shape[1]!;
    for (let n = 0; n < batch; n++) {
      for (const [f, at] of order.entries()) {
        let sum = 0;
        for (let o = 0; o < outputs; o++) sum += dy!.data[n * outputs + o]! * w!.data[f * outputs + o]!;
        dx.data[n * order.length + at] = sum;
      }
    }
    return dx;
  },
  cost: (inputs, _attributes, output) => ({ multiplyAdds: sizeOf(inputs[1]!.shape), bytes: bytesOf(inputs, output) }),
  traits: { product: true },
};

/** dw = x^T dy, summed over the batch; inputs x and dy. */
export const linearWeightGradOp: Op = {
  name: "linearWeightGrad",
  infer(inputs, _attributes, path) {
    expectInputs("linearWeightGrad", path, inputs, [
      { name: "input", batched: true },
      { name: "output gradient", rank: 1, batched: true },
    ]);
    return { shape: [sizeOf(inputs[0]!.shape), inputs[1]!.shape[0]!], batched: false, dtype: "f32" };
  },
  reference([x, dy], _attributes, output, batch) {
    const dw = emptyTensor(output, batch);
    const order = readingOrder(x!.shape.slice(1));
    const outputs = output.shape[1]!;
    for (let n = 0; n < batch; n++) {
      for (const [f, at] of order.entries()) {
        const value = x!.data[n * order.length + at]!;
        for (let o = 0; o < outputs; o++) dw.data[f * outputs + o]! += value * dy!.data[n * outputs + o]!;
      }
    }
    return dw;
  },
  cost: (inputs, _attributes, output) => ({ multiplyAdds: sizeOf(output.shape), bytes: bytesOf(inputs, output) }),
  traits: { product: true },
};

/** Reads through flatten and other reshapes: they keep the order in which `linear` reads anyway. */
export const linear = makes("linear", ["x", "w"], (x: Value, w: Value): Value => {
  let source = x;
  while (isReshape(source)) source = source.inputs[0]!;
  return x.graph.add(linearOp, {}, [source, w]);
});
