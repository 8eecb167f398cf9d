/** Stores whose check sum is right and whose content is not: each is refused in words, or read as other legal games. */
import { expect, it } from "vitest";
import { GameStore } from "#fovea/go/games/store.js";
import { localMaker, PositionStream } from "#fovea/go/games/stream.js";
import { workerMaker } from "#fovea/go/games/stream-node.js";
import { random } from "../support/random.js";
import { randomGames, storeBytes } from "./support/random-store.js";

const HEAD = 24;

/** Makes the check sum right again. */
function signed(bytes: Uint8Array): Uint8Array {
  let sum = 0x811c9dc5;
  for (let i = HEAD; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i]!, 0x01000193);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(20, sum >>> 0, true);
  return bytes;
}

const whole = storeBytes(randomGames({ size: 5, train: 6, test: 1, moves: [5, 12] }));
const descriptionLength = new DataView(whole.buffer).getUint32(8, true);
const RECORDS = HEAD + descriptionLength;

/** Puts numbers of 16 bits into the first game's record, or its moves. */
function changed(at: number, ...values: number[]): Uint8Array {
  const bytes = whole.slice();
  for (const [i, value] of values.entries()) new DataView(bytes.buffer).setUint16(at + 2 * i, value, true);
  return signed(bytes);
}

const words = RECORDS + 7 * 32;

it.each([
  ["a size of 99", describing({ size: 99 }), "s.store: its description is damaged: expected a size from 1 to 25"],
  ["a size in words", describing({ size: "9" }), "its description is damaged: expected a size from 1 to 25"],
  ["no sources", describing({ sources: null }), "its description is damaged: expected lists of names"],
  ["rules that are no names", describing({ rules: [{}] }), "its description is damaged: expected lists of names"],
  ["null", changedText("null"), "its description is damaged: expected a size"],
  ["no JSON", changedText("{{{{"), "s.store: its description is damaged: it is not JSON; make it again"],
  ["moves behind the end", changed(RECORDS, 0xffff, 0x7fff), "s.store: game 0 is damaged: its moves end at word"],
  ["more moves than there are", changed(RECORDS + 14, 0xffff), "s.store: game 0 is damaged: its moves end at word"],
  ["a source that is not there", changed(RECORDS + 8, 7), "s.store: game 0 is damaged: no source; make it again"],
  ["a fifth result", changed(RECORDS + 20, 5), "s.store: game 0 is damaged: no result; make it again"],
  [
    "a point off the board",
    changed(words, 25),
    "s.store: game 0 is damaged: move 1, black 25: it is off the 5x5 board",
  ],
  ["a point twice", changed(words, 3, 0x8003), "game 0 is damaged: move 2, white D5: the point is occupied"],
])("names %s", (_, bytes, why) => {
  expect(() => new GameStore(bytes, "s.store").game(0)).toThrow(why);
});

function changedText(text: string): Uint8Array {
  const bytes = whole.slice();
  bytes.fill(0x20, HEAD, RECORDS).set(new TextEncoder().encode(text), HEAD);
  return signed(bytes);
}

function describing(change: object): Uint8Array {
  const text = new TextDecoder().decode(whole.subarray(HEAD, RECORDS));
  return changedText(JSON.stringify({ ...JSON.parse(text), split: "", ...change }));
}

it("throws nothing but its own errors, whatever is changed", async () => {
  const rng = random(3);
  let refused = 0;
  for (let i = 0; i < 3000; i++) {
    const bytes = whole.slice();
    for (let n = rng.integer(1, 4); n > 0; n--) bytes[rng.integer(8, bytes.length - 1)] = rng.integer(0, 255);
    try {
      const store = new GameStore(signed(bytes), "s.store");
      for (let game = 0; game < store.games; game++) {
        store.positionCount(game);
        store.source(game);
        store.game(game);
      }
    } catch (error) {
      expect((error as Error).constructor.name).toBe("FileError");
      expect((error as Error).message).toMatch(/^s\.store: /);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

it("names the game where a thread reads it, too", async () => {
  const shared = (bytes: Uint8Array) => {
    const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
    copy.set(bytes);
    return copy;
  };
  const store = new GameStore(shared(changed(words, 3, 0x8003)), "s.store");
  const games = Uint32Array.from({ length: store.games }, (_, n) => n);
  const worker = workerMaker(store, 48);
  try {
    for (const maker of [worker, localMaker(store, 48)]) {
      const stream = new PositionStream(store, games, { planes: 48, maker });
      await expect(stream.ready()).rejects.toThrow("s.store: game 0 is damaged: move 2, white D5");
    }
  } finally {
    await worker.close();
  }
});
