import { expect, it } from "vitest";
import { Recomputation } from "#fovea/compiler/recompute.js";
import { planScratch } from "#fovea/compiler/scratch.js";
import type { Buffer } from "#fovea/kernels/contract/emitter.js";

const KIB = 1024;

/**
 * A chain of `n` layers: panel k = pack(w k); x k = f(x k-1, panel k); the loss reads the last x and is handed back. Backward:
 * dx k-1 = g(dx k, x k-1), w k = update(dx k, x k-1), each of the last layer first. Every x takes 256 KiB, a panel 128.
 */
function chain(n: number, updateFirst = false) {
  let id = 0;
  const buffer = (label: string, kib: number): Buffer => ({ id: id++, label, fixedBytes: 0, sampleBytes: kib * KIB });
  const outside = new Set<Buffer>();
  const out = (label: string) => {
    const made = buffer(label, 1);
    outside.add(made);
    return made;
  };
  const input = out("input");
  const loss = out("loss");
  const w = Array.from({ length: n }, (_, k) => out(`w${k + 1}`));
  const panels = w.map((_, k) => ({ ...buffer(`panel${k + 1}`, 0), fixedBytes: 128 * KIB }));
  const x = [input, ...w.map((_, k) => buffer(`x${k + 1}`, 256))];
  const dx = x.map((_, k) => buffer(`dx${k}`, 256));
  const steps: { reads: Buffer[]; writes: Buffer[]; nanoseconds: number }[] = [];
  for (let k = 0; k < n; k++) steps.push({ reads: [w[k]!], writes: [panels[k]!], nanoseconds: 1 });
  for (let k = 0; k < n; k++) steps.push({ reads: [x[k]!, panels[k]!], writes: [x[k + 1]!], nanoseconds: 100 });
  steps.push({ reads: [x[n]!], writes: [loss, dx[n]!], nanoseconds: 10 });
  for (let k = n - 1; k >= 0; k--) {
    const update = { reads: [dx[k + 1]!, x[k]!], writes: [w[k]!], nanoseconds: 100 };
    const gradient = { reads: [dx[k + 1]!, x[k]!], writes: [dx[k]!], nanoseconds: 100 };
    steps.push(...(updateFirst ? [update, gradient] : [gradient, update]));
  }
  const options = {
    bytes: (b: Buffer) => (outside.has(b) ? 0 : b.fixedBytes + b.sampleBytes),
    isOutput: (b: Buffer) => b === loss,
    copyOf: (b: Buffer): Buffer => ({ ...b, id: id++, label: `${b.label} again` }),
    mostApart: 2 ** 24,
  };
  return { steps, options, x, w };
}

/** What a program computes, as text: each step's result is the expression of what it read. */
function meaning(
  steps: readonly { reads: readonly Buffer[]; writes: readonly Buffer[] }[],
  sources: readonly number[],
) {
  const values = new Map<Buffer, string>();
  for (const [i, { reads, writes }] of steps.entries()) {
    const text = `${sources[i]}(${reads.map((r) => values.get(r) ?? r.label).join(",")})`;
    // A digest, as expressions double with every layer.
    let hash = 0;
    for (const c of text) hash = (Math.imul(hash, 31) + c.charCodeAt(0)) | 0;
    for (const write of writes) values.set(write, `#${hash}`);
  }
  return values;
}

it("keeps each x from one pass to the other where there is room", () => {
  const { steps, options } = chain(8);
  const plan = planScratch(steps, { ...options, limit: Number.POSITIVE_INFINITY });
  expect(plan.recomputed).toEqual([]);
  // The last layer's gradient is made beside x1 to x8; no panel is left by then.
  expect(plan.bytes).toBe(9 * 256 * KIB);
});

it("computes the fewest values again that are enough, and panels with them", () => {
  const { steps, options } = chain(8);
  const one = planScratch(steps, { ...options, limit: 8 * 256 * KIB });
  expect(one.bytes).toBeLessThanOrEqual(8 * 256 * KIB);
  expect(one.recomputed.length).toBe(1);
  expect(one.extraNanoseconds).toBe(101);
  const least = planScratch(steps, { ...options, limit: 0 });
  expect(least.bytes).toBeLessThan(7 * 256 * KIB);
  expect(planScratch(steps, { ...options, limit: least.bytes }).bytes).toBeLessThanOrEqual(least.bytes);
});

it("needs memory that grows with the root of the depth", () => {
  const least = (n: number) => {
    const { steps, options } = chain(n);
    return planScratch(steps, { ...options, limit: 0 }).bytes / (256 * KIB);
  };
  expect(least(16)).toBeLessThan(10);
  expect(least(64)).toBeLessThan(20);
});

it.each([false, true])("computes the same, whatever the order of updates (update first: %s)", (updateFirst) => {
  const { steps, options, w } = chain(12, updateFirst);
  const found = meaning(
    steps,
    steps.map((_, i) => i),
  );
  for (const limit of [2800, 2000, 1500, 0]) {
    const plan = planScratch(steps, { ...options, limit: limit * KIB });
    expect(plan.recomputed.length).toBeGreaterThan(0);
    const again = meaning(
      plan.steps.map(({ step, instead }) => ({
        reads: step.reads.map((r) => instead.get(r) ?? r),
        writes: step.writes.map((r) => instead.get(r) ?? r),
      })),
      plan.steps.map(({ step }) => steps.indexOf(step)),
    );
    for (const state of w) expect(again.get(state)).toBe(found.get(state));
  }
});

it("does not compute again from a state that has changed since", () => {
  // The weight that made x1 is written before the only backward reader of x1 comes.
  const { steps, options, x, w } = chain(2);
  const [pack1, pack2, layer1, layer2, loss, ...backward] = steps;
  const update1 = backward.find((step) => step.writes.includes(w[0]!))!;
  const early = [pack1!, pack2!, layer1!, { ...update1, reads: [x[0]!] }, layer2!, loss!];
  const late = backward.filter((step) => step !== update1);
  const recomputation = new Recomputation([...early, ...late], { ...options, tiny: KIB });
  const rewritten = recomputation.rewrite(new Set([x[1]!]), options.copyOf);
  expect(rewritten.filter(({ isCopy }) => isCopy)).toEqual([]);
});

it("computes a pair again that one step makes together, reading each as it writes it", () => {
  const { steps, options, x, w } = chain(3);
  const noted: Buffer = { id: 1000, label: "noted", fixedBytes: 0, sampleBytes: 256 * KIB };
  const together = steps.map((step) => {
    const makes = step.writes.includes(x[1]!);
    const asks = step.reads.includes(x[1]!) && step.writes.includes(w[1]!);
    return {
      ...step,
      reads: [...step.reads, ...(makes ? [x[1]!, noted] : asks ? [noted] : [])],
      writes: [...step.writes, ...(makes ? [noted] : [])],
    };
  });
  const recomputation = new Recomputation(together, { ...options, tiny: KIB });
  const rewritten = recomputation.rewrite(new Set([x[1]!, noted]), options.copyOf);
  const copies = rewritten.filter(({ isCopy }) => isCopy);
  const [again, ...none] = copies.filter(({ source }) => together[source]!.writes.includes(noted));
  expect(none).toEqual([]);
  expect([x[1]!, noted].map((buffer) => again!.instead.get(buffer)?.label)).toEqual(["x1 again", "noted again"]);
  // its panel first
  expect(copies.map(({ source }) => together[source]!.writes[0]!.label)).toEqual(["panel1", "x1"]);
});
