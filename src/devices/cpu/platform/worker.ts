/** A worker of the team in a page. */

import { bindWasm } from "../backends/wasm-binding.js";
import { Crew, type TeamMessage } from "../team/crew.js";

const crew = new Crew({ post: (message) => globalThis.postMessage(message), bind: bindWasm });

globalThis.addEventListener("message", (event: MessageEvent<TeamMessage>) => crew.receive(event.data));
