/** fovea in Node as one of the systems that are measured. FOVEA_BACKEND chooses the backend. */
import { readInputs, writeNumbers } from "../inputs.mjs";
import { serve } from "../serve.mjs";
import { FoveaRunner } from "./runner.mjs";

const THREADS = 2;
const runner = new FoveaRunner({ threads: THREADS });

serve({
  hello: async () => ({
    system: "fovea",
    details: { backend: await runner.backend(), threads: THREADS, node: process.version },
  }),
  prepare: ({ workload, folder }) => runner.prepare(workload, readInputs(folder)),
  check: async ({ file }) => writeNumbers(file, await runner.check()),
  run: async ({ mode, calls }) => ({ ms: await runner.run(mode, calls) }),
});
