/** Refuses values of types that no kernel takes, before anything is planned for them. */
import type { DType } from "../base/element-type.js";
import { ShapeError } from "../base/errors.js";
import type { Entry, StateAttributes, Value } from "../graph/graph.js";
import { type Signature, shapeText } from "../graph/shape.js";
import { isLeaf, type Live } from "./live.js";

/** What kernels read and write. Values may be of any type; a program can hold those of these. */
const TAKEN: readonly DType[] = ["f32", "i32"];

const isTaken = ({ dtype }: Signature): boolean => TAKEN.includes(dtype);

/** @throws ShapeError naming the op, its layer, and the value whose type is in the way. */
export function checkTypes(entry: Entry, live: Live): void {
  for (const node of live.nodes) {
    if (isLeaf(node)) continue;
    const foreign = [...node.inputs, node].find((value) => !isTaken(value));
    if (foreign === undefined) continue;
    const what = foreign === node ? "its result" : described(foreign);
    refuse(`${node.op.name}(${node.path})`, `${what} is ${typed(foreign)}`, foreign.dtype);
  }
  // A leaf that is handed on as it is has to be copied.
  for (const [name, value] of Object.entries(entry.outputs))
    if (!isTaken(value)) refuse(`output "${name}"`, `${described(value)} is ${typed(value)}`, value.dtype);
  for (const { state, value } of entry.assigns)
    if (!isTaken(state) || !isTaken(value))
      refuse(
        `assign to state "${state.attributes.name}"`,
        `it is ${typed(state)} and ${described(value)} ${typed(value)}`,
        isTaken(state) ? value.dtype : state.dtype,
      );
}

function refuse(where: string, what: string, type: DType): never {
  throw new ShapeError(
    `${where}: ${what}, and there is no kernel for ${type} yet; kernels compute with ${TAKEN.join(" and ")}, so give the value as one of these`,
  );
}

const typed = (value: Signature): string => `${value.dtype} ${shapeText(value)}`;

function described(value: Value): string {
  if (!isLeaf(value)) return `the result of ${value.op.name}(${value.path})`;
  const { name } = value.attributes as Partial<StateAttributes>;
  return name === undefined ? value.op.name : `${value.op.name} "${name}"`;
}
