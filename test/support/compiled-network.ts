/** Forward and backward of a network as one compiled program: logits, losses, every gradient, and what changes in statistics. */
import { compileEntry } from "#fovea/compiler/compile.js";
import { Session } from "#fovea/devices/cpu/session.js";
import type { Value } from "#fovea/graph/graph.js";
import type { Model } from "#fovea/models/index.js";
import { CROSS_ENTROPY, lossOf, trace } from "#fovea/nn/index.js";
import { differentiate, mean } from "#fovea/ops/index.js";

export interface CompiledNetwork {
  readonly session: Session;
  /** Of the parameters, in order. */
  readonly names: readonly string[];
  /** What `run` returns: "logits", "losses" and "d NAME" of each parameter. */
  run(pixels: Float32Array, labels: readonly number[]): Promise<(name: string) => Float32Array>;
}

export async function compiledNetwork({ module, input }: Model, batch: number): Promise<CompiledNetwork> {
  const { graph, output, parameters, updates } = trace(module, { input, training: true });
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const losses = lossOf(module.loss ?? CROSS_ENTROPY, output, labels);
  const names = [...parameters.keys()];
  const wrt = names.map((name) => parameters.get(name)!.value);
  const gradients = differentiate(mean(losses, { batch: true }), wrt);
  const outputs: Record<string, Value> = { logits: output, losses };
  for (const [i, name] of names.entries()) outputs[`d ${name}`] = gradients[i]!;
  const session = await Session.create({ note: () => {} });
  const entry = { name: "gradients", outputs, assigns: updates };
  const program = await session.load(
    compileEntry(entry, { target: session.target, winograd: session.winograd, maxBatch: batch }),
  );
  const usesRandom = graph.inputs.some(({ attributes }) => attributes.name === "random");
  return {
    session,
    names,
    async run(pixels, classes) {
      const slot = await program.acquire();
      slot.fill("input", pixels);
      slot.fill("labels", classes);
      if (usesRandom) slot.fill("random", [1, 2, 3]);
      await slot.run(batch);
      const found = new Map(Object.keys(outputs).map((name) => [name, slot.output(name) as Float32Array]));
      slot.release();
      return (name) => found.get(name)!;
    },
  };
}
