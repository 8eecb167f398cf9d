/** All games from KGS: prepared into a store, every move legal, and encoded at 3,000 positions a second or more. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { openStore, prepareStore } from "#fovea/go/games/store-node.js";
import { PositionStream } from "#fovea/go/games/stream.js";
import { temporaryFolder } from "../support/temporary.js";

const data = join(
  process.env["FOVEA_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url)),
  "go-kgs",
);

it.skipIf(!existsSync(data))("reads 36,233 games and 7.3 million moves (skipped without FOVEA_DATA)", async () => {
  const out = join(temporaryFolder(), "kgs.store");
  const skipped: string[] = [];
  await prepareStore({ games: [data], out }, { onSkip: ({ name, why }) => skipped.push(`${name}: ${why}`) });
  expect(skipped).toEqual([]);
  const store = await openStore(out);
  expect(store.games).toBe(36_233);
  let moves = 0;
  for (let n = 0; n < store.games; n++) moves += store.moveCount(n);
  expect(moves).toBe(7_323_699);
  expect([store.select("train").length, store.select("test").length]).toEqual([35_501, 732]);
  expect(store.bytes.length / moves).toBeLessThan(2.2);

  const stream = new PositionStream(store, store.select("train"), { planes: 48, seed: 1 });
  expect(stream.length).toBe(7_152_972);
  const batch = 128;
  const planes = new Float32Array(batch * 361 * 48);
  const labels = new Int32Array(batch);
  // Two blocks, of which the first warms up.
  while (stream.place.position < 16_000) await stream.fill(batch, planes, labels);
  const before = process.memoryUsage().rss;
  // Of the processor's time, since other work may share it.
  const started = process.cpuUsage();
  const from = stream.place.position;
  while (stream.place.position < 80_000) await stream.fill(batch, planes, labels);
  const used = process.cpuUsage(started);
  const speed = (stream.place.position - from) / ((used.user + used.system) / 1e6);
  console.log(`${Math.round(speed)} positions a second on one thread`);
  expect(speed).toBeGreaterThan(3000);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
});
