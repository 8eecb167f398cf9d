/** Stores of games as files: written whole or not at all, read into memory that threads can share. */

import { DataError } from "../../base/errors.js";
import { writeFileAtomically } from "../../host/atomic-write-node.js";
import { readWholeFile } from "../../host/read-node.js";
import type { CountProgress } from "../../train/records.js";
import { findGameFiles, parseGameTexts, readGameTexts } from "../sgf/read-node.js";
import { GameStore, StoreBuilder } from "./store.js";

/**
 * Opens a store of games, which `fovea go prepare` wrote.
 * @throws FileError if the file is missing, no store, or cut short
 */
export async function openStore(path: string): Promise<GameStore> {
  const bytes = await readWholeFile(path);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return new GameStore(shared, path);
}

export interface PrepareOptions {
  /** Files and folders of SGF. */
  readonly games: readonly string[];
  readonly out: string;
  readonly size?: number;
}

export interface PrepareListener {
  /** Called after each game with the games that are read and their total, and waited for. @default none */
  onProgress?(progress: CountProgress): void;
  /** Called with each game that is left out, and why; waited for. @default none */
  onSkip?(skipped: { readonly name: string; readonly why: string }): void;
  /** Ends it between games where it is aborted, and nothing is written. @default none */
  readonly signal?: AbortSignal | undefined;
}

export interface Prepared {
  readonly store: GameStore;
  readonly read: number;
}

/**
 * Builds a store from files of games.
 * @returns undefined where it was asked to stop; nothing is written then.
 * @throws FileError where a file cannot be read, DataError where no game is left.
 */
export async function prepareStore(
  options: PrepareOptions,
  listener: PrepareListener = {},
): Promise<Prepared | undefined> {
  const files = await findGameFiles(options.games);
  const builder = new StoreBuilder(options.size ?? 19);
  // Counted first, which takes a hundredth of the time, so that the progress is one of games.
  let total = 0;
  for (const file of files) total += (await readGameTexts(file)).texts.filter((text) => text.trim() !== "").length;
  let done = 0;
  for (const file of files) {
    for (const { name, game } of parseGameTexts(await readGameTexts(file))) {
      if (listener.signal?.aborted) return undefined;
      if (game instanceof DataError) {
        builder.skip("broken");
        await listener.onSkip?.({ name, why: game.message });
      } else {
        const why = builder.add(game, file);
        if (why !== undefined) await listener.onSkip?.({ name, why });
      }
      done++;
      await listener.onProgress?.({ done, total: Math.max(total, done) });
      // Signals are heard between games.
      if (done % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const bytes = builder.finish();
  await writeFileAtomically(options.out, [bytes]);
  return { store: new GameStore(bytes, options.out), read: done };
}
