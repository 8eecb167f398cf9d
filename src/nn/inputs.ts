/**
 * The inputs of a network, as `trace` is told them: the shape of one sample of each, in the structure in which
 * `forward` takes them.
 */
import { type Check, expecting, isRecord, listOf, mismatch, unknownOption, whole } from "../base/options.js";
import type { Graph, Value } from "../graph/graph.js";
import type { DType, Shape } from "../graph/shape.js";
import { isStructure, joined } from "./values.js";

/** The form of one input of a network, for `trace`: its shape, the type of its numbers, and whether it has a batch. */
export interface InputSpec {
  /** Shape of one sample: [height, width, channels] for images, [] for one number. */
  readonly shape: Shape;
  /**
   * The type of its numbers: 32-bit floating point, or 32-bit integers (`"i32"`).
   * @default "f32"
   */
  readonly dtype?: DType;
  /**
   * Whether each sample of a batch has its own. With `false` all samples share one.
   * @default true
   */
  readonly batched?: boolean;
}

const picture = listOf(whole(1), "[height, width, channels]");
const several = expecting(
  "[height, width, channels], or the shapes of several inputs by name or in a list",
  isStructure,
);

/** An option that says what a network takes. */
export const inputShapes: Check = (value, name) =>
  (Array.isArray(value) && !value.every(isStructure) ? picture : several)(value, name);

/** Inputs whose structure is known only when it runs. */
export type AnyInputs = Shape | InputSpec | readonly AnyInputs[] | { readonly [name: string]: AnyInputs };

type SpecOf<T> = T extends Value
  ? Shape | InputSpec
  : T extends undefined
    ? never
    : { readonly [K in keyof T]: SpecOf<T[K]> };

type OnlyFirst<Inputs extends readonly unknown[]> = Inputs extends readonly [infer First, ...infer Rest]
  ? [] extends Rest
    ? SpecOf<First>
    : never
  : never;

/** For each argument of a forward its shape, and in place of a list of one, the shape itself. */
export type InputsOf<Inputs extends readonly unknown[]> =
  | OnlyFirst<Inputs>
  | { readonly [K in keyof Inputs]: SpecOf<Inputs[K]> };

export const isShape = (given: unknown): given is Shape =>
  Array.isArray(given) && given.every((extent) => typeof extent === "number");
const isSpec = (given: unknown): given is InputSpec => isRecord(given) && Array.isArray(given["shape"]);
const KNOWN: readonly (keyof InputSpec)[] = ["shape", "dtype", "batched"];

/**
 * The arguments of a forward as inputs of a graph. They are named by the names of the structure, `image` or `pair.0`;
 * those in a list of arguments `input.0`, `input.1`, and one alone `input`.
 */
export function drawInputs(graph: Graph, given: unknown): readonly unknown[] {
  if (isShape(given) || !Array.isArray(given)) return [drawn(graph, given, "")];
  return given.map((one, i) => drawn(graph, one, `input.${i}`));
}

function drawn(graph: Graph, given: unknown, path: string): unknown {
  const name = path || "input";
  if (isShape(given)) return graph.input(name, { shape: given });
  if (isSpec(given)) {
    const stray = Object.keys(given).find((key) => !(KNOWN as readonly string[]).includes(key));
    if (stray !== undefined) throw unknownOption(`option of input "${name}"`, stray, KNOWN);
    return graph.input(name, given);
  }
  if (Array.isArray(given)) return given.map((one, i) => drawn(graph, one, joined(name, String(i))));
  if (isStructure(given) && Object.keys(given).length > 0)
    return Object.fromEntries(Object.entries(given).map(([key, one]) => [key, drawn(graph, one, joined(path, key))]));
  throw mismatch(
    path === "" ? "trace: input" : `trace: input "${path}"`,
    given,
    'the extents of one sample, such as [28, 28, 1], { shape: [28, 28, 1], dtype: "f32" }, or several of them by name or in a list',
  );
}

/** `28x28x1`, of several inputs `image 28x28x1, angle 1`. */
export function inputsText(given: AnyInputs, times = "x"): string {
  const text = (shape: Shape) => shape.join(times) || "one number";
  const named = (one: AnyInputs, path: string): string[] => {
    if (isShape(one) || isSpec(one)) return [`${path} ${text(isShape(one) ? one : one.shape)}`.trimStart()];
    return Object.entries(one).flatMap(([name, inner]) => named(inner, joined(path, name)));
  };
  return named(given, Array.isArray(given) && !isShape(given) ? "input" : "").join(", ");
}
