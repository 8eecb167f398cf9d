import { describe, expect, it } from "vitest";
import { naturalLogarithm, Random } from "#fovea/base/random.js";

describe("Random", () => {
  it("starts with Philox's known words", () => {
    const random = new Random(0);
    expect([random.bits(), random.bits(), random.bits(), random.bits()]).toEqual([
      0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8,
    ]);
  });

  it("gives uniform numbers of the right mean, variance and range", () => {
    const random = new Random(1);
    let [sum, squares, least, most] = [0, 0, 1, 0];
    const count = 100_000;
    for (let n = 0; n < count; n++) {
      const u = random.uniform();
      sum += u;
      squares += (u - 0.5) ** 2;
      least = Math.min(least, u);
      most = Math.max(most, u);
    }
    expect(Math.abs(sum / count - 0.5)).toBeLessThan(0.004); // 4 standard errors
    expect(Math.abs(squares / count - 1 / 12)).toBeLessThan(0.001);
    expect(least).toBeGreaterThanOrEqual(0);
    expect(most).toBeLessThan(1);
  });

  it("gives normal numbers of the right moments", () => {
    const random = new Random(2);
    const count = 100_000;
    const moments = [0, 0, 0, 0];
    for (let n = 0; n < count; n++) {
      const x = random.normal();
      for (let power = 0; power < 4; power++) moments[power]! += x ** (power + 1) / count;
    }
    expect(Math.abs(moments[0]!)).toBeLessThan(0.015);
    expect(Math.abs(moments[1]! - 1)).toBeLessThan(0.02);
    expect(Math.abs(moments[2]!)).toBeLessThan(0.05);
    expect(Math.abs(moments[3]! - 3)).toBeLessThan(0.15);
  });

  it("gives every integer below n equally often", () => {
    const random = new Random(3);
    const counts = new Array<number>(7).fill(0);
    for (let n = 0; n < 70_000; n++) counts[random.integer(7)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    expect(new Set(Array.from({ length: 50 }, () => random.integer(1)))).toEqual(new Set([0]));
    expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
    expect(() => random.integer(0)).toThrow("integer(0): expected a whole number from 1 to 2^32");
  });

  it("shuffles without losing anything, and differently each time", () => {
    const random = new Random(4);
    const shuffled = random.shuffle(Uint32Array.from({ length: 100 }, (_, n) => n));
    expect(Array.from(shuffled)).not.toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(Array.from(shuffled.slice().sort())).toEqual(Array.from({ length: 100 }, (_, n) => n));
    // Each of the 6 orders of three, about equally often.
    const orders = new Map<string, number>();
    for (let n = 0; n < 6000; n++) {
      const order = random.shuffle(Uint32Array.of(0, 1, 2)).join("");
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(130);
  });

  it("forks by name, whatever has been drawn before", () => {
    const random = new Random(5);
    const before = random.fork("layer1.0.conv1").bits();
    random.bits();
    random.normal();
    expect(random.fork("layer1.0.conv1").bits()).toBe(before);
    const names = [
      "",
      "a",
      "b",
      "ab",
      "ba",
      "a\0",
      "layer1.0.conv1",
      "layer1.0.conv2",
      "layer10.conv1",
      "layer1.0.conv1\0",
    ];
    expect(new Set(names.map((name) => random.fork(name).bits())).size).toBe(names.length);
    expect(new Random(6).fork("layer1.0.conv1").bits()).not.toBe(before);
  });

  it("goes on where its state was taken, also between a pair of normal numbers", () => {
    for (let drawn = 0; drawn < 9; drawn++) {
      const random = new Random(2 ** 53 - 1);
      for (let n = 0; n < drawn; n++) random.bits();
      random.normal();
      const state = JSON.parse(JSON.stringify(random.state()));
      const expected = [random.normal(), random.normal(), random.uniform(), random.bits()];
      const resumed = new Random(0);
      resumed.restore(state);
      expect([resumed.normal(), resumed.normal(), resumed.uniform(), resumed.bits()]).toEqual(expected);
    }
  });

  it("refuses a seed that is no whole number", () => {
    expect(() => new Random(1.5)).toThrow("seed 1.5 is not a whole number from 0 to 2^53 - 1");
    expect(() => new Random(-1)).toThrow("seed -1");
  });
});

describe("naturalLogarithm", () => {
  it("agrees with Math.log to a few units of the last place", () => {
    const random = new Random(7);
    expect(naturalLogarithm(1)).toBe(0);
    expect(naturalLogarithm(2)).toBe(Math.LN2);
    for (let n = 0; n < 20_000; n++) {
      const x = random.uniform() * 2 ** (random.integer(80) - 70) + 2 ** -80;
      const exact = Math.log(x);
      expect(Math.abs(naturalLogarithm(x) - exact)).toBeLessThanOrEqual(4 * 2 ** -53 * Math.max(Math.abs(exact), 0.3));
    }
  });
});
