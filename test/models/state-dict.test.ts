/**
 * Published weight files load unchanged: names and shapes of all that a network saves are those of the publisher's state dict
 * (test/fixtures/state-dicts.json, a hash a network, made by scripts/fixtures/modern_zoo.py).
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as models from "#fovea/models/index.js";
import { savedOf } from "#fovea/nn/index.js";
import { hash } from "../support/formula.js";

const { classes, hashes } = JSON.parse(
  readFileSync(new URL("../fixtures/state-dicts.json", import.meta.url), "utf8"),
) as { classes: number; hashes: Record<string, number> };

/** HWIO to OIHW, [in, out] to [out, in]. */
const inFile = (shape: readonly number[]) =>
  shape.length === 4 ? [shape[3], shape[2], shape[0], shape[1]] : shape.length === 2 ? [shape[1], shape[0]] : shape;

it.each(Object.entries(hashes))("%s saves what its publisher's files hold", (name, expected) => {
  const saved = [...savedOf(models.create(name, { classes }).module)];
  const entries = saved.map(([path, { shape }]) => `${path} ${inFile(shape).join("x")}`);
  expect(hash(entries.sort().join(" "))).toBe(expected);
});
