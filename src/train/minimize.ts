/** One update of an optimiser, drawn into the graph of a loss: what a training step of one's own assigns. */
import { OptionError, ShapeError } from "../base/errors.js";
import { mismatch } from "../base/options.js";
import { type Assign, isValue, noValue, type StateAttributes, stateOp, type Value } from "../graph/graph.js";
import { differentiate } from "../ops/index.js";
import { isOptimizer, type Optimizer } from "./optimizer.js";

/**
 * The state changes by which an optimiser lowers a loss. Draws the gradient of the loss for each parameter and the optimiser's update, which is
 * the same as in `train`. What the update takes anew in each run become inputs of one number: `learningRate`, and those that
 * `optimizer.scalars(step)` names, for step 1, 2, ...
 *
 * @example
 * const optimizer = adam({ lr: 0.001 });
 * const { graph, output, updates } = trace(network, { input: [28, 28, 1], training: true });
 * const labels = graph.input("labels", { shape: [], dtype: "i32" });
 * const loss = ops.mean(ops.crossEntropy(output, labels), { batch: true });
 * const assigns = [...minimize(loss, optimizer), ...updates];
 * const step = await device.compile({ name: "step", outputs: { loss }, assigns });
 * await step.run({ input, labels: numbers, learningRate: optimizer.lr, ...optimizer.scalars(1) });
 *
 * @param loss one number for the whole batch, f32
 * @param parameters states of the loss's graph; all of its kind "parameter" unless given
 * @throws ShapeError where the loss has a batch or extents, where a parameter is no state of its graph, and where an op on the way has no gradient
 */
export function minimize(
  loss: Value,
  optimizer: Optimizer,
  parameters?: Iterable<Value<StateAttributes>>,
): readonly Assign[] {
  if (!isValue(loss)) throw new ShapeError(`minimize: ${noValue("loss", loss)}`);
  if (!isOptimizer(optimizer))
    throw mismatch("minimize: the optimizer", optimizer, "what sgd, adam or adamw gives, such as sgd({ lr: 0.1 })");
  const { graph } = loss;
  const chosen = parameters === undefined ? graph.states.filter(isParameter) : [...parameters];
  for (const [i, parameter] of chosen.entries()) {
    if (!isValue(parameter)) throw new ShapeError(`minimize: ${noValue(`parameters[${i}]`, parameter)}`);
    if ((parameter.op as unknown) !== stateOp || (parameter as Value).graph !== graph)
      throw new ShapeError(
        `minimize: parameters[${i}] is a value (of ${(parameter as Value).op.name}), expected a state of the loss's graph`,
      );
  }
  if (chosen.length === 0)
    throw new OptionError(
      'minimize: there are no parameters; graph.state(name, "parameter", shape) makes one, as the layers of a traced network do',
    );
  const scalar = (name: string): Value => {
    const known = graph.inputs.find(({ attributes }) => attributes.name === name);
    return known ?? graph.input(name, { shape: [], batched: false });
  };
  const gradients = differentiate(loss, chosen);
  return chosen.flatMap((parameter, i) => {
    const { name } = parameter.attributes;
    const context = { graph, name, parameter, gradient: gradients[i]!, scalar };
    return graph.scope(parameter.path, () => optimizer.update(context));
  });
}

const isParameter = ({ attributes }: Value<StateAttributes>) => attributes.kind === "parameter";
