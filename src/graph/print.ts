/**
 * A graph as text, one value a line:
 *
 *     %3 = conv2d(%0, %1) kernel=5x5 stride=1x1 padding=2x2x2x2 dilation=1x1 groups=1 : Nx28x28x6   # conv1
 *
 * The name of the value, its op and inputs, its attributes, its shape (N is the batch), and the layer that made it.
 */
import { reachable } from "./evaluate.js";
import type { Value } from "./graph.js";
import {
  type ConstantAttributes,
  constantOp,
  type Graph,
  type InputAttributes,
  inputOp,
  type StateAttributes,
  stateOp,
  tableOp,
} from "./graph.js";
import { shapeText } from "./shape.js";

/** All of a graph, or only what `values` depend on. */
export function printGraph(what: Graph | readonly Value[]): string {
  const values =
    "values" in what && !Array.isArray(what) ? (what as Graph).values : reachable(what as readonly Value[]);
  return values.map(line).join("\n");
}

function line(value: Value): string {
  const { call, attributes, type } = valueParts(value);
  const given = Object.entries(attributes).map(([key, text]) => ` ${key}=${text}`);
  const path = value.path === "" ? "" : `   # ${value.path}`;
  return `%${value.id} = ${call}${given.join("")} : ${type}${value.dtype === "f32" ? "" : ` ${value.dtype}`}${path}`;
}

/** What a value's line is made of. */
export interface ValueParts {
  /** Its op and what it reads, `conv2d(%0, %1)`; of a leaf, its kind and its name. */
  readonly call: string;
  /** Texts of the op's attributes; none of a leaf. */
  readonly attributes: Readonly<Record<string, string>>;
  /** `Nx28x28x6`: N is the batch. */
  readonly type: string;
}

export function valueParts(value: Value): ValueParts {
  const type = shapeText(value);
  const leaf = leafText(value);
  if (leaf !== undefined) return { call: leaf, attributes: {}, type };
  const attributes = Object.entries(value.attributes).map(([key, v]) => [key, attributeText(v)] as const);
  const call = `${value.op.name}(${value.inputs.map((v) => `%${v.id}`).join(", ")})`;
  return { call, attributes: Object.fromEntries(attributes), type };
}

function leafText({ op, attributes }: Value): string | undefined {
  if (op.name === inputOp.name) return `input "${(attributes as InputAttributes).name}"`;
  if (op.name === stateOp.name) {
    const { kind, name } = attributes as StateAttributes;
    return `${kind} "${name}"`;
  }
  if (op.name === constantOp.name) return `constant ${(attributes as ConstantAttributes).value}`;
  return op.name === tableOp.name ? "table" : undefined;
}

/** Longer lists are shown by their beginning. */
const MOST_LISTED = 12;

function attributeText(value: unknown): string {
  if (!Array.isArray(value)) return typeof value === "object" ? JSON.stringify(value) : String(value);
  if (value.length === 0) return "none";
  const texts = value.slice(0, MOST_LISTED).map(attributeText);
  return texts.join("x") + (value.length > MOST_LISTED ? `x... (${value.length})` : "");
}
