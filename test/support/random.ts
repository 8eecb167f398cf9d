/** A seeded generator for tests (mulberry32): the same cases on every machine. */
export interface Random {
  /** 0 <= u < 1. */
  uniform(): number;
  normal(): number;
  /** low <= n <= high. */
  integer(low: number, high: number): number;
  pick<T>(choices: readonly T[]): T;
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1));
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (choices) => choices[integer(0, choices.length - 1)]!,
  };
}
