/** Elementwise nonlinearities. Each one's gradient is written in its own output y, so that x need not be kept. */
import { SCALED_TANH } from "../base/scaled-tanh.js";
import type { Op, Traits, Value } from "../graph/graph.js";
import { sameShape, shapeText } from "../graph/shape.js";
import { makes } from "./makes.js";
import { costPerElement, expectInputs, FUSIBLE, mapTensor, refuse, TRANSCENDENTAL } from "./support.js";

function activation(
  name: string,
  f: (x: number) => number,
  gradientOp: Op,
  multiplyAdds: number,
  traits: Traits = { elementwise: true },
): Op {
  return {
    name,
    infer(inputs, _attributes, path) {
      expectInputs(name, path, inputs, [{ name: "input" }]);
      const { shape, batched } = inputs[0]!;
      return { shape, batched, dtype: "f32" };
    },
    gradient: ({ graph, node, upstream }) => [graph.add(gradientOp, {}, [node, upstream])],
    reference: ([x]) => mapTensor(x!, f),
    cost: costPerElement(multiplyAdds),
    traits,
  };
}

/** Inputs y and dy; the result is dx. */
function activationGradient(
  name: string,
  f: (y: number, dy: number) => number,
  traits: Traits = { elementwise: true },
): Op {
  return {
    name,
    infer(inputs, _attributes, path) {
      expectInputs(name, path, inputs, [{ name: "output" }, { name: "output gradient" }]);
      const [y, dy] = inputs;
      if (!sameShape(y!.shape, dy!.shape) || y!.batched !== dy!.batched) {
        refuse(name, path, `the output gradient is ${shapeText(dy!)}, expected the output's ${shapeText(y!)}`);
      }
      return { shape: y!.shape, batched: y!.batched, dtype: "f32" };
    },
    reference: ([y, dy]) => mapTensor(y!, (value, i) => f(value, dy!.data[i]!)),
    cost: costPerElement(2),
    traits,
  };
}

/** y = x where x > 0, else 0, so y > 0 exactly where x > 0; the gradient at 0 is taken as 0. */
export const reluGradOp = activationGradient("reluGrad", (y, dy) => (y > 0 ? dy : 0), FUSIBLE);
/** d tanh(x)/dx = 1 - tanh(x)^2. */
export const tanhGradOp = activationGradient("tanhGrad", (y, dy) => dy * (1 - y * y));
/** d A tanh(S x)/dx = A S (1 - (y/A)^2) = S (A - y^2 / A). */
export const scaledTanhGradOp = activationGradient(
  "scaledTanhGrad",
  (y, dy) => dy * SCALED_TANH.slope * (SCALED_TANH.amplitude - (y * y) / SCALED_TANH.amplitude),
);
/** d s(x)/dx = s(x) (1 - s(x)). */
export const sigmoidGradOp = activationGradient("sigmoidGrad", (y, dy) => dy * y * (1 - y));

/** max(x, 0); NaN stays NaN. */
export const reluOp = activation("relu", (x) => (x > 0 || Number.isNaN(x) ? x : 0), reluGradOp, 1, FUSIBLE);
export const tanhOp = activation("tanh", Math.tanh, tanhGradOp, TRANSCENDENTAL);
/** A tanh(S x). */
export const scaledTanhOp = activation(
  "scaledTanh",
  (x) => SCALED_TANH.amplitude * Math.tanh(SCALED_TANH.slope * x),
  scaledTanhGradOp,
  TRANSCENDENTAL,
);
/** 1 / (1 + e^-x). */
export const sigmoidOp = activation("sigmoid", (x) => 1 / (1 + Math.exp(-x)), sigmoidGradOp, TRANSCENDENTAL);

export const relu = makes("relu", ["x"], (x: Value): Value => x.graph.add(reluOp, {}, [x]));
export const tanh = makes("tanh", ["x"], (x: Value): Value => x.graph.add(tanhOp, {}, [x]));
export const scaledTanh = makes("scaledTanh", ["x"], (x: Value): Value => x.graph.add(scaledTanhOp, {}, [x]));
export const sigmoid = makes("sigmoid", ["x"], (x: Value): Value => x.graph.add(sigmoidOp, {}, [x]));
