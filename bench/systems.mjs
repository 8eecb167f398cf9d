/** The systems that can be measured here: fovea, and whichever peers are installed (`bench/peers/setup`), for native code and for WebAssembly. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Child } from "./child.mjs";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

const TORCH_PEER = path("peers/torch_peer.py");
const VENV_PYTHON = path("peers/.venv/bin/python");
const SYSTEM_PYTHON = "/usr/bin/python3";

/**
 * @typedef {object} System
 * @property {string} id
 * @property {string} name       with its version
 * @property {"fovea" | "PyTorch" | "ONNX Runtime" | "TensorFlow.js" | "ONNX Runtime Web"} family
 * @property {boolean} [readsOnnx]    it computes the network of an ONNX file
 * @property {boolean} [onlyExports]  it writes that file, and is not measured
 * @property {object} details
 * @property {Child} child
 */

/** Asks each for its name; `note` is told what is left out. */
class Starter {
  /** @type {System[]} */
  systems = [];

  constructor(note) {
    this.note = note;
  }

  async start(id, family, child, more = {}) {
    try {
      const { system, details } = await child.ask("hello");
      this.systems.push({ id, family, name: system, details, child, ...more });
    } catch (error) {
      this.note(`${id} is left out: ${error.message}`);
      await child.close();
    }
  }

  /** Whether a package of bench/peers is there. */
  hasPackage(name, id) {
    const has = existsSync(path(`peers/node_modules/${name}`));
    if (!has) this.note(`${id} is left out: ${name} is not installed; bench/peers/setup installs it`);
    return has;
  }

  /** One of the packages of bench/peers, by its file. */
  async startPackage(id, family, file, { threads, ...more } = {}) {
    const env = threads === undefined ? {} : { FOVEA_BENCH_THREADS: String(threads) };
    await this.start(id, family, new Child(process.execPath, [path(`peers/${file}`)], { env }), more);
  }

  /** One of the systems of peers/page. */
  async startPage(id, family, system, { threads, ...more }) {
    const env = { FOVEA_BENCH_SYSTEM: system, FOVEA_BENCH_THREADS: String(threads) };
    await this.start(id, family, new Child(process.execPath, [path("peers/chromium-peer.mjs")], { env }), more);
  }

  async startWheel(more) {
    const python = process.env.FOVEA_BENCH_PYTHON ?? VENV_PYTHON;
    if (existsSync(python)) await this.start("torch-wheel", "PyTorch", new Child(python, [TORCH_PEER], { env: torchEnv() }), more);
    else this.note(`PyTorch's wheel is left out: there is no ${python}; bench/peers/setup installs it`);
  }

  async startDebian(more) {
    if (await hasTorch(SYSTEM_PYTHON)) {
      const env = { ...torchEnv(), ...(await bestBlas(this.note)) };
      await this.start("torch-debian", "PyTorch", new Child(SYSTEM_PYTHON, [TORCH_PEER], { env }), more);
    } else this.note("Debian's PyTorch is left out: python3-torch is not installed; bench/peers/setup installs it");
  }
}

const WASM_PEERS = [
  { peer: "tfjs", id: "tfjs-wasm", family: "TensorFlow.js", name: "@tensorflow/tfjs-backend-wasm", system: "tensorflow", file: "tensorflow-peer.mjs" },
  {
    peer: "ort-web",
    id: "onnxruntime-web",
    family: "ONNX Runtime Web",
    name: "onnxruntime-web",
    system: "onnxruntime",
    file: "onnxruntime-web-peer.mjs",
    readsOnnx: true,
  },
];

/**
 * Those that compute in WebAssembly, in Node or, `inChromium`, each in a page of its own. They take the number of threads once a
 * process, so that each number has a process of its own. A PyTorch writes the network that ONNX Runtime reads, and is not measured.
 * @returns {Promise<System[]>}
 */
export async function startWasmSystems({ peers, inChromium = false, note }) {
  const starter = new Starter(note);
  if (inChromium) await starter.startPage("fovea in Chromium", "fovea", "fovea", { threads: 2 });
  else await starter.start("fovea wasm", "fovea", new Child(process.execPath, [path("fovea/peer.mjs")], { env: { FOVEA_BACKEND: "wasm" } }));
  const there = WASM_PEERS.filter(({ peer, name, id }) => peers.includes(peer) && starter.hasPackage(name, id));
  for (const threads of [1, 2])
    for (const { id, family, system, file, readsOnnx } of there) {
      if (inChromium) await starter.startPage(`${id}-${threads}`, family, system, { threads, readsOnnx });
      else await starter.startPackage(`${id}-${threads}`, family, file, { threads, readsOnnx });
    }
  if (starter.systems.some(({ readsOnnx }) => readsOnnx)) {
    await starter.startWheel({ onlyExports: true });
    if (!starter.systems.some(({ onlyExports }) => onlyExports)) await starter.startDebian({ onlyExports: true });
  }
  return starter.systems;
}

/** Those that run as native code. @returns {Promise<System[]>} */
export async function startSystems({ backends, direct = false, peers, note }) {
  const starter = new Starter(note);
  for (const backend of backends) {
    const env = backend === undefined ? {} : { FOVEA_BACKEND: backend };
    await starter.start(
      backend === undefined ? "fovea" : `fovea ${backend}`,
      "fovea",
      new Child(process.execPath, [path("fovea/peer.mjs")], { env }),
    );
  }
  if (direct) {
    const env = { ...(backends[0] === undefined ? {} : { FOVEA_BACKEND: backends[0] }), FOVEA_WINOGRAD: "off" };
    await starter.start("fovea direct", "fovea", new Child(process.execPath, [path("fovea/peer.mjs")], { env }));
  }
  if (peers.includes("torch")) {
    await starter.startWheel();
    await starter.startDebian();
  }
  if (peers.includes("ort") && starter.hasPackage("onnxruntime-node", "onnxruntime-node"))
    await starter.startPackage("onnxruntime-node", "ONNX Runtime", "onnxruntime-peer.mjs", { readsOnnx: true });
  return starter.systems;
}

async function hasTorch(python) {
  if (!existsSync(python)) return false;
  try {
    execFileSync(python, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

/** Two threads, and an allocator that keeps memory instead of giving it back to the system at each call. */
function torchEnv() {
  const env = { OMP_NUM_THREADS: "2", MKL_NUM_THREADS: "2", OPENBLAS_NUM_THREADS: "2", PYTHONDONTWRITEBYTECODE: "1" };
  const tcmalloc = library("libtcmalloc_minimal.so.4");
  return tcmalloc === undefined ? env : { ...env, LD_PRELOAD: tcmalloc };
}

function library(name) {
  for (const ldconfig of ["/sbin/ldconfig", "ldconfig"]) {
    try {
      const list = execFileSync(ldconfig, ["-p"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
      return list
        .split("\n")
        .find((line) => line.includes(name))
        ?.split("=> ")[1]
        ?.trim();
    } catch {
      // the next name
    }
  }
  return undefined;
}

/** Debian's OpenBLAS may not know this processor: the core type whose matrix products are the fastest here. */
async function bestBlas(note) {
  if (process.env.OPENBLAS_CORETYPE !== undefined) return {};
  const info = existsSync("/proc/cpuinfo") ? readFileSync("/proc/cpuinfo", "utf8") : "";
  const candidates = [undefined, "Haswell"];
  if (info.includes("AuthenticAMD")) candidates.push("Zen");
  if (/\bavx512f\b/.test(info)) candidates.push("SkylakeX");
  let best = { ms: Number.POSITIVE_INFINITY, type: undefined };
  for (const type of candidates) {
    const env = { ...torchEnv(), ...(type === undefined ? {} : { OPENBLAS_CORETYPE: type }) };
    const child = new Child(SYSTEM_PYTHON, [TORCH_PEER], { env });
    try {
      const { ms } = await child.ask("gemm");
      // Its own choice stands unless another is clearly faster.
      if (ms < best.ms * (best.type === undefined ? 0.97 : 1)) best = { ms, type };
    } catch (error) {
      note(`OPENBLAS_CORETYPE=${type ?? ""}: ${error.message}`);
    } finally {
      await child.close();
    }
  }
  return best.type === undefined ? {} : { OPENBLAS_CORETYPE: best.type };
}
