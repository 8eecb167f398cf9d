/**
 * Reverse-mode differentiation: adds to the graph the nodes that compute d(loss)/d(value).
 *
 * The chain rule is applied to the nodes between `wrt` and `loss` in falling order of id, which is a reverse
 * topological order because every input has a smaller id than its node. A value read by several nodes receives the sum
 * of what they send back. The graph knows no op, so the addition is handed in; `ops/` exports the bound form.
 */
import { ShapeError } from "../base/errors.js";
import type { Value } from "./graph.js";
import { sameShape, shapeText } from "./shape.js";

/**
 * d(loss)/d(w) for each `w` of `wrt`, each with the signature of its `w`. Gradient nodes carry the path of the node
 * they belong to. A `w` that the loss does not depend on gets a constant zero.
 *
 * @throws ShapeError where the loss is not one number for the whole batch, or an op on the way has no gradient.
 */
export function differentiate(
  loss: Value,
  wrt: readonly Value[],
  add: (a: Value, b: Value) => Value,
): readonly Value[] {
  const { graph } = loss;
  if (loss.batched || loss.shape.length > 0) {
    throw new ShapeError(
      `differentiate(${loss.path}): the loss is ${shapeText(loss)}, expected one number for the whole batch; ` +
        "take the mean or sum over the batch and all axes first",
    );
  }
  const path = nodesBetween(wrt, loss);
  const upstreams = new Map<number, Value>();
  upstreams.set(loss.id, graph.constant(1));
  for (const node of [...path.values()].sort((a, b) => b.id - a.id)) {
    const upstream = upstreams.get(node.id);
    const wanted = node.inputs.map((input) => path.has(input.id));
    if (upstream === undefined || !wanted.includes(true)) continue;
    graph.scope(node.path, () => {
      if (node.op.gradient === undefined) {
        throw new ShapeError(
          `${node.op.name}(${node.path}): has no gradient; keep it out of the loss, or out of what is trained`,
        );
      }
      const { inputs, attributes } = node;
      const gradients = node.op.gradient({ graph, node, inputs, attributes, upstream, wanted });
      for (const [i, input] of inputs.entries()) {
        const gradient = gradients[i];
        if (!wanted[i] || gradient === undefined) continue;
        if (gradient.batched !== input.batched || !sameShape(gradient.shape, input.shape)) {
          throw new ShapeError(
            `${node.op.name}(${node.path}): its gradient for input ${i} is ${shapeText(gradient)}, ` +
              `expected ${shapeText(input)}; the op's gradient rule is wrong`,
          );
        }
        const before = upstreams.get(input.id);
        upstreams.set(input.id, before === undefined ? gradient : add(before, gradient));
      }
    });
  }
  return wrt.map((w) => upstreams.get(w.id) ?? graph.constant(0, { shape: w.shape, batched: w.batched }));
}

/** The nodes that depend on one of `sources` and that `target` depends on, both ends included. */
function nodesBetween(sources: readonly Value[], target: Value): Map<number, Value> {
  const { values } = target.graph;
  const needed = new Set<number>([target.id]);
  for (let id = target.id; id >= 0; id--) {
    if (needed.has(id)) for (const input of values[id]!.inputs) needed.add(input.id);
  }
  const between = new Map<number, Value>();
  const starts = new Set(sources.map((v) => v.id));
  for (let id = 0; id <= target.id; id++) {
    const value = values[id]!;
    const depends = starts.has(id) || value.inputs.some((input) => between.has(input.id));
    if (needed.has(id) && depends) between.set(id, value);
  }
  return between;
}
