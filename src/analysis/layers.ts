/** What each layer of a network gives, costs and sees, for one picture; and the multiply-adds of a training step. */
import { reachable } from "../graph/evaluate.js";
import type { Value } from "../graph/graph.js";
import { type StateAttributes, stateOp } from "../graph/graph.js";
import { type Shape, sizeOf } from "../graph/shape.js";
import { Activation, type Module, modulesOf, Parameter, type Traced, trace } from "../nn/index.js";
import { differentiate, mean } from "../ops/index.js";
import { type ReceptiveField, receptiveFields } from "./receptive-field.js";

export interface LayerSummary {
  /** Its property path: `features.0`; empty for what the network does outside its layers. */
  readonly path: string;
  /** `Conv2d`, or the op of a layer that is one: `relu`. */
  readonly kind: string;
  /** Of one picture. */
  readonly output: Shape;
  /** Of a layer that is used several times, once. */
  readonly parameters: number;
  /** Of all its uses. */
  readonly multiplyAdds: number;
  /** Bytes of its output for one picture, each number in 4. */
  readonly activationBytes: number;
  /** What a number of its output sees of the picture; none where it depends on no picture. */
  readonly receptiveField?: ReceptiveField;
}

/** @throws ShapeError where a layer does not fit its input. */
export function layersOf(module: Module, input: Shape): LayerSummary[] {
  const traced = trace(module, { input, training: false });
  const { graph, output } = traced;
  const modules = new Map([...modulesOf(module)].map(([part, path]) => [path, part]));
  const live = new Set(reachable([output]));
  const values = graph.values.filter((value) => value.op.name !== "input" && value.op.name !== "constant");
  const isState = (value: Value) => value.op.name === stateOp.name;
  const computed = values.filter((value) => !isState(value));
  const fields = receptiveFields(traced.input, graph.values);
  // In the order in which the layers compute; parameters come before all of it.
  const paths = new Set([...computed, ...values].map((value) => value.path));
  return [...paths].map((path) => {
    const part = modules.get(path);
    const own = computed.filter((value) => value.path === path);
    const isLeaf = part?.children().every(([, child]) => child instanceof Parameter) ?? false;
    const last = isLeaf ? firstUse(computed, path) : own.at(-1);
    const field = last === undefined ? undefined : fields.get(last);
    return {
      path,
      kind: part === undefined || part instanceof Activation ? (last?.op.name ?? "") : part.constructor.name,
      output: last?.shape ?? [],
      parameters: values
        .filter((v) => v.path === path && isState(v) && (v.attributes as StateAttributes).kind === "parameter")
        .reduce((sum, value) => sum + sizeOf(value.shape), 0),
      multiplyAdds: multiplyAddsOf(own.filter((v) => live.has(v))),
      activationBytes: last === undefined ? 0 : 4 * sizeOf(last.shape),
      ...(field === undefined ? {} : { receptiveField: field }),
    };
  });
}

/** What a layer gave when it was first used: later values of its path are other uses, or ops that another layer moved. */
function firstUse(computed: readonly Value[], path: string): Value | undefined {
  const from = computed.findIndex((value) => value.path === path);
  const behind = computed.findIndex((value, i) => i > from && value.path !== path);
  return computed[(behind < 0 ? computed.length : behind) - 1];
}

/** As the field's tables count: a bias, an activation or a pool is not a multiply-add. */
const multiplyAddsOf = (values: readonly Value[]): number =>
  values
    .filter(({ op }) => op.traits?.product === true)
    .reduce((sum, value) => sum + value.op.cost(value.inputs, value.attributes, value).multiplyAdds, 0);

/** Of one picture forward and backward: about three times those of the forward pass. */
export function trainingMultiplyAdds(module: Module, input: Shape): number {
  const traced: Traced = trace(module, { input, training: true });
  const { output, parameters } = traced;
  // Which loss it is makes no difference to the layers.
  const loss = mean(output, { axes: output.shape.map((_, axis) => axis), batch: true });
  const weights = [...parameters.values()].map(({ value }) => value);
  return multiplyAddsOf(reachable([output, ...differentiate(loss, weights)]));
}

/** Of each layer what its output sees, by path. */
export function receptiveFieldsOf(module: Module, input: Shape): Map<string, ReceptiveField> {
  const traced = trace(module, { input, training: false });
  const fields = receptiveFields(traced.input, traced.graph.values);
  return new Map(
    [...traced.layers].flatMap(([path, value]) => {
      const field = fields.get(value);
      return field === undefined ? [] : [[path, field] as const];
    }),
  );
}
