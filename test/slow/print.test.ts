/** Every network of the zoo, at every stage, for every target. */
import { expect, it } from "vitest";
import { stageData } from "#fovea/analysis/print/data.js";
import { graphText } from "#fovea/analysis/print/graph.js";
import { codeText, kernelsText } from "#fovea/analysis/print/kernels.js";
import { livesFigure } from "#fovea/analysis/print/lives-figure.js";
import { overviewText } from "#fovea/analysis/print/overview.js";
import { planOf, TARGET_NAMES } from "#fovea/analysis/print/plan.js";
import { programText } from "#fovea/analysis/print/program.js";
import { unitsText } from "#fovea/analysis/print/units.js";
import * as models from "#fovea/models/index.js";

it.each([...models.list(), ...models.list("segmentation")].map(({ name }) => name))("%s", async (name) => {
  for (const target of TARGET_NAMES) {
    for (const training of [false, true]) {
      const plan = await planOf("test", models.create(name), { target, training, batch: 2, winograd: true });
      for (const print of [overviewText, graphText, unitsText, programText, kernelsText, codeText])
        expect(print(plan, 100)).not.toMatch(/undefined|\[object/);
      expect(livesFigure(plan).svg).toMatch(/^<svg/);
      expect(JSON.parse(JSON.stringify(stageData(plan, "program")))).toHaveProperty("steps");
    }
  }
});
