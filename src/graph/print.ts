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
  const type = `${shapeText(value)}${value.dtype === "f32" ? "" : ` ${value.dtype}`}`;
  const path = value.path === "" ? "" : `   # ${value.path}`;
  return `%${value.id} = ${head(value)} : ${type}${path}`;
}

function head(value: Value): string {
  if (value.op.name === inputOp.name) return `input "${(value.attributes as InputAttributes).name}"`;
  if (value.op.name === stateOp.name) {
    const { kind, name } = value.attributes as StateAttributes;
    return `${kind} "${name}"`;
  }
  if (value.op.name === constantOp.name) return `constant ${(value.attributes as ConstantAttributes).value}`;
  if (value.op.name === tableOp.name) return "table";
  const attributes = Object.entries(value.attributes).map(([key, v]) => ` ${key}=${attributeText(v)}`);
  return `${value.op.name}(${value.inputs.map((v) => `%${v.id}`).join(", ")})${attributes.join("")}`;
}

function attributeText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(attributeText).join("x");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
