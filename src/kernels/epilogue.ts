/**
 * The chain of elementwise nodes that melts into a kernel's store: `x` is the kernel's own result, a vector of
 * channels of one row, and each further input of the chain comes as a vector of the same lanes. The kernel loads them:
 * "full" from where it stores, "channel" by the channel, "scalar" as a broadcast.
 */
import type { KernelBuilder } from "../codegen/builder.js";
import type { Reg } from "../codegen/ir.js";
import { sameShape, type Value } from "../graph/value.js";
import { isPointwise, operandKind, POINTWISE } from "./pointwise.js";
import type { Work } from "./strategy.js";

export interface EpilogueInput {
  readonly value: Value;
  readonly kind: "full" | "channel" | "scalar";
}

export interface Epilogue {
  /** Names everything that shapes the code; empty for an empty chain. */
  readonly key: string;
  readonly inputs: readonly EpilogueInput[];
  /** Whether pad lanes that hold +0 in `x` and in the loaded vectors stay +0. */
  readonly keepsZero: boolean;
  /** Vector registers that it needs at once, beside the value itself: its operands, and what it computes with. */
  readonly registers: number;
  /** `loaded`: one vector for each of `inputs`, of the lanes of `x`. */
  apply(k: KernelBuilder, x: Reg, loaded: readonly Reg[]): Reg;
}

/** Ops whose vector code needs several registers (`math.ts`). */
const EXPONENTIALS: ReadonlySet<string> = new Set(["tanh", "scaledTanh", "sigmoid", "gelu", "geluGrad", "power"]);

const KINDS: readonly string[] = ["full", "channel", "scalar"];

/** Whether `node` can be melted into the store of `previous`, one of its inputs. */
export function canFuse(node: Value, previous: Value): boolean {
  return (
    isPointwise(node) &&
    previous.dtype === "f32" &&
    node.batched === previous.batched &&
    sameShape(node.shape, previous.shape) &&
    node.inputs.includes(previous) &&
    node.inputs.every((input) => input === previous || KINDS.includes(operandKind(input, node) ?? ""))
  );
}

export function epilogueOf(work: Work): Epilogue {
  const inputs: EpilogueInput[] = [];
  /** For each node and argument: the index of the input, or "x" for what the chain has computed so far. */
  const steps: { node: Value; arguments: (number | "x")[] }[] = [];
  /** Whether the pad lanes hold +0 so far. */
  let zero = true;
  let previous = work.root;
  for (const node of work.chain) {
    let zeroArguments: boolean = zero;
    const places = node.inputs.map((value): number | "x" => {
      if (value === previous) return "x";
      let index = inputs.findIndex((i) => i.value === value);
      if (index < 0) {
        const kind = operandKind(value, node) as EpilogueInput["kind"];
        index = inputs.push({ value, kind }) - 1;
      }
      zeroArguments &&= inputs[index]!.kind !== "scalar";
      return index;
    });
    zero = zeroArguments && POINTWISE[node.op.name]!.keepsZero(node.attributes);
    steps.push({ node, arguments: places });
    previous = node;
  }
  const key = [
    ...inputs.map((i) => i.kind),
    ...steps.map((s) => `${s.node.op.name}${attributesKey(s.node)}(${s.arguments.join(",")})`),
  ].join(" ");
  return {
    key,
    inputs,
    keepsZero: zero,
    registers:
      inputs.length + (steps.length > 0 ? 2 : 0) + (steps.some((s) => EXPONENTIALS.has(s.node.op.name)) ? 4 : 0),
    apply(k, x, loaded) {
      if (x.type.kind !== "f32") throw new TypeError(`epilogue: expected a float vector, got ${x.type.kind}`);
      const { lanes } = x.type;
      let current = x;
      for (const { node, arguments: places } of steps) {
        const args = places.map((place) => (place === "x" ? current : loaded[place]!));
        current = POINTWISE[node.op.name]!.emit(k, args, node.attributes, lanes);
      }
      return current;
    },
  };
}

/** The attributes of an elementwise node for a key; nothing where there are none. */
export function attributesKey(node: Value): string {
  const text = JSON.stringify(node.attributes);
  return text === "{}" ? "" : text;
}
