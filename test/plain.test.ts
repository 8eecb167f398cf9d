/** Texts of plain data: one for each value, and none for anything else. */
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { plainText } from "#fovea/base/plain.js";
import { random } from "./support/random.js";

describe("plainText", () => {
  it("is JSON, but for the numbers that JSON has no text for", () => {
    const data = { kernel: [3, 3], mode: 'a "mode"', none: null, inner: { flag: true, left: undefined } };
    const json = '{"kernel":[3,3],"mode":"a \\"mode\\"","none":null,"inner":{"flag":true}';
    expect(plainText(data)).toBe(`${json}}`);
    expect(plainText({ ...data, last: [-0, Number.NaN, undefined] })).toBe(`${json},"last":[-0,NaN,undefined]}`);
    expect(plainText(new Array(2))).toBe("[undefined,undefined]");
    expect(plainText(Object.create(null))).toBe("{}");
    expect(plainText([Float32Array.of(1, -0), Int8Array.of(-1)])).toBe("[Float32Array[1,-0],Int8Array[-1]]");
  });

  it("has no word for a member that is undefined: it counts as none", () => {
    expect(plainText({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(plainText({ a: undefined, b: -0 })).toBe('{"b":-0}');
  });

  it("keeps apart what JSON writes alike, and what looks alike", () => {
    const values = [
      ...[0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 2 ** -1074, 0.1 + 0.2, 0.3],
      ...[null, undefined, true, false, "", "0", "-0", "NaN", "null", "undefined", "true", '"', "\\", '\\"'],
      ...[[], [[]], [undefined], [null], [0], [-0], [1, 2], [[1, 2]], [[1], [2]], ["1,2"], ["1", "2"], "[]", "{}"],
      ...[{}, { a: null }, { a: 1 }, { b: 1 }, { a: { b: 1 } }, { a: 1, b: 2 }, { "a:1,b": 2 }],
      ...[{ "a b": 1 }, { '"a b"': 1 }, { "{a:1}": 1 }, { "0": 1 }],
    ];
    expect(new Set(values.map(plainText)).size).toBe(values.length);
  });

  it("is equal for equal data only", () => {
    const rng = random(7);
    const draw = (depth: number): unknown => {
      const kind = rng.integer(0, depth > 0 ? 4 : 2);
      if (kind === 0) return rng.pick([0, -0, 1, Number.NaN, Number.POSITIVE_INFINITY]);
      if (kind === 1) return rng.pick(["", "a", "a,b", "]", "}", "0", null, true]);
      if (kind === 2) return rng.integer(0, 2);
      const count = rng.integer(0, 3);
      const members = Array.from({ length: count }, () => draw(depth - 1));
      return kind === 3
        ? members
        : Object.fromEntries(members.map((member, i) => [rng.pick(["a", "b", `${i}`]), member]));
    };
    const drawn = Array.from({ length: 600 }, () => draw(3));
    const texts = drawn.map(plainText);
    let equal = 0;
    for (let i = 0; i < drawn.length; i++)
      for (let j = 0; j < i; j++) {
        if (texts[i] !== texts[j]) continue;
        equal++;
        expect(isDeepStrictEqual(drawn[i], drawn[j])).toBe(true);
      }
    expect(equal).toBeGreaterThan(100);
  });

  it.each([
    ["a function is no plain data", () => 1],
    ["a symbol is no plain data", Symbol("s")],
    ["a bigint is no plain data", 1n],
    ["an instance of Map is no plain data", new Map([["a", 1]])],
    ["an instance of Date is no plain data", new Date(0)],
    ["an instance of DataView is no plain data", new DataView(new ArrayBuffer(4))],
  ])("%s", (message, value) => {
    expect(() => plainText(value)).toThrow(new TypeError(message));
    expect(() => plainText({ list: [{ inner: value }] })).toThrow(new TypeError(message));
  });
});
