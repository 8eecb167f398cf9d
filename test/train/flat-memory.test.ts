import { expect, it } from "vitest";
import { create } from "#fovea/models/index.js";
import { residentByEpoch } from "../support/resident.js";

it("holds a flat resident size over thousands of steps", async () => {
  const { sizes, steps } = await residentByEpoch(create("mlp"), 6, 500);
  expect(steps).toBe(3000);
  // The compiler and the collector of the engine settle in the first epochs. A leak of 2 KiB a step would be 4 MiB.
  expect(sizes.at(-1)! - sizes[1]!).toBeLessThan(4 * 2 ** 20);
});
