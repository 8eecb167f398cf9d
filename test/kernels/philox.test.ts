import { describe, expect, it } from "vitest";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { philox4x32, philoxReference, uniformFromBits } from "#fovea/kernels/language/philox.js";
import type { Lanes, Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM } from "#fovea/target/targets.js";
import { floatsOf, intsOf, nativeTargets, random, runKernel } from "../support/kernels.js";

/** Known answers of Random123, the authors' own implementation. */
const ONES = 0xffffffff;
const KNOWN = [
  { counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  { counter: [ONES, ONES, ONES, ONES], key: [ONES, ONES], words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

/** words[4][lanes] and uniforms[4][lanes] from counters[4][lanes] and keys[2][lanes]. */
function philoxKernel(target: Target, lanes: Lanes) {
  return buildKernel(
    {
      key: `philox ${target.name} ${lanes}`,
      name: "philox",
      target,
      operands: [
        ["counters", "read"],
        ["keys", "read"],
        ["words", "write"],
        ["uniforms", "write"],
      ],
    },
    (k) => {
      const load = (name: string, n: number) => k.loadI32(k.operand(name), 4 * lanes * n, lanes);
      const words = philox4x32(
        k,
        [load("counters", 0), load("counters", 1), load("counters", 2), load("counters", 3)],
        [load("keys", 0), load("keys", 1)],
      );
      words.forEach((word, n) => {
        k.store(k.operand("words"), 4 * lanes * n, word);
        k.store(k.operand("uniforms"), 4 * lanes * n, uniformFromBits(k, word));
      });
    },
  );
}

describe("Philox4x32-10", () => {
  it("gives the published words in plain TypeScript", () => {
    for (const { counter, key, words } of KNOWN) expect(philoxReference(counter, key)).toEqual(words);
  });

  it.each([
    ["interpreter", AVX512, 16],
    ["interpreter", WASM, 1],
    ["wasm", WASM, 4],
    ["native", AVX512, 16],
    ["native", AVX2, 8],
  ] as const)("gives the same words as vector code (%s, %o, %i lanes)", (engine, target, lanes) => {
    if (engine === "native" && !nativeTargets.includes(target.name)) return;
    const kernel = philoxKernel(target, lanes);
    const source = random(11);
    for (let n = 0; n < 20; n++) {
      const known = KNOWN[n];
      const counters = Int32Array.from(
        { length: 4 * lanes },
        (_, i) => known?.counter[Math.floor(i / lanes)] ?? source.bits(),
      );
      const keys = Int32Array.from({ length: 2 * lanes }, (_, i) => known?.key[Math.floor(i / lanes)] ?? source.bits());
      const out = runKernel(kernel, engine, [counters, keys, new Int32Array(4 * lanes), new Float32Array(4 * lanes)]);
      for (let lane = 0; lane < lanes; lane++) {
        const at = (a: Int32Array, word: number) => a[word * lanes + lane]!;
        const expected = philoxReference(
          [at(counters, 0), at(counters, 1), at(counters, 2), at(counters, 3)],
          [at(keys, 0), at(keys, 1)],
        );
        expected.forEach((word, w) => {
          expect(at(intsOf(out[2]!), w) >>> 0).toBe(word);
          expect(floatsOf(out[3]!)[w * lanes + lane]).toBe((word >>> 8) / 2 ** 24);
        });
      }
    }
  });
});
