import { smoke } from "./smoke.js";

globalThis.report = smoke(JSON.parse(new URLSearchParams(globalThis.location.search).get("options") ?? "{}"));
