/** A worker of a loader: answers chunks until it is retired. */
import { parentPort } from "node:worker_threads";
import { BackendError } from "../../base/errors.js";
import { serveUntilRetired } from "../../host/retire-node.js";
import { LoaderCrew } from "./crew-node.js";
import type { Chunk, Outcome, Recipe } from "./messages.js";

export type LoaderMessage =
  | { readonly kind: "learn"; readonly recipe: number; readonly what: Recipe }
  | { readonly kind: "share"; readonly recipe: number; readonly buffer: number; readonly memory: SharedArrayBuffer }
  | { readonly kind: "forget"; readonly recipe: number }
  | { readonly kind: "run"; readonly id: number; readonly chunk: Chunk };

/**
 * Behind the first message, which says that the worker is there. What the machine lacks for a chunk is said in words.
 */
export type LoaderAnswer =
  | { readonly id: number; readonly outcomes: readonly Outcome[] }
  | { readonly id: number; readonly lacks: string };

if (parentPort !== null) {
  const port = parentPort;
  const crew = new LoaderCrew();
  serveUntilRetired(port, (message: LoaderMessage) => {
    switch (message.kind) {
      case "learn":
        return crew.learn(message.recipe, message.what);
      case "share":
        return crew.share(message.recipe, message.buffer, message.memory);
      case "forget":
        return crew.forget(message.recipe);
      case "run":
        // A rejection ends the worker, which the pool tells.
        return answer(message.chunk).then((said) => port.postMessage({ id: message.id, ...said } as LoaderAnswer));
    }
  });
  const answer = async (chunk: Chunk) => {
    try {
      return { outcomes: await crew.run(chunk) };
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return { lacks: error.message };
    }
  };
  port.postMessage("ready");
}
