/** fovea in the page. */
import { FoveaRunner } from "../../fovea/runner.mjs";

export async function start(threads) {
  const runner = new FoveaRunner({ threads, backend: "wasm" });
  const backend = await runner.backend();
  return {
    about: { system: "fovea", details: { backend, threads } },
    prepare: (workload, numbers) => runner.prepare(workload, numbers),
    check: () => runner.check(),
    run: (mode, calls) => runner.run(mode, calls),
  };
}
