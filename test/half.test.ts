import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bfloat16OfBits,
  bitsOfBfloat16,
  bitsOfHalf,
  halfOfBits,
  numberOfBfloat16,
  numberOfHalf,
} from "#fovea/base/half.js";
import { isNaNHalf, narrowed, TRICKY_BITS, widened } from "./support/halves.js";

const torch: Record<"f32" | "f16" | "bf16", number[]> = JSON.parse(
  readFileSync(new URL("fixtures/halves.json", import.meta.url), "utf8"),
);

describe.each([
  ["f16", bitsOfHalf, halfOfBits, numberOfHalf],
  ["bf16", bitsOfBfloat16, bfloat16OfBits, numberOfBfloat16],
] as const)("%s", (type, toBits, ofBits, toNumber) => {
  it("widens every pattern as its definition says, and narrows it back", () => {
    for (let half = 0; half < 65536; half++) {
      const number = toNumber(half);
      if (isNaNHalf(type, half)) {
        expect(number).toBeNaN();
        expect(isNaNHalf(type, ofBits(toBits(half)))).toBe(true);
        continue;
      }
      if (!Object.is(number, widened(type, half))) expect.fail(`${half.toString(16)} is ${number}`);
      if (ofBits(toBits(half)) !== half) expect.fail(`${half.toString(16)} became ${ofBits(toBits(half))}`);
    }
  });
  it("narrows as PyTorch does", () => {
    expect(torch.f32.map((bits) => ofBits(bits | 0))).toEqual(torch[type]);
  });
  it("narrows tricky numbers to the nearest, ties to even", () => {
    for (const bits of TRICKY_BITS) {
      const half = ofBits(bits);
      const expected = narrowed(type, bits);
      if (expected === undefined) expect(isNaNHalf(type, half)).toBe(true);
      else if (half !== expected)
        expect.fail(`${(bits >>> 0).toString(16)} became ${half.toString(16)}, expected ${expected.toString(16)}`);
      expect(half >>> 15).toBe(bits >>> 31);
    }
  });
});
