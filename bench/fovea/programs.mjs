/** A workload as a fovea program: the very entries that training and inference use, and single layers. */
import { compileEntry } from "#fovea/compiler/compile.js";
import { Graph } from "#fovea/graph/graph.js";
import { create } from "#fovea/models/index.js";
import { conv2dInputGradOp, conv2dOp, conv2dWeightGradOp } from "#fovea/ops/conv.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { outputSize, paddingOf } from "../workloads.mjs";

export const MOMENTUM = 0.9;
/** The learning rate of the steps that are timed: weights then stay as they are. */
export const TIMED_RATE = 1e-9;

/** The entry, and the graph for whoever wants to know what its steps cost. */
export function entryOf(workload) {
  if (workload.convolution !== undefined) return layerEntry(workload);
  const model = create(workload.network, workload.options);
  if (workload.what === "train") {
    const { step, traced } = trainingEntries(model.module, model.input, sgd({ lr: TIMED_RATE, momentum: MOMENTUM }));
    return { entry: step, graph: traced.graph };
  }
  const { entry, traced } = predictionEntry(model.module, model.input);
  return { entry, graph: traced.graph };
}

export function compileWorkload(workload, target, winograd = true) {
  const { entry, graph } = entryOf(workload);
  return { program: compileEntry(entry, { target, winograd, maxBatch: workload.batch }), graph };
}

/** Weights are states, as in inference: they are brought into the order that a kernel reads before the first run. */
function layerEntry({ direction, convolution }) {
  const { size, in: input, out, kernel, stride, groups } = convolution;
  const side = outputSize(convolution);
  const graph = new Graph();
  return graph.scope(direction, () => {
    const padding = paddingOf(convolution);
    const attributes = {
      kernel: [kernel, kernel],
      stride: [stride, stride],
      padding: [padding, padding, padding, padding],
      dilation: [1, 1],
      groups,
    };
    const x = () => graph.input("input", { shape: [size, size, input] });
    const dy = () => graph.input("outputGradient", { shape: [side, side, out] });
    const w = () => graph.state("weight", "parameter", [kernel, kernel, input / groups, out]);
    const result =
      direction === "forward"
        ? graph.add(conv2dOp, attributes, [x(), w()])
        : direction === "inputGradient"
          ? graph.add(conv2dInputGradOp, { ...attributes, inputShape: [size, size, input] }, [dy(), w()])
          : graph.add(conv2dWeightGradOp, attributes, [x(), dy()]);
    return { entry: { name: direction, outputs: { result }, assigns: [] }, graph };
  });
}
