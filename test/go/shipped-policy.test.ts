/** The policy that comes with the package: small enough, packed with it, sensible on boards that anybody can judge, and right on real games. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { CHINESE, Game } from "#fovea/go/board/game.js";
import { vertexName, vertexNamed } from "#fovea/go/board/geometry.js";
import { samplePositions } from "#fovea/go/games/position-sample.js";
import { prepareStore } from "#fovea/go/games/store-node.js";
import { networkPolicy } from "#fovea/go/policy/policy.js";
import { shippedPolicy } from "#fovea/go/policy/shipped-policy-node.js";
import { evaluatePolicy } from "#fovea/go/training/evaluate-policy.js";
import { loadModel } from "#fovea/model/model-file-node.js";
import { temporaryFolder } from "../support/temporary.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const file = shippedPolicy()!;
const model = await loadModel(file);
const quiet = { threads: 1, note: () => {} };
const policy = await networkPolicy(model, { ...quiet, symmetries: true });
afterAll(() => policy.close());

/** What it says to each move of an opening, the likeliest answers first. */
async function answers(opening: string) {
  const game = new Game(19, CHINESE);
  const said: { after: string; likeliest: string; of: (name: string) => number; probabilities: Float32Array }[] = [];
  const ask = async (after: string) => {
    const probabilities = await policy.probabilities(game.board, game.toPlay);
    const best = probabilities.reduce((found, p, v) => (p > probabilities[found]! ? v : found), 0);
    const of = (name: string) => probabilities[vertexNamed(name, 19)!]!;
    said.push({ after, likeliest: vertexName(best, 19), of, probabilities });
  };
  await ask("");
  for (const name of opening.split(" ").filter(Boolean)) {
    game.play(game.toPlay, vertexNamed(name, 19)!);
    await ask(name);
  }
  return said;
}

it("takes at most 2 MB, and is packed", () => {
  expect(statSync(file).size).toBeLessThanOrEqual(2_000_000);
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  expect(files).toContain("policies");
  expect(file.startsWith(join(root, "policies"))).toBe(true);
});

describe("it", () => {
  it("begins in a corner, in all of them alike", async () => {
    const [{ likeliest, of, probabilities }] = (await answers("")) as [Awaited<ReturnType<typeof answers>>[number]];
    expect(["Q16", "D16", "Q4", "D4"]).toContain(likeliest);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
    expect(of("Q16")).toBeCloseTo(of("D4"), 5);
    expect(of("R16")).toBeCloseTo(of("D3"), 5);
  });

  it("answers an invasion of a corner as books do", async () => {
    // Black enters below White's stone on the star point, and the corner is played out.
    const said = await answers("Q16 D4 Q4 D16 C3 D3 C4 C5 B5 C6 B6");
    const to = (name: string) => said.find(({ after }) => after === name)!;
    expect(to("C3").of("D3") + to("C3").of("C4")).toBeGreaterThan(0.8);
    expect(to("D3").of("C4")).toBeGreaterThan(0.7);
    expect(to("C4").of("C5") + to("C4").of("D5")).toBeGreaterThan(0.6);
    expect(to("C5").likeliest).toBe("B5");
    expect(to("C6").likeliest).toBe("B6");
    expect(to("B6").likeliest).toBe("C7");
  });
});

const games = join(
  process.env["FOVEA_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url)),
  "go-kgs/kgs6d-2001.sgf.gz",
);

it.skipIf(!existsSync(games))(
  "foresees more than 40% of the moves of test games of 2001 (skipped without FOVEA_DATA)",
  async () => {
    const prepared = await prepareStore({ games: [games], out: join(temporaryFolder(), "2001.store") }, {});
    const { store } = prepared!;
    const test = store.select("test");
    expect(test.length).toBeGreaterThan(30);
    const sample = await samplePositions(store, test, 1500, 48);
    const { top1, top5, positions } = await evaluatePolicy(model, sample, { ...quiet, threads: 2 });
    expect(positions).toBe(1500);
    expect(top1).toBeGreaterThan(0.4);
    expect(top5).toBeGreaterThan(0.7);
  },
);
