/** Which integers live in the frame where a kernel does not say. */
import { expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Reg } from "#fovea/codegen/ir.js";
import { AVX2 } from "#fovea/target/targets.js";

/** What `write` made, by name, and whether it is in the frame. */
function framesOf(write: (k: KernelBuilder) => Record<string, Reg>): Record<string, boolean> {
  let made: Record<string, Reg> = {};
  buildKernel({ key: "frames", name: "frames", target: AVX2, operands: [["x", "readwrite"]] }, (k) => {
    made = write(k);
  });
  return Object.fromEntries(Object.entries(made).map(([name, reg]) => [name, reg.inFrame]));
}

it("keeps what is computed once in the frame, and what changes in a register", () => {
  const frames = framesOf((k) => {
    const held = k.var(k.mul(k.begin, 4), "held");
    const counted = k.var(0, "counted");
    const pointer = k.var(k.operand("x"), "pointer");
    k.loop(k.begin, k.end, () => {
      k.set(counted, k.add(counted, held));
      k.advance(pointer, 4);
    });
    return { held, counted, pointer };
  });
  expect(frames).toEqual({ held: true, counted: false, pointer: false });
});

it("keeps the counter of a loop around another in the frame, and that of an innermost loop in a register", () => {
  const frames = framesOf((k) => {
    const counters: Record<string, Reg> = {};
    k.loop(k.begin, k.end, (outer) => {
      counters.outer = outer;
      k.if(outer, "gt", 0, () =>
        k.loop(0, 8, (middle) => {
          counters.middle = middle;
          k.loop(0, 8, (inner) => {
            counters.inner = inner;
          });
        }),
      );
    });
    return counters;
  });
  expect(frames).toEqual({ outer: true, middle: true, inner: false });
});

it("does as it is told", () => {
  const frames = framesOf((k) => {
    const held = k.var(0, "held", { frame: false });
    const changing = k.var(0, "changing", { frame: true });
    k.advance(changing, 4);
    const counters: Record<string, Reg> = {};
    const innermost = (i: Reg) => {
      counters.inner = i;
    };
    const around = (i: Reg) => {
      counters.outer = i;
      k.loop(0, 8, innermost, { frame: true });
    };
    k.loop(k.begin, k.end, around, { frame: false });
    return { held, changing, ...counters };
  });
  expect(frames).toEqual({ held: false, changing: true, outer: false, inner: true });
});

it("refuses a vector in the frame", () => {
  const write = (k: KernelBuilder) => ({ v: k.var(k.splat(0, 8), "v", { frame: true }) });
  expect(() => framesOf(write)).toThrow("only an int or a pointer can live in the frame");
});
