/** Random networks over every target against their float64 meaning: see test/fuzz. */
import { register } from "node:module";

export const about =
  "random networks, compiled for every target, run where this machine can, against their float64 meaning";
export const things = "networks";
export const options = {
  target: {
    type: "string",
    help: "avx512, avx2, wasm, wasm-relaxed, interpreter, or several with commas: encoded and run for these alone (all)",
  },
};

export async function open({ target = "all" }) {
  register("../load-typescript.mjs", import.meta.url);
  const { trySeed } = await import("../../test/fuzz/try-seed.ts");
  const { MACHINES } = await import("../../test/fuzz/machines.ts");
  const known = [...MACHINES.map(({ name }) => name), "interpreter"];
  const machines = target === "all" ? known : target.split(",");
  const unknown = machines.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--target ${unknown}: expected all, or some of ${known.join(", ")}`);
  return {
    async attempt(seed) {
      const { findings, isLegal } = await trySeed(seed, { machines });
      return { tried: isLegal ? 1 : 0, failures: findings };
    },
  };
}
