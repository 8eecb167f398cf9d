import { expect, it } from "vitest";
import { differences, parseConfig } from "#fovea/run/config.js";
import { TRAINING_DEFAULTS } from "#fovea/train/defaults.js";

/** As fovea 0.2 saved the run of a policy. */
const saved = (positions: unknown): unknown =>
  JSON.parse(
    JSON.stringify({
      ...TRAINING_DEFAULTS,
      network: "alphago-policy",
      options: { filters: 16, layers: 3, planes: 48, size: 9 },
      data: "games.store",
      top5: true,
      positions,
    }),
  );
const positions = { evaluateEvery: 100, testPositions: 500 };

it("keeps a branch's field where the branch is not loaded, and checks it where it is", async () => {
  const slip = saved({ evaluateEvery: 100, testPositons: 500 });
  const config = parseConfig(saved(positions), "config.json");
  expect(config).toMatchObject({ positions });
  expect(differences(parseConfig(slip, "config.json"), config)).toEqual([
    "positions.testPositions is not set, was 500",
    "positions.testPositons is 500, was not set",
  ]);
  expect(() => parseConfig(saved(3), "config.json")).toThrow("config.json: positions: expected an object, found 3");

  const { isPolicyConfig } = await import("#fovea/go/training/epochs.js");
  expect(parseConfig(saved(positions), "config.json")).toEqual(config);
  expect(isPolicyConfig(config) && config.positions.evaluateEvery).toBe(100);
  expect(isPolicyConfig(parseConfig(saved(undefined), "config.json"))).toBe(false);
  expect(() => parseConfig(slip, "config.json")).toThrow(
    'unknown key of config.json: positions "testPositons"; did you mean "testPositions"?',
  );
  expect(() => parseConfig(saved({ evaluateEvery: "100" }), "config.json")).toThrow(
    'config.json: positions: evaluateEvery: expected a number, found "100"',
  );
});
