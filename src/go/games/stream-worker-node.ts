/** The thread that makes blocks of positions while another trains on them. */
import { parentPort } from "node:worker_threads";
import { FileError } from "../../base/errors.js";
import { serveUntilRetired } from "../../host/retire-node.js";
import { PlaneEncoder } from "../policy/planes.js";
import { GameStore } from "./store.js";
import { type Block, encodeGame } from "./stream.js";

/** The first message. */
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

/** Behind the first message, which says that the thread is there. */
export type WorkerAnswer =
  | { readonly positions: number }
  /** What is wrong with the file, or else with the thread. */
  | { readonly damage: string }
  | { readonly error: string };

interface Reader {
  readonly store: GameStore;
  readonly encoder: PlaneEncoder;
}

function open({ bytes, name, planes }: WorkerStart): Reader {
  // Whoever opened it has checked it.
  const store = new GameStore(bytes, name, false);
  return { store, encoder: new PlaneEncoder(store.size, planes) };
}

function make({ store, encoder }: Reader, { games, into }: WorkerOrder): WorkerAnswer {
  try {
    let position = 0;
    for (const game of games) position = encodeGame(store, game, encoder, into, position);
    return { positions: position };
  } catch (error) {
    if (error instanceof FileError) return { damage: error.message };
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

if (parentPort !== null) {
  const port = parentPort;
  let reader: Reader | undefined;
  serveUntilRetired(port, (message: WorkerStart | WorkerOrder) => {
    if ("bytes" in message) {
      reader = open(message);
      port.postMessage("ready");
    } else port.postMessage(make(reader!, message));
  });
}
