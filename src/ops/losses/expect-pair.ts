/** What losses ask of a prediction and its target. */
import type { Value } from "../../graph/graph.js";
import { sameShape, shapeText } from "../../graph/shape.js";
import { refuse } from "../support.js";

/** Refuses a target that is not of the prediction's shape: broadcasting would hide a mistake. */
export function expectPair(loss: string, prediction: Value, target: Value, names = ["prediction", "target"]): void {
  if (sameShape(prediction.shape, target.shape) && prediction.batched === target.batched) return;
  const [p, t] = names as [string, string];
  refuse(
    loss,
    prediction.graph.path,
    `the ${t} is ${shapeText(target)}, expected ${shapeText(prediction)}, as the ${p}`,
  );
}

/** Refuses a number that is not above 0. */
export function expectAbove0(loss: string, { graph }: Value, name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    refuse(loss, graph.path, `${name} is ${value}, expected a number above 0`);
}
