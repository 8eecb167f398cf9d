/** Runs of elements that lie behind one another, copied or filled without touching their neighbours. */
import type { KernelBuilder } from "../../codegen/builder/builder.js";
import type { Reg } from "../../codegen/ir.js";
import type { Lanes } from "../../target/target.js";
import { F32 } from "../language/view.js";

/** Splits `count` elements into vectors: a loop of whole ones where they are many, then narrower and narrower. */
function eachVector(
  k: KernelBuilder,
  count: number,
  visit: (base: Reg | undefined, offset: number, lanes: Lanes) => void,
): void {
  const { lanes: widest } = k.target;
  const whole = count - (count % widest);
  let at = 0;
  if (whole > 8 * widest) {
    const four = 4 * widest;
    const looped = whole - (whole % four);
    const body = (base: Reg) => {
      for (let i = 0; i < 4; i++) visit(base, F32 * i * widest, widest);
    };
    k.loop(0, F32 * looped, body, { step: F32 * four });
    at = looped;
  }
  for (const lanes of [16, 8, 4, 1] as const) {
    if (lanes > widest) continue;
    for (; at + lanes <= count; at += lanes) visit(undefined, F32 * at, lanes);
  }
}

/** Copies `count` elements (a constant). */
export function copyRun(k: KernelBuilder, from: Reg, to: Reg, count: number): void {
  eachVector(k, count, (base, offset, lanes) => {
    const source = base === undefined ? from : k.ptrAdd(from, base);
    const target = base === undefined ? to : k.ptrAdd(to, base);
    k.store(target, offset, k.load(source, offset, lanes));
  });
}

/** Writes `value` to `count` elements (a constant). */
export function fillRun(k: KernelBuilder, to: Reg, count: number, value: number): void {
  eachVector(k, count, (base, offset, lanes) => {
    k.store(base === undefined ? to : k.ptrAdd(to, base), offset, k.splat(value, lanes));
  });
}
