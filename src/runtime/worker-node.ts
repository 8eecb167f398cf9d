/** A worker of the team in Node: binds machine code as well. */
import { parentPort } from "node:worker_threads";
import { Crew, type TeamMessage } from "./crew.js";
import { serveUntilRetired } from "./retire-node.js";
import { bindWasm } from "./wasm-binding.js";

if (parentPort !== null) {
  const port = parentPort;
  let binder: import("./native/binding.js").NativeBinder | undefined;
  const crew = new Crew({
    post: (message) => port.postMessage(message),
    bind: async (code) => {
      if (code.kind !== "native") return bindWasm(code);
      binder ??= new (await import("./native/binding.js")).NativeBinder();
      return binder.bind(code);
    },
  });
  serveUntilRetired(port, (message: TeamMessage) => crew.receive(message));
}
