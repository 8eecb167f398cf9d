/**
 * What each label counts: the weight of its class, 0 for the label that is ignored, and NaN for one that is no class,
 * so that labels outside the list are noticed and never passed over.
 */
import type { ClassWeightAttributes } from "../graph/attributes.js";
import type { Op, Value } from "../graph/graph.js";
import { makes } from "./makes.js";
import { costPerElement, emptyTensor, expectInputs, refuse } from "./support.js";

export type { ClassWeightAttributes } from "../graph/attributes.js";

export const classWeightOp: Op<ClassWeightAttributes> = {
  name: "classWeight",
  infer(inputs, { weights, ignore }, path) {
    expectInputs("classWeight", path, inputs, [{ name: "labels", dtype: "i32" }]);
    if (weights.length === 0 || !weights.every((w) => Number.isFinite(w) && w >= 0)) {
      refuse(
        "classWeight",
        path,
        `weights are [${weights.join(", ")}], expected a finite number from 0 for each class`,
      );
    }
    if (!Number.isInteger(ignore)) refuse("classWeight", path, `ignore is ${ignore}, expected a whole number`);
    const { shape, batched } = inputs[0]!;
    return { shape, batched, dtype: "f32" };
  },
  // Labels are indices and have no gradient.
  gradient: () => [undefined],
  reference([labels], { weights, ignore }, output, batch) {
    const y = emptyTensor(output, batch);
    labels!.data.forEach((label, i) => {
      y.data[i] = label === ignore ? 0 : (weights[label] ?? Number.NaN);
    });
    return y;
  },
  cost: (inputs, attributes, output) => costPerElement(attributes.weights.length)(inputs, attributes, output),
};

/**
 * The weight of each label's class: labels i32 [...] to f32 of the same shape; 0 for the label `ignore`.
 * @throws ShapeError if the weights are not numbers from 0
 */
export const classWeight = makes(
  "classWeight",
  ["labels"],
  (labels: Value, weights: readonly number[], ignore: number): Value =>
    labels.graph.add(classWeightOp, { weights, ignore }, [labels]),
);
