/** What a device compiles, held to its form before anything is planned: entries and wishes are drawn by users. */
import { OptionError, ShapeError } from "../base/errors.js";
import { checkOptions, expecting, type Fields, isRecord, listOf, mismatch, needed, whole } from "../base/options.js";
import { type Entry, isValue, noValue, type StateAttributes, stateOp, type Value } from "../graph/graph.js";
import { type Signature, sameShape, shapeText } from "../graph/shape.js";
import type { CompileWish, TrainingWish } from "./device.js";

const aName = expecting("a name", (name) => typeof name === "string" && name !== "");
const anAssign = expecting("an object with state and value", (assign) => isRecord(assign) && "state" in assign);

const ENTRY: Fields<Entry> = {
  name: needed(aName),
  outputs: needed(expecting("an object of values by name", (outputs) => isRecord(outputs) && !isValue(outputs))),
  assigns: needed(listOf(anAssign, "a list of state changes, { state, value }; [] where no state is to change")),
};
const WISH: Fields<CompileWish> = { maxBatch: whole(1), slots: whole(1) };

/**
 * @throws OptionError where it is no entry.
 * @throws ShapeError where its values are none or of several graphs, and where a state takes a value of another shape
 * or two values.
 */
export function checkEntry(entry: Entry): void {
  if (!isRecord(entry)) throw mismatch("compile: the entry", entry, "an object with name, outputs and assigns");
  checkOptions("an entry", entry, ENTRY, "entry: ");
  const where = `entry "${entry.name}"`;
  const values: (readonly [what: string, value: Value])[] = [];
  const take = (what: string, given: unknown) => {
    if (!isValue(given)) throw new ShapeError(`${where}: ${noValue(what, given)}`);
    values.push([what, given]);
  };
  for (const [name, value] of Object.entries(entry.outputs)) take(`output "${name}"`, value);
  for (const [i, { state, value }] of entry.assigns.entries()) {
    take(`assigns[${i}].state`, state);
    take(`assigns[${i}].value`, value);
    checkAssign(`${where}: assigns[${i}]`, state, value);
  }
  if (values.length === 0)
    throw new OptionError(`${where}: it has no outputs and changes no state; give one of them, such as outputs: { y }`);
  const stranger = values.find(([, { graph }]) => graph !== values[0]![1].graph);
  if (stranger !== undefined)
    throw new ShapeError(
      `${where}: ${stranger[0]} is of another graph than ${values[0]![0]}; draw all of an entry's values in one graph`,
    );
  const names = entry.assigns.map(({ state }) => state.attributes.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ShapeError(`${where}: state "${twice}" is to take two values; leave one of the assigns out`);
}

function checkAssign(where: string, state: Value<StateAttributes>, value: Value): void {
  if ((state.op as unknown) !== stateOp)
    throw new ShapeError(
      `${where}.state is a value (of ${state.op.name}), expected a state; graph.state(name, kind, shape) makes one`,
    );
  if (!value.batched && value.dtype === state.dtype && sameShape(value.shape, state.shape)) return;
  const cure = value.batched ? "; take the sum or the mean over the batch first" : "";
  throw new ShapeError(
    `${where}: state "${state.attributes.name}" takes ${typed(state)}, but the value is ${typed(value)}${cure}`,
  );
}

const typed = (signature: Signature) => `${signature.dtype} ${shapeText(signature)}`;

/** @throws as `checkEntry` */
export function checkTraining({ step, apply, evaluation }: TrainingWish): void {
  for (const entry of [step, evaluation, ...(apply === undefined ? [] : [apply])]) checkEntry(entry);
}

/** @throws OptionError */
export const checkWish = (wish: CompileWish): void => checkOptions("compile", wish, WISH, "compile: ");
