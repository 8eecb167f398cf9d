/** Nothing is leaked: a hundred thousand steps hold a flat resident size. */
import { expect, it } from "vitest";
import { create } from "#fovea/models/index.js";
import { residentByEpoch } from "../support/resident.js";

it("holds a flat resident size over a hundred thousand steps", async () => {
  const { sizes, steps } = await residentByEpoch(create("lenet5"), 50, 2000);
  expect(steps).toBe(100_000);
  const mebibytes = sizes.map((bytes) => Math.round(bytes / 2 ** 20));
  // After the first tenth: 32 bytes a step would show.
  expect(sizes.at(-1)! - sizes[4]!, `MiB after each epoch: ${mebibytes.join(" ")}`).toBeLessThan(3 * 2 ** 20);
  console.log(`MiB after each 2,000 steps: ${mebibytes.join(" ")}`);
});
