/** A worker of the team in a page. */
import { Crew, type TeamMessage } from "./crew.js";
import { bindWasm } from "./wasm-binding.js";

const crew = new Crew({ post: (message) => globalThis.postMessage(message), bind: bindWasm });

globalThis.addEventListener("message", (event: MessageEvent<TeamMessage>) => crew.receive(event.data));
