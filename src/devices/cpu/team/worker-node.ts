/** A worker of the team in Node: binds machine code as well. It serves one team after the other. */
import { parentPort } from "node:worker_threads";
import { serveUntilRetired } from "../../../host/retire-node.js";
import { bindWasm } from "../backends/wasm-binding.js";
import { Crew, type TeamMessage } from "./crew.js";
import { BEGIN } from "./team-threads-node.js";

if (parentPort !== null) {
  const port = parentPort;
  let crew: Crew | undefined;
  /** Whether this thread has called machine code. */
  let isNative = false;
  const newCrew = () => {
    // Of a team: addresses are used again by the next one.
    let binder: import("../native/binding.js").NativeBinder | undefined;
    return new Crew({
      post: (message) => port.postMessage(message),
      bind: async (code) => {
        if (code.kind !== "native") return bindWasm(code);
        isNative = true;
        binder ??= new (await import("../native/binding.js")).NativeBinder();
        return binder.bind(code);
      },
    });
  };
  serveUntilRetired(
    port,
    (message: TeamMessage | typeof BEGIN) => {
      if (message !== BEGIN) return crew?.receive(message);
      crew = newCrew();
      return undefined;
    },
    () => {
      crew = undefined;
      return isNative;
    },
  );
}
