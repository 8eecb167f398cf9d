/**
 * Positions of games as data sets, so that a policy is trained and measured as any classifier is. A class is a vertex.
 * Training positions come from a stream without an end: an "epoch" is a number of steps, not all positions there are,
 * and goes on where the one before stopped. Which positions a batch holds follows from the store, the seed and the
 * number of the batch alone.
 */

import { DataError } from "../../base/errors.js";
import type { Dataset } from "../../data/sets/dataset.js";
import type { OpenStream, PictureStream } from "../../data/sets/stream.js";
import { symmetriesOf, vertexName } from "../board/geometry.js";
import { PACKED_WORDS, spreadPacked } from "../policy/spread.js";
import type { PositionSample } from "./position-sample.js";
import type { GameStore } from "./store.js";
import { type BlockMaker, PositionStream } from "./stream.js";

/** A maker of blocks that ends what threads it has. */
export interface ClosingMaker extends BlockMaker {
  close(): Promise<void>;
}

export interface TrainingSetOptions {
  /** What errors and reports call it. */
  readonly name: string;
  readonly planes: number;
  /** Positions of an epoch. */
  readonly length: number;
  /** Makes whoever encodes positions; called when training begins. */
  maker(): ClosingMaker;
  /** As PositionStream takes it. */
  readonly blockPositions?: number | undefined;
}

/** Names of the classes: of the vertices, row by row from the upper left. */
export const vertexNames = (size: number): string[] =>
  Array.from({ length: size * size }, (_, vertex) => vertexName(vertex, size));

function setOf(
  name: string,
  { size, planes, length }: { readonly size: number; readonly planes: number; readonly length: number },
  rest: Pick<Dataset, "labels" | "stream" | "contents" | "inOrder">,
): Dataset {
  return {
    name,
    length,
    classes: vertexNames(size),
    shape: [size, size, planes],
    images: new Uint8Array(),
    mean: new Array<number>(planes).fill(0),
    std: new Array<number>(planes).fill(1),
    ...rest,
  };
}

const noBytes = () => Promise.reject(new DataError("positions of games are no pictures: there are no bytes to show"));

/** @throws DataError where the store has no training games. */
export function trainingSet(store: GameStore, options: TrainingSetOptions): Dataset {
  const { name, planes, length, blockPositions } = options;
  const games = store.select("train");
  if (games.length === 0) throw new DataError(`${name}: has no training games; prepare a store of more games`);
  const open: OpenStream = ({ seed }) => {
    const maker = options.maker();
    const stream = new PositionStream(store, games, { planes, seed, maker, ...(blockPositions && { blockPositions }) });
    const sample = store.size * store.size * planes;
    const fill = async (first: number, count: number, images: Float32Array, labels: Int32Array) => {
      const place = { epoch: Math.floor(first / stream.length), position: first % stream.length };
      if (place.epoch !== stream.place.epoch || place.position !== stream.place.position) stream.seek(place);
      // A batch may begin in one pass over the store and end in the next.
      for (let n = 0; n < count; ) {
        n += await stream.fill(count - n, images.subarray(n * sample), labels.subarray(n));
      }
      return [];
    };
    let last: Promise<unknown> = Promise.resolve();
    return {
      fill(indices, epoch, images, labels) {
        // The stream has one reader: batches are filled one after the other, in the order in which they were asked for.
        const filled = last.then(() =>
          fill(epoch * length + indices[0]!, indices.length, images, labels as Int32Array),
        );
        last = filled.catch(() => {});
        return filled;
      },
      bytes: noBytes,
      async close() {
        await last;
        await maker.close();
      },
    } satisfies PictureStream;
  };
  const contents = `positions of the training games of store ${store.checkSum.toString(16)}, ${games.length} games`;
  return setOf(
    name,
    { size: store.size, planes, length },
    { labels: new Int32Array(), stream: open, contents, inOrder: true },
  );
}

/** Positions of a sample, as they stand. */
export function testSet(name: string, sample: PositionSample, store: GameStore): Dataset {
  const { block, length, planes, size } = sample;
  const area = size * size;
  const table = symmetriesOf(size)[0]!;
  const open: OpenStream = () => ({
    async fill(indices, _epoch, images, labels) {
      for (const [n, index] of indices.entries()) {
        const from = index * area * PACKED_WORDS;
        spreadPacked(block.packed, from, table, planes, images, n * area * planes);
        labels[n] = block.labels[index]!;
      }
      return [];
    },
    bytes: noBytes,
    close: () => Promise.resolve(),
  });
  const contents = `${length} of ${sample.of} positions of the test games of store ${store.checkSum.toString(16)}`;
  return setOf(name, sample, { labels: Int32Array.from(block.labels), stream: open, contents });
}

/** Which games are test games, as a reader may check it. */
export interface TestGames {
  /** The rule, in words. */
  readonly split: string;
  readonly games: number;
  readonly positions: number;
  readonly of: number;
  /** The files that they came from, and how many of each. */
  readonly sources: Readonly<Record<string, number>>;
}

/** @throws DataError where there are none. */
export function testGames(store: GameStore, name: string): TestGames {
  const games = store.select("test");
  if (games.length === 0) {
    throw new DataError(
      `${name}: none of its ${store.games} games is a test game (${store.description.split}); prepare a store of more games`,
    );
  }
  const sources: Record<string, number> = {};
  let positions = 0;
  for (const game of games) {
    const source = store.source(game);
    sources[source] = (sources[source] ?? 0) + 1;
    positions += store.positionCount(game);
  }
  return { split: store.description.split, games: games.length, positions, of: store.games, sources };
}
