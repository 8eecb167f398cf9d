import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { liveness } from "#fovea/codegen/liveness.js";
import { registerPressure } from "#fovea/codegen/pressure.js";
import { verifyKernel } from "#fovea/codegen/verify.js";
import { spillsOnX64 } from "#fovea/codegen/x64/encode.js";
import { registerModel } from "#fovea/codegen/x64/model.js";
import { select } from "#fovea/codegen/x64/select.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512 } from "#fovea/target/targets.js";

function kernelOf(target: Target, write: (k: KernelBuilder) => void): Kernel {
  const header = {
    key: "wide",
    name: "wide",
    target,
    operands: [
      ["x", "read"],
      ["y", "write"],
    ] as const,
  };
  return buildKernel(header, write);
}

/** `count` accumulators over a loop that needs no other vector register on AVX-512. */
function tile(target: Target, count: number): Kernel {
  return kernelOf(target, (k) => {
    const [x, y] = [k.operand("x"), k.operand("y")];
    const accumulators = Array.from({ length: count }, () => k.acc(0, target.lanes));
    k.loop(0, 10, () => {
      for (const acc of accumulators) k.updateTo(acc, "fadd", k.load(x, 0, target.lanes));
    });
    accumulators.forEach((acc, n) => {
      k.store(y, 64 * n, acc);
    });
  });
}

describe("register allocation", () => {
  it.each([
    [AVX512, 32],
    [AVX2, 16],
  ] as const)("fills every vector register, and the frame with one more: $name", (target, most) => {
    expect(spillsOnX64(tile(target, most))).toBe(false);
    expect(registerPressure(tile(target, most))).toEqual({ vector: most, int: 3 });
    expect(spillsOnX64(tile(target, most + 1))).toBe(true);
  });

  it("fills the integer registers, and the frame with one more", () => {
    const ints = (count: number, frame: boolean) =>
      kernelOf(AVX2, (k) => {
        const values = Array.from({ length: count }, (_, n) => k.var(n, "value", { frame }));
        k.loop(0, 10, () => {
          for (const v of values) k.advance(v, 1);
        });
        const y = k.operand("y");
        values.forEach((v, n) => {
          k.storeInt(y, 4 * n, v);
        });
      });
    // 13 values beside the loop's counter; the operand table moves to the frame.
    expect(registerPressure(ints(13, false)).int).toBe(14);
    expect(spillsOnX64(ints(13, false))).toBe(false);
    expect(spillsOnX64(ints(14, false))).toBe(true);
    expect(spillsOnX64(ints(100, true))).toBe(false); // as the kernel says
  });

  it("keeps too many masks in the frame, where they have registers of their own", () => {
    const masks = (count: number) =>
      kernelOf(AVX512, (k) => {
        const all = Array.from({ length: count }, (_, n) => k.var(k.firstLanes(n, 16)));
        for (const m of all) k.storeMasked(k.operand("y"), 0, k.splat(1, 16), m);
      });
    expect(spillsOnX64(masks(7))).toBe(false);
    expect(spillsOnX64(masks(8))).toBe(true);
  });

  it("counts the registers that an instruction needs for itself", () => {
    const high = (live: number) =>
      kernelOf(AVX2, (k) => {
        const held = Array.from({ length: live }, (_, n) => k.var(k.loadI32(k.operand("x"), 32 * n, 8)));
        const product = k.umulhi(held[0], held[1]);
        k.store(k.operand("y"), 0, product);
        for (const h of held) k.store(k.operand("y"), 0, h);
      });
    // The result is written when the two temporaries are still in use.
    expect(registerPressure(high(13)).vector).toBe(16);
    expect(spillsOnX64(high(13))).toBe(false);
    expect(spillsOnX64(high(14))).toBe(true);
  });

  it("needs no register for a load that becomes a memory operand", () => {
    const sum = (target: Target) =>
      kernelOf(target, (k) => {
        const acc = k.acc(0, target.lanes);
        const held = k.var(k.load(k.operand("x"), 0, target.lanes));
        k.fmaTo(acc, k.broadcast(k.operand("x"), 64, target.lanes), held);
        k.store(k.operand("y"), 0, acc);
      });
    expect(registerPressure(sum(AVX512)).vector).toBe(2);
    expect(registerPressure(sum(AVX2)).vector).toBe(3); // VEX has no broadcasting operand
  });

  it("gives a value that the next trip reads its register for the whole loop", () => {
    const kernel = kernelOf(AVX512, (k) => {
      const carried = k.acc(0, 16, "carried");
      const outside = k.load(k.operand("x"), 0, 16);
      k.loop(0, 4, () => {
        const local = k.fadd(carried, outside);
        k.set(carried, k.fmul(local, local));
      });
      k.store(k.operand("y"), 0, k.splat(1, 16));
    });
    const selection = select(kernel, verifyKernel(kernel), true);
    const { intervals, order } = liveness(selection.body, registerModel(kernel, selection, undefined));
    const loop = order.findIndex((i) => i.op === "loop");
    const end = order.lastIndexOf(order[loop]);
    const interval = (name: string) => intervals.find((i) => i.reg.name === name);
    expect(end).toBeGreaterThan(loop);
    expect(interval("carried")).toMatchObject({
      start: 2 * order.findIndex((i) => i.op === "splat") + 1,
      end: 2 * end + 1,
    });
    expect(interval("loaded")).toMatchObject({ end: 2 * end + 1 });
    expect(interval("f")).toMatchObject({ start: 2 * loop + 3, end: 2 * loop + 4 });
  });
});
