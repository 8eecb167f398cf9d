/** What each layer of a network gives, costs and sees, for one picture; and the multiply-adds of a training step. */
import { reachable } from "../graph/evaluate.js";
import type { Value } from "../graph/graph.js";
import { isValue, type StateAttributes, stateOp } from "../graph/graph.js";
import { type Shape, sizeOf } from "../graph/shape.js";
import {
  Activation,
  type AnyInputs,
  type AnyModule,
  type InputsOf,
  type Module,
  modulesOf,
  Parameter,
  trace,
} from "../nn/index.js";
import { valuesOf } from "../nn/values.js";
import { add, differentiate, mean } from "../ops/index.js";
import { type ReceptiveField, receptiveFields } from "./receptive-field.js";

/** A layer of a network: what it returns, costs and sees, for one picture. */
export interface LayerSummary {
  /** Its property path: `features.0`; empty for what the network does outside its layers. */
  readonly path: string;
  /** `Conv2d`, or the op of a layer that is one: `relu`. */
  readonly kind: string;
  /** Shape of its output for one picture, without the batch. */
  readonly output: Shape;
  /** Numbers in its parameters. Those of a layer that is used several times count once. */
  readonly parameters: number;
  /** Multiply-adds of all its uses, for one picture. */
  readonly multiplyAdds: number;
  /** Bytes of its output for one picture, each number in 4. */
  readonly activationBytes: number;
  /** The pixels that one number of its output depends on; absent where it depends on no picture. */
  readonly receptiveField?: ReceptiveField;
}

/**
 * The layers of a network, in the order in which they compute, with what each returns, costs and sees for one picture.
 * @throws ShapeError if a layer does not fit its input
 */
export function layersOf(module: AnyModule, input: AnyInputs): LayerSummary[] {
  const { graph, input: given, output } = traced(module, input);
  const modules = new Map([...modulesOf(module)].map(([part, path]) => [path, part]));
  const live = new Set(reachable(outputsOf(output)));
  const values = graph.values.filter((value) => value.op.name !== "input" && value.op.name !== "constant");
  const isState = (value: Value) => value.op.name === stateOp.name;
  const computed = values.filter((value) => !isState(value));
  const fields = fieldsOf(given, graph.values);
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

/**
 * What a layer gave when it was first used: later values of its path are other uses, or ops that another layer moved.
 */
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

/**
 * Multiply-adds of a training step for one picture, forward and backward: about three times those of the forward pass.
 */
export function trainingMultiplyAdds(module: AnyModule, input: AnyInputs): number {
  const { output, parameters } = traced(module, input, true);
  const outputs = outputsOf(output);
  // Which loss it is makes no difference to the layers.
  const losses = outputs
    .filter(({ dtype }) => dtype === "f32")
    .map((one) => mean(one, { axes: one.shape.map((_, axis) => axis), batch: one.batched }));
  const weights = [...parameters.values()].map(({ value }) => value);
  const gradients = losses.length === 0 ? [] : differentiate(losses.reduce(add), weights);
  return multiplyAddsOf(reachable([...outputs, ...gradients]));
}

const traced = (module: AnyModule, input: AnyInputs, training = false) =>
  trace(module as Module<unknown[], unknown>, { input: input as InputsOf<unknown[]>, training });

const outputsOf = (output: unknown): readonly Value[] => valuesOf(output).map(([, value]) => value);

/** Of a network of several inputs none: which of them a number sees pixels of, is not one field. */
const fieldsOf = (input: unknown, values: readonly Value[]): ReadonlyMap<Value, ReceptiveField> =>
  isValue(input) ? receptiveFields(input, values) : new Map();

/** The pixels that one number of each layer's output depends on, by path. */
export function receptiveFieldsOf(module: AnyModule, input: AnyInputs): Map<string, ReceptiveField> {
  const { graph, input: given, layers } = traced(module, input);
  const fields = fieldsOf(given, graph.values);
  return new Map(
    [...layers].flatMap(([path, value]) => {
      const field = fields.get(value);
      return field === undefined ? [] : [[path, field] as const];
    }),
  );
}
