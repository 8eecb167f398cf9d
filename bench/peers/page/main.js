/**
 * The page of chromium-peer.mjs: `?system=fovea&threads=2` starts one system, which takes its threads once a page. The numbers of a workload
 * are fetched from where the peer serves its folder. `window.peer` answers what the peer is asked.
 */
const query = new URLSearchParams(location.search);
const threads = Number(query.get("threads"));

const systems = {
  fovea: () => import("./fovea.js"),
  tensorflow: () => import("./tensorflow.js"),
  onnxruntime: () => import("./onnxruntime.js"),
};

async function numbers() {
  const { tensors } = await (await fetch("/inputs/manifest.json")).json();
  const read = async ({ name, shape, dtype, file }) => {
    const bytes = await (await fetch(`/inputs/${file}`)).arrayBuffer();
    return [name, { shape, data: dtype === "i32" ? new Int32Array(bytes) : new Float32Array(bytes) }];
  };
  return new Map(await Promise.all(tensors.map(read)));
}

systems[query.get("system")]()
  .then(({ start }) => start(threads))
  .then((system) => {
    window.peer = {
      hello: () => ({ ...system.about, isolated: crossOriginIsolated }),
      prepare: async (workload) => system.prepare(workload, await numbers()),
      check: async () => Array.from(await system.check()),
      run: (mode, calls) => system.run(mode, calls),
    };
  })
  .catch((error) => {
    window.broken = String(error.message ?? error);
  });
