/** Looks at positions of Go: which stones a move comes from, held to positions in which those stones were never played. */
import { expect, it } from "vitest";
import { Board } from "#fovea/go/board/board.js";
import { BLACK, type Colour, PASS, vertexNamed, WHITE } from "#fovea/go/board/geometry.js";
import { boardSvg } from "#fovea/go/board/picture.js";
import { lookAtPosition, positionBefore } from "#fovea/go/inspect/look-position.js";
import { planeName } from "#fovea/go/inspect/plane-names.js";
import { positionSamples } from "#fovea/go/inspect/position-page-node.js";
import { networkPolicy } from "#fovea/go/policy/policy.js";
import type { TrainedModel } from "#fovea/model/trained-model.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";

const SIZE = 5;
const quiet = { note: () => {}, threads: 1 };

/** A policy of 5x5 boards with random weights, or with one weight at one plane alone. */
function policy(planes: number, only?: { plane: number; weight: number }): TrainedModel {
  const [kernel, padding] = only === undefined ? [3, 1] : [1, 0];
  const module = nn.sequential({
    first: nn.conv2d({ in: planes, out: 3, kernel, padding }),
    relu: nn.relu(),
    last: nn.conv2d({ in: 3, out: 1, kernel, padding }),
    flatten: nn.flatten(),
  });
  const weights = initialWeights(module, 5);
  for (const { shape, data } of weights.values()) {
    const isKernel = shape.length > 1;
    for (const i of data.keys()) data[i]! *= only !== undefined ? 0 : isKernel ? 4 : 1;
  }
  if (only !== undefined) {
    weights.get("first.weight")!.data[3 * only.plane] = only.weight;
    weights.get("last.weight")!.data[0] = 1;
  }
  const scaling = { mean: new Array<number>(planes).fill(0), std: new Array<number>(planes).fill(1) };
  const classes = Array.from({ length: SIZE * SIZE }, (_, i) => String(i));
  return { module, input: [SIZE, SIZE, planes], classes, scaling, weights };
}

const at = (name: string) => (name === "pass" ? PASS : vertexNamed(name, SIZE)!);
const stones = (text: string) =>
  text.split(" ").map((word) => ({ colour: (word[0] === "b" ? BLACK : WHITE) as Colour, vertex: at(word.slice(1)) }));
const game = (setup: string, moves: string) => ({
  size: SIZE,
  setup: setup === "" ? [] : stones(setup),
  moves: moves === "" ? [] : stones(moves),
  rules: "",
});

async function probabilityOf(model: TrainedModel, played: ReturnType<typeof game>, colour: Colour, vertex: number) {
  const { board } = positionBefore(played, undefined);
  const network = await networkPolicy(model, quiet);
  try {
    return (await network.probabilities(board, colour))[vertex]!;
  } finally {
    await network.close();
  }
}

it.each([1, 4, 20, 48])("says how much each stone of a position counts, of %d planes", async (planes) => {
  const model = policy(planes);
  const all = "bB2 bC2 wB3 wC3 bD3 wE5".split(" ");
  const look = await lookAtPosition(model, game(all.join(" "), ""), { ...quiet, occlusion: true });
  // Handicap stones: white begins.
  expect([look.size, look.toMove, look.last, look.played, look.planes.length]).toEqual([
    5,
    WHITE,
    undefined,
    undefined,
    planes,
  ]);
  expect(look.legal[look.target]).toBe(1);
  const best = [...look.legal.keys()].filter((v) => look.legal[v] === 1);
  expect(look.probabilities[look.target]).toBe(Math.max(...best.map((v) => look.probabilities[v]!)));
  const before = await probabilityOf(model, game(all.join(" "), ""), WHITE, look.target);
  expect(before).toBeCloseTo(look.probabilities[look.target]!, 6);
  for (const stone of all) {
    const fewer = game(all.filter((other) => other !== stone).join(" "), "");
    const after = await probabilityOf(model, fewer, WHITE, look.target);
    expect(look.removed!.data[at(stone.slice(1))]).toBeCloseTo(before - after, 5);
  }
  const empty = look.stones.indexOf(0);
  expect(look.removed!.data[empty]).toBe(0);
  expect(look.removed!.data.some((fall) => Math.abs(fall) > 1e-3)).toBe(true);
});

it("leaves the stones that stay as old as they were", async () => {
  const model = policy(48);
  const look = await lookAtPosition(model, game("", "bB2 wD4 bC3 wB4"), {
    ...quiet,
    occlusion: true,
    target: at("D2"),
  });
  // A pass takes a turn as the move did.
  const passed = await probabilityOf(model, game("", "bB2 wpass bC3 wB4"), BLACK, at("D2"));
  expect(look.removed!.data[at("D4")]).toBeCloseTo(look.probabilities[at("D2")]! - passed, 5);
});

it("keeps a ko but where its last stone is taken away", async () => {
  // White C5, D4, C3, then B4, which black takes from C4; E1 is far away.
  const moves = "bB5 wC5 bA4 wD4 bB3 wC3 bA1 wB4 bE2 wE1 bC4";
  const model = policy(48, { plane: 46, weight: 2 });
  const played = game("", moves);
  const { board } = positionBefore(played, undefined);
  expect([board.at(at("B4")), board.isLegal(WHITE, at("B4"))]).toEqual([0, false]);
  const look = await lookAtPosition(model, played, { ...quiet, occlusion: true, target: at("A2") });
  const sensible = look.planes[46]!.data.reduce((a, b) => a + b, 0);
  const of = (count: number) => Math.exp(2) / (count * Math.exp(2) + 25 - count);
  expect(look.probabilities[at("A2")]).toBeCloseTo(of(sensible), 5);
  // E1 becomes a point to play on; the ko stays closed.
  expect(look.removed!.data[at("E1")]).toBeCloseTo(of(sensible) - of(sensible + 1), 5);
  // Without the stone that took, there is no ko: both points of it may be played.
  expect(look.removed!.data[at("C4")]).toBeCloseTo(of(sensible) - of(sensible + 2), 5);
});

it("names the planes, and shows what is in them", async () => {
  expect([0, 2, 4, 5, 11, 12, 19, 20, 27, 30, 36, 44, 46].map((plane) => planeName(plane, 48))).toEqual([
    "own stones",
    "empty",
    "last move",
    "2 moves ago",
    "8 or more moves ago",
    "1 liberty",
    "8 or more liberties",
    "takes 1",
    "takes 8 or more",
    "self-atari of 3",
    "1 liberty after it",
    "ladder catches",
    "sensible",
  ]);
  expect(new Set(Array.from({ length: 48 }, (_, plane) => planeName(plane, 48))).size).toBe(48);
  const look = await lookAtPosition(policy(48), game("", "bA5 wB5"), quiet);
  const plane = (name: string) =>
    [...look.planes.find((one) => one.name === name)!.data.keys()].filter(
      (v) => look.planes.find((one) => one.name === name)!.data[v] === 1,
    );
  expect([plane("own stones"), plane("opponent's stones"), plane("last move"), plane("1 liberty")]).toEqual([
    [0],
    [1],
    [1],
    [0],
  ]);
});

it("counts moves as people do, and refuses what is not there", async () => {
  const played = game("", "bB2 wD4 bC3");
  const third = await lookAtPosition(policy(4), played, { ...quiet, move: 3 });
  expect([third.toMove, third.last, third.played]).toEqual([BLACK, at("D4"), at("C3")]);
  const end = await lookAtPosition(policy(4), played, quiet);
  expect([end.toMove, end.last, end.played]).toEqual([WHITE, at("C3"), undefined]);
  const refused = (options: object, of = played) =>
    expect(lookAtPosition(policy(4), of, { ...quiet, ...options })).rejects;
  await refused({ move: 4 }).toThrow("--move 4: the game has 3 moves, from 1 on");
  await refused({ move: 0 }).toThrow("--move 0: the game has 3 moves");
  await refused({ target: at("D4") }).toThrow("--class D4: white may not play there");
  await refused({ layer: "frist" }).toThrow('there is no such layer; did you mean "first"?');
  await refused({}, { ...played, size: 9 }).toThrow("played on 9x9, but the network plays 5x5");
});

it("gives positions of games as samples", () => {
  const samples = positionSamples("games", [{ game: game("", "bB2 wD4"), move: 2, name: "game 1, 2" }], policy(4));
  const numbers = samples.numbersOf(0);
  // White to move, so that black's stone is the opponent's: plane 1.
  expect([numbers[4 * at("B2")], numbers[4 * at("B2") + 1], numbers[4 * at("D4") + 2]]).toEqual([0, 1, 1]);
  const { height, width, bytes } = samples.drawn(0);
  const middle = (v: number) => bytes[3 * ((Math.floor(v / 5) * 7 + 3) * width + (v % 5) * 7 + 3)];
  expect([height, width, middle(at("B2")), middle(at("D4"))]).toEqual([35, 35, 25, 190]);
});

it("draws heat below smaller stones, and discs on them", () => {
  const board = new Board(SIZE);
  board.play(BLACK, at("C3"));
  const plain = boardSvg({ board });
  expect([plain.includes("<rect x="), plain.includes('r="14"')]).toEqual([false, true]);
  const squares = Array.from({ length: 25 }, (_, vertex) => `rgb(${vertex},0,0)`);
  const heat = boardSvg({ board, squares, discs: new Map([[at("C3"), { fill: "#123456", text: "−7", ink: "#fff" }]]) });
  expect(heat).toContain('<rect x="85" y="85" width="30" height="30" fill="rgb(12,0,0)"/>');
  expect(heat).toMatch(
    /<circle cx="100" cy="100" r="9"[^>]*>\n<circle cx="100" cy="100" r="10" fill="#123456"\/>\n<text[^>]*>−7</,
  );
});

it("draws no star in the number of a point where a move is likely", () => {
  const board = new Board(9);
  const stars = (probabilities: ArrayLike<number>) => boardSvg({ board, probabilities }).match(/r="3"/g)?.length;
  const at = (vertex: number, probability: number) =>
    Float32Array.from({ length: 81 }, (_, i) => (i === vertex ? probability : 0));
  expect(stars(new Float32Array(81))).toBe(9);
  // The middle is a star, its neighbour none.
  expect([stars(at(40, 0.5)), stars(at(40, 0.001)), stars(at(41, 0.5))]).toEqual([8, 9, 9]);
});
