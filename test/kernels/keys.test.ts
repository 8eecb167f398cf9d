/** Equal keys mean equal code: kernels and packed weights are shared by their keys, in a program and in a session. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ShapeError } from "#fovea/base/errors.js";
import { defineKernel } from "#fovea/codegen/definition.js";
import type { Kernel } from "#fovea/codegen/ir.js";
import { printKernel } from "#fovea/codegen/print.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import type { Op, Value } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import type { Strategy } from "#fovea/kernels/contract/strategy.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { predictionEntry } from "#fovea/model/prediction.js";
import { create } from "#fovea/models/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { trainingEntries } from "#fovea/train/step.js";
import { readSources } from "../support/imports.js";
import { leaves } from "../support/lowering.js";
import { type OpCase, opCases } from "../support/op-cases.js";
import { random } from "../support/random.js";

const CASES = Number(process.env.FOVEA_TEST_SHAPES ?? 8);

/** What machines offer now, and what others might. */
const TARGETS: readonly Target[] = [
  AVX512,
  AVX2,
  WASM,
  WASM_RELAXED,
  { ...AVX512, registers: { vector: 24, int: 14, mask: 7 } },
  { ...AVX2, registers: { vector: 15, int: 12, mask: 0 }, foldsBroadcast: true },
  { ...AVX2, fma: "separate", hoistsLoads: true },
];

/** Collects kernels, and the keys that were given to two that differ. */
class Keys {
  readonly #codes = new Map<string, string>();
  readonly shared = new Set<string>();
  readonly ambiguous = new Set<string>();

  add(kernel: Kernel): void {
    const code = createHash("sha1").update(printKernel(kernel)).digest("base64");
    const known = this.#codes.get(kernel.key);
    if (known === undefined) this.#codes.set(kernel.key, code);
    else (known === code ? this.shared : this.ambiguous).add(kernel.key);
  }
  get size(): number {
    return this.#codes.size;
  }
}

/** The case itself, and with heights and widths changed for each other where the op allows it: as large, but not alike. */
function variants(op: Op, c: OpCase): Value[] {
  const turned = c.inputs.map((input) => {
    const [height, width, ...rest] = input.shape;
    return input.shape.length < 3 ? input : { ...input, shape: [width!, height!, ...rest] };
  });
  return [c.inputs, turned].flatMap((signatures) => {
    const graph = new Graph();
    try {
      return [graph.add(op, c.attributes, leaves(graph, signatures)) as Value];
    } catch (error) {
      if (error instanceof ShapeError) return [];
      throw error;
    }
  });
}

describe("equal keys mean equal code", () => {
  it("of every op, by every strategy, for every target", () => {
    const keys = new Keys();
    for (const op of ALL_OPS) {
      const strategies: (Strategy | undefined)[] = STRATEGIES.filter((s) => s.ops.includes(op.name));
      for (let seed = 1; seed <= CASES; seed++) {
        const rng = random(seed * 104729 + op.name.length);
        const maxBatch = rng.pick([1, 2, 3, 20]);
        for (const root of variants(op, opCases[op.name]!(rng))) {
          for (const target of TARGETS) {
            for (const strategy of strategies.length === 0 ? [undefined] : strategies) {
              if (strategy !== undefined && !strategy.accepts(root, target)) continue;
              const chosen = strategy === undefined ? {} : { strategies: [strategy] };
              const entry = { name: op.name, outputs: { y: root }, assigns: [] };
              const { kernels } = compileEntry(entry, { target, maxBatch, ...chosen });
              for (const kernel of kernels) keys.add(kernel);
            }
          }
        }
      }
    }
    expect([...keys.ambiguous]).toEqual([]);
    expect(keys.size).toBeGreaterThan(2000);
    expect(keys.shared.size).toBeGreaterThan(500);
  });

  it("of networks, for several batches", () => {
    const keys = new Keys();
    for (const name of ["lenet5", "lenet5-1998", "fast-cifar"]) {
      const model = create(name);
      const { step } = trainingEntries(model.module, model.input, sgd({ lr: 0.1, momentum: 0.9 }));
      const { entry } = predictionEntry(create(name).module, model.input);
      for (const target of [AVX512, WASM])
        for (const maxBatch of [1, 16])
          for (const compiled of [step, entry])
            for (const kernel of compileEntry(compiled, { target, maxBatch }).kernels) keys.add(kernel);
    }
    expect([...keys.ambiguous]).toEqual([]);
    expect(keys.shared.size).toBeGreaterThan(100);
  });

  it("which a definition that reads more than its spec would break", () => {
    const keys = new Keys();
    for (const bytes of [4, 8]) {
      const careless = defineKernel<{ readonly at: number }>("careless", {
        operands: [["y", "write"]],
        write: (k, { at }) => k.store(k.operand("y"), at + bytes, k.splat(1, 1)),
      });
      keys.add(careless.build(AVX2, { at: 0 }));
    }
    expect(keys.ambiguous.size).toBe(1);
  });
});

describe("kernels and packings", () => {
  const texts = [...readSources()].filter(
    ([file]) => !["codegen/definition.ts", "kernels/contract/packing.ts"].includes(file),
  );
  const code = (text: string) =>
    text
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
      .replace(/^import[\s\S]*?from .*$/gm, "")
      .replace(/^export \{[^}]*\} from .*$/gm, "");
  const atTop = /^(?:export )?const \w+ = (defineKernel|definePacking)<\w[^(]*>\(\s*"([^"]+)"/gm;
  const anywhere = /\bdefine(?:Kernel|Packing)\b/g;

  it("are defined beside the imports of their files, where they can read no variable of a function", () => {
    const inside = texts.filter(([, text]) => {
      const used = code(text).match(anywhere)?.length ?? 0;
      return used !== [...code(text).matchAll(atTop)].length;
    });
    expect(inside.map(([file]) => file)).toEqual([]);
  });

  it("have names of their own", () => {
    const names = texts.flatMap(([, text]) =>
      [...code(text).matchAll(atTop)].map(([, kind, name]) => `${kind} ${name}`),
    );
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    expect(names.length).toBeGreaterThan(40);
  });

  it("are built nowhere else", () => {
    const direct = texts.filter(
      ([file, text]) => file !== "codegen/builder/builder.ts" && /\bbuildKernel\b/.test(code(text)),
    );
    expect(direct.map(([file]) => file)).toEqual([]);
  });

  it("share files with no variable that changes", () => {
    const changing = texts.filter(([, text]) => code(text).match(anywhere) && /^(?:export )?(?:let|var)\b/m.test(text));
    expect(changing.map(([file]) => file)).toEqual([]);
  });
});
