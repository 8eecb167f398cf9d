/** An evaluation that keeps its packed weights in the scratch of the training beside it. */
import { expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import type { BackendName } from "#fovea/devices/cpu/backends/backend.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { initialWeights, writeWeights } from "#fovea/model/weights/weights.js";
import { create } from "#fovea/models/index.js";

const detected = await Session.create({ note: () => {} });
const native = detected.backend;
await detected.close();

it.each([
  ["lenet5", native, false],
  ["lenet5", "wasm", false],
  // The codes of its outputs are a table, which is written once and must not be lost.
  ["lenet5-1998", native, false],
  ["resnet20", native, false],
  ["lenet5-1998", native, true],
] as [string, BackendName, boolean][])(
  "packs again what another program has overwritten: %s on %s, check mode %s",
  async (name, backend, check) => {
    const { module, input } = create(name);
    const session = await Session.create({ backend, check, note: () => {} });
    const { target, winograd } = session;
    const { entry } = predictionEntry(module, input);
    const own = compileEntry(entry, { target, winograd, maxBatch: 2 });
    const sharing = compileEntry(entry, { target, winograd, maxBatch: 2, preparesInScratch: true });
    const other = compileEntry(entry, { target, winograd, maxBatch: 40 });
    const tables = (own.constants ?? []).reduce((sum, { place }) => sum + place.bytes, 0);
    expect(sharing.bytes.prepared).toBe(tables);
    expect(sharing.bytes.scratch).toBe(own.bytes.scratch + own.bytes.prepared - tables);
    const [kept, shared, beside] = [await session.load(own), await session.load(sharing), await session.load(other)];
    await writeWeights(session, initialWeights(module, 3));
    const size = input.reduce((a, b) => a * b, 1);
    const x = Float32Array.from({ length: 2 * size }, (_, i) => Math.fround(Math.sin(i)));
    const many = Float32Array.from({ length: 40 * size }, (_, i) => Math.fround(Math.cos(i)));
    const { logits } = await kept.run({ input: x }, 2);
    for (let turn = 0; turn < 2; turn++) {
      expect((await shared.run({ input: x }, 2))["logits"]).toEqual(logits);
      expect((await shared.run({ input: x }, 2))["logits"]).toEqual(logits);
      await beside.run({ input: many }, 40);
    }
    await session.close();
  },
);
