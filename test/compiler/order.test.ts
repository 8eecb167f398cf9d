import fc from "fast-check";
import { expect, it } from "vitest";
import { type Access, arrange, levels } from "#fovea/compiler/order.js";
import type { Buffer } from "#fovea/kernels/contract/emitter.js";

const buffer = (id: number, bytes = 1000): Buffer => ({ id, label: `b${id}`, fixedBytes: bytes, sampleBytes: 0 });
const options = { bytes: (b: Buffer) => b.fixedBytes, small: 10 };

it("counts levels by what each step must wait for", () => {
  const [a, b, c, state] = [buffer(0), buffer(1), buffer(2), buffer(3, 0)] as [Buffer, Buffer, Buffer, Buffer];
  const steps = [
    { reads: [state], writes: [a] },
    { reads: [], writes: [b] },
    { reads: [a, b], writes: [c] },
    { reads: [], writes: [state] }, // after the read of the old state alone
  ];
  expect(levels(steps)).toEqual([0, 0, 1, 1]);
});

it("makes a large panel right before it is read", () => {
  const [panel1, panel2, x, y] = [0, 1, 2, 3].map((id) => buffer(id)) as [Buffer, Buffer, Buffer, Buffer];
  const steps = [
    { reads: [], writes: [panel1] },
    { reads: [], writes: [panel2] },
    { reads: [panel1], writes: [x] },
    { reads: [panel2, x], writes: [y] },
  ];
  expect(arrange(steps, options)).toEqual({ order: [0, 2, 1, 3], levels: [0, 1, 2, 3] });
  // Where nothing is at stake, both are made at once.
  expect(arrange(steps, { ...options, small: 1000 })).toEqual({ order: [0, 1, 2, 3], levels: [0, 0, 1, 2] });
});

it("makes all parts of a large panel right before it is read", () => {
  const [panel, x, y, z, out] = [0, 1, 2, 3, 4].map((id) => buffer(id)) as [Buffer, Buffer, Buffer, Buffer, Buffer];
  const steps = [
    { reads: [], writes: [panel] },
    { reads: [], writes: [panel] }, // its last block, which has another width
    { reads: [], writes: [x] },
    { reads: [x], writes: [y] },
    { reads: [y], writes: [z] },
    { reads: [panel, z], writes: [out] },
  ];
  expect(arrange(steps, options).order).toEqual([2, 3, 4, 0, 1, 5]);
});

it("updates a weight before the next gradient is made, and keeps two large gradients apart", () => {
  const [dy1, dy0, dw1, dw0] = [0, 1, 2, 3].map((id) => buffer(id)) as [Buffer, Buffer, Buffer, Buffer];
  const [w1, w0] = [buffer(4, 0), buffer(5, 0)];
  const steps = [
    { reads: [], writes: [dy1] },
    { reads: [dy1], writes: [dw1] },
    { reads: [dy1], writes: [dy0] },
    { reads: [dy0], writes: [dw0] },
    { reads: [dw1], writes: [w1] },
    { reads: [dw0], writes: [w0] },
  ];
  const { order } = arrange(steps, options);
  expect(order.indexOf(4)).toBeLessThan(order.indexOf(3));
});

/** Steps over few buffers, so that there are hazards of every kind; some buffers are states. */
const program = fc
  .array(
    fc.record({
      reads: fc.array(fc.nat(11), { maxLength: 3 }),
      writes: fc.array(fc.nat(11), { minLength: 1, maxLength: 2 }),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    const buffers = Array.from({ length: 12 }, (_, id) => buffer(id, id < 3 ? 0 : 8 * (id % 5) ** 3));
    return steps.map(
      ({ reads, writes }): Access => ({ reads: reads.map((i) => buffers[i]!), writes: writes.map((i) => buffers[i]!) }),
    );
  });

it("keeps every read behind its write and every write behind earlier reads, with a barrier between", () => {
  fc.assert(
    fc.property(program, fc.nat(600), (steps, small) => {
      const { order, levels: level } = arrange(steps, { ...options, small, isLate: (step) => step % 7 === 3 });
      expect([...order].sort((a, b) => a - b)).toEqual(steps.map((_, i) => i));
      const levelOf = new Map(order.map((step, at) => [step, level[at]!]));
      for (const [at, now] of level.entries()) expect(now - (level[at - 1] ?? 0)).toBeOneOf([0, 1]);
      for (const [i, a] of steps.entries()) {
        for (const [j, b] of steps.entries()) {
          if (i >= j) continue;
          const meet =
            a.writes.some((w) => b.reads.includes(w) || b.writes.includes(w)) ||
            a.reads.some((r) => b.writes.includes(r));
          if (meet) expect(levelOf.get(i)!).toBeLessThan(levelOf.get(j)!);
        }
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});
