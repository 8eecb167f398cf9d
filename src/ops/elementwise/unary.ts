/** What elementwise ops of one input have in common, and their gradients' ops. */
import type { Attributes, Op, Traits } from "../../graph/graph.js";
import { sameShape, shapeText } from "../../graph/shape.js";
import { costPerElement, expectInputs, mapTensor, refuse } from "../support.js";

/** An elementwise op that is dear enough to be stored. */
const ELEMENTWISE: Traits = { elementwise: true };

export interface UnaryOp<A extends Attributes> {
  readonly name: string;
  /** The meaning of one number. */
  f(x: number, attributes: A): number;
  readonly gradient: NonNullable<Op<A>["gradient"]>;
  /** @default 1 */
  readonly multiplyAdds?: number;
  readonly traits?: Traits;
  /** Refuses attributes that make no sense. */
  check?(attributes: A, path: string): void;
}

export function unaryOp<A extends Attributes = Attributes>(given: UnaryOp<A>): Op<A> {
  const { name, f, gradient, multiplyAdds = 1, traits = ELEMENTWISE, check } = given;
  return {
    name,
    infer(inputs, attributes, path) {
      expectInputs(name, path, inputs, [{ name: "input" }]);
      check?.(attributes, path);
      const { shape, batched } = inputs[0]!;
      return { shape, batched, dtype: "f32" };
    },
    gradient,
    reference: ([x], attributes) => mapTensor(x!, (value) => f(value, attributes)),
    cost: costPerElement(multiplyAdds),
    traits,
  };
}

export interface SlopeOp<A extends Attributes> {
  readonly name: string;
  /** What the first input is: the op's own input, or its output where the slope can be told from that. */
  readonly of: "input" | "output";
  /** dx for a number of that input and its dy. */
  f(value: number, dy: number, attributes: A): number;
  /** @default 2 */
  readonly multiplyAdds?: number;
  readonly traits?: Traits;
}

/** The op of a gradient: of the input or output, and of the output's gradient. */
export function slopeOp<A extends Attributes = Attributes>(given: SlopeOp<A>): Op<A> {
  const { name, of, f, multiplyAdds = 2, traits = ELEMENTWISE } = given;
  return {
    name,
    infer(inputs, _attributes, path) {
      expectInputs(name, path, inputs, [{ name: of }, { name: "output gradient" }]);
      const [value, dy] = inputs;
      if (!sameShape(value!.shape, dy!.shape) || value!.batched !== dy!.batched)
        refuse(name, path, `the output gradient is ${shapeText(dy!)}, expected the ${of}'s ${shapeText(value!)}`);
      return { shape: value!.shape, batched: value!.batched, dtype: "f32" };
    },
    reference: ([value, dy], attributes) => mapTensor(value!, (v, i) => f(v, dy!.data[i]!, attributes)),
    cost: costPerElement(multiplyAdds),
    traits,
  };
}

/** Refuses what is no finite number. */
export function expectFinite(op: string, path: string, numbers: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (typeof value !== "number" || !Number.isFinite(value))
      refuse(op, path, `${name} is ${String(value)}, expected a finite number`);
}
