/** Networks whose kernels are short of registers compile for every target, on every machine: encoding needs none of them. */
import { describe, expect, it } from "vitest";
import type { Kernel } from "#fovea/codegen/ir.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { encodeX64, spillsOnX64 } from "#fovea/codegen/x64/encode.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import type { Value } from "#fovea/graph/graph.js";
import * as nn from "#fovea/nn/index.js";
import { add, differentiate, divide, mean, multiply, power, subtract } from "#fovea/ops/index.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";

type Input = readonly [number, number, number];

/** The kernels of a network's forward and backward pass for some classes. */
function trainingKernels(module: nn.Module, input: Input, target: Target): readonly Kernel[] {
  const { graph, output, parameters, updates } = nn.trace(module, { input, training: true });
  const labels = graph.input("labels", { shape: output.shape.slice(0, -1), dtype: "i32" });
  const loss = mean(nn.lossOf(nn.CROSS_ENTROPY, output, labels), { batch: true });
  const wrt = [...parameters.values()].map(({ value }) => value);
  const outputs: Record<string, Value> = { loss };
  for (const [i, gradient] of differentiate(loss, wrt).entries()) outputs[`gradient ${i}`] = gradient;
  return compileEntry({ name: "step", outputs, assigns: updates }, { target, maxBatch: 3 }).kernels;
}

function encode(kernel: Kernel): void {
  const code =
    kernel.target.name === "wasm"
      ? encodeWasm([kernel], { initialPages: 1, maximumPages: 1, shared: false })
      : encodeX64(kernel);
  expect(code.length).toBeGreaterThan(0);
}

/** Layer norm over the last axis, as its formula stands. */
class LayerNorm extends nn.Module {
  constructor(readonly epsilon = 1e-5) {
    super();
  }
  override forward(x: Value): Value {
    const centred = subtract(x, mean(x, { axes: [0] }));
    const variance = mean(multiply(centred, centred), { axes: [0] });
    return divide(centred, power(add(variance, x.graph.constant(this.epsilon, {})), 0.5));
  }
}

describe.each([AVX512, AVX2, WASM, WASM_RELAXED])("kernels for $name with $fma multiply-adds", (target) => {
  it.each([
    [[4, 4], 4],
    [[4, 4], 3],
    [[4, 4], 2],
    [[2, 8], 2],
    [[8, 2], 2],
    [[3, 5], 3],
    [[5, 3], 1],
  ] as const)("goes through pools of %j at stride %i", (kernel, stride) => {
    const input: Input = [16, 16, 3];
    const net = nn.sequential(
      nn.conv2d({ in: 3, out: 8, kernel: 3, padding: 1 }),
      nn.relu(),
      nn.maxPool2d([...kernel], { stride }),
      nn.adaptiveAvgPool2d(1),
      nn.flatten(),
      nn.linear({ in: 8, out: 3 }),
    );
    for (const each of trainingKernels(net, input, target)) {
      encode(each);
      // It fits: nothing of a small window needs to wait in memory.
      if (target.name !== "wasm") expect([each.name, spillsOnX64(each)]).toEqual([each.name, false]);
    }
  });

  it.each([64, 96, 100, 120, 200, 250, 300, 384, 500])("normalises layers of %i", (width) => {
    const net = nn.sequential(
      nn.flatten(),
      nn.linear({ in: 20, out: width }),
      new LayerNorm(),
      nn.relu(),
      nn.linear({ in: width, out: 2 }),
    );
    for (const each of trainingKernels(net, [1, 1, 20], target)) encode(each);
  });
});
