/** The thread that makes blocks of positions while another trains on them. */
import { parentPort, workerData } from "node:worker_threads";
import { FileError } from "../errors.js";
import { serveUntilRetired } from "../runtime/retire-node.js";
import { PlaneEncoder } from "./planes.js";
import { GameStore } from "./store.js";
import { type Block, encodeGame } from "./stream.js";

export interface WorkerStart {
  /** The store's bytes, shared. */
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly planes: number;
}

export interface WorkerOrder {
  readonly games: Uint32Array;
  readonly into: Block;
}

export type WorkerAnswer =
  | { readonly positions: number }
  /** What is wrong with the file, or else with the thread. */
  | { readonly damage: string }
  | { readonly error: string };

if (parentPort !== null) {
  const port = parentPort;
  const { bytes, name, planes } = workerData as WorkerStart;
  // Whoever opened it has checked it.
  const store = new GameStore(bytes, name, false);
  const encoder = new PlaneEncoder(store.size, planes);
  serveUntilRetired(port, ({ games, into }: WorkerOrder) => {
    let answer: WorkerAnswer;
    try {
      let position = 0;
      for (const game of games) position = encodeGame(store, game, encoder, into, position);
      answer = { positions: position };
    } catch (error) {
      if (error instanceof FileError) answer = { damage: error.message };
      else answer = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    port.postMessage(answer);
  });
}
