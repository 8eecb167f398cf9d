/** A look at a policy for Go and one of its positions. */
import { basename } from "node:path";
import { DataError, OptionError } from "../../../base/errors.js";
import { colourName, PASS, vertexName, vertexNamed } from "../../../go/board/geometry.js";
import { openStore } from "../../../go/games/store-node.js";
import {
  type NamedPosition,
  positionSamples,
  writePositionInspection,
} from "../../../go/inspect/position-page-node.js";
import { boardOf } from "../../../go/policy/policy.js";
import { findGameFiles, parseGameTexts, readGame, readGameTexts } from "../../../go/sgf/read-node.js";
import type { GameRecord } from "../../../go/sgf/record.js";
import { exists } from "../../../host/exists-node.js";
import type { TrainedModel } from "../../../model/trained-model.js";
import { percent } from "../../terminal/output.js";
import type { Inspection, Said } from "./inspection.js";

export function playsGo(model: TrainedModel): boolean {
  try {
    boardOf(model);
    return true;
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

export async function inspectGame({ found, subject, flags, out, options }: Inspection): Promise<Said> {
  const { model } = found;
  const { size } = boardOf(model);
  const game = await readGame(subject);
  if (game.size !== size)
    throw new DataError(
      `${subject}: is played on ${game.size}x${game.size}, but the network plays ${size}x${size}; name another game or model`,
    );
  const data = flags.data === undefined ? undefined : await positionsOf(flags.data, size, flags.pictures);
  const look = await writePositionInspection(out, model, game, {
    ...options,
    move: flags.move,
    target: flags.class === undefined ? undefined : pointNamed(flags.class, size),
    data: data && positionSamples(basename(flags.data!), data, model),
  });
  const { probabilities, legal, target, toMove, gradCam, removed } = look;
  const order = [...legal.keys()].filter((vertex) => legal[vertex] === 1);
  order.sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  const best = order.slice(0, flags.top).map((v) => ({ vertex: vertexName(v, size), probability: probabilities[v]! }));
  const said = best.slice(0, 3).map(({ vertex, probability }) => `${vertex} ${percent(probability)}`);
  return {
    text: `${subject}: ${colourName(toMove)} to move: ${said.join(", ")}`,
    event: {
      toMove: colourName(toMove),
      best,
      target: vertexName(target, size),
      probability: probabilities[target],
      gradCam: { layer: gradCam.path, height: gradCam.height, width: gradCam.width, heat: [...gradCam.data] },
      ...(removed === undefined ? {} : { removed: [...removed.data] }),
    },
  };
}

function pointNamed(text: string, size: number): number {
  const vertex = vertexNamed(text.trim(), size);
  if (vertex !== undefined && vertex !== PASS) return vertex;
  throw new OptionError(
    `--class ${text}: is no point of a ${size}x${size} board; expected one such as ${vertexName(size * size - 1, size)}`,
  );
}

// --- Positions to look through

/** Positions of the test games of a store, or of games in SGF: so many, evenly spread. */
async function positionsOf(path: string, size: number, count: number): Promise<NamedPosition[]> {
  const isGames = /\.(sgf|gz)$/i.test(path) || !(await exists(path)) || (await isFolder(path));
  const games = isGames ? await gamesOf(path) : await gamesOfStore(path);
  const fitting = games.filter(({ game }) => game.size === size);
  const moves = fitting.flatMap(({ game, name }) =>
    game.moves.map((_, i) => ({ game, move: i + 1, name: `${name}, move ${i + 1}` })),
  );
  if (moves.length === 0)
    throw new DataError(`--data ${path}: has no moves on a ${size}x${size} board; name games of that size`);
  const length = Math.min(count, moves.length);
  return Array.from({ length }, (_, i) => moves[Math.floor((i * moves.length) / length)]!);
}

interface NamedGame {
  readonly game: GameRecord;
  readonly name: string;
}

async function gamesOf(path: string): Promise<NamedGame[]> {
  const games: NamedGame[] = [];
  for (const file of await findGameFiles([path]))
    for (const { game } of parseGameTexts(await readGameTexts(file)))
      if (!(game instanceof DataError)) games.push({ game, name: `game ${games.length + 1}` });
  return games;
}

async function gamesOfStore(path: string): Promise<NamedGame[]> {
  const store = await openStore(path);
  const games = store.select("test");
  return [...games].map((number) => ({ game: store.game(number), name: `game ${number + 1}` }));
}

async function isFolder(path: string): Promise<boolean> {
  const { stat } = await import("node:fs/promises");
  return (await stat(path)).isDirectory();
}
