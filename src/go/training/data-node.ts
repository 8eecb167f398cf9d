/** The positions of a store as what a run learns from and is measured on; encoding has a thread of its own. */
import { basename } from "node:path";
import { eachOnce, type Note, noteOnce } from "../../base/notes.js";
import type { Dataset } from "../../data/sets/dataset.js";
import { samplePositions } from "../games/position-sample.js";
import { testGames, testSet, trainingSet } from "../games/position-sets.js";
import type { GameStore } from "../games/store.js";
import { workerMaker } from "../games/stream-node.js";
import { checkPlanes } from "../policy/planes.js";

export interface PositionData {
  /** Positions of the training games, without an end; `length` of them are an epoch. */
  train(length: number): Dataset;
  /** The sample of the positions of the test games. */
  readonly test: Dataset;
}

export interface PositionOptions {
  readonly planes: number;
  /** How many positions of the test games are measured. */
  readonly testPositions: number;
  readonly note?: Note | undefined;
}

/**
 * @param path the store's file.
 * @param options.note is told once where a thread is refused; the console unless given.
 * @throws DataError where there are no training or no test games, OptionError where there is no such set of planes.
 */
export async function positionData(
  store: GameStore,
  path: string,
  { planes, testPositions, note = noteOnce }: PositionOptions,
): Promise<PositionData> {
  checkPlanes(planes);
  testGames(store, path);
  const name = basename(path);
  const once = eachOnce(note);
  const train = (length: number) =>
    trainingSet(store, { name: `${name} train`, planes, length, maker: () => workerMaker(store, planes, once) });
  train(1);
  const sample = await samplePositions(store, store.select("test"), testPositions, planes);
  return { train, test: testSet(`${name} test`, sample, store) };
}
