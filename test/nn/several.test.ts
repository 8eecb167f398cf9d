/** Modules that take several values and give several. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, expectTypeOf, it } from "vitest";
import { summaryText } from "#fovea/cli/commands/summary.js";
import {
  createClassifier,
  type Dataset,
  initialWeights,
  minimize,
  nn,
  openDevice,
  ops,
  readWeights,
  sgd,
  summarize,
  trace,
  train,
  untrained,
  type Value,
} from "#fovea/index.js";
import { loadWeights, saveWeights } from "#fovea/index-node.js";
import { toy } from "../support/toy.js";

const quiet = { note: () => {} };
const messageOf = async (call: () => unknown): Promise<string> => {
  try {
    await call();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "";
};

interface Heads {
  readonly logits: Value;
  readonly mask: Value;
}

/** Two heads behind a body. */
class TwoHeads extends nn.Module {
  readonly body = nn.conv2d({ in: 1, out: 2, kernel: 3, padding: 1 });
  readonly classes = nn.linear({ in: 128, out: 3 });
  readonly pixels = nn.conv2d({ in: 2, out: 1, kernel: 1 });
  override forward(x: Value): Heads {
    const y = ops.relu(this.body.forward(x));
    return { logits: this.classes.forward(ops.flatten(y)), mask: this.pixels.forward(y) };
  }
}

/** y = mean of a w b + c, and what went in. */
class Joined extends nn.Module {
  readonly left = nn.linear({ in: 2, out: 3 });
  override forward(a: Value, { b, c }: { b: Value; c: Value }): [sum: Value, parts: { left: Value }] {
    const left = this.left.forward(a);
    return [ops.add(ops.multiply(left, b), c), { left }];
  }
}

it("gives values by name, typed and by path", () => {
  const drawn = trace(new TwoHeads(), { input: [8, 8, 1] });
  expectTypeOf(drawn.output).toEqualTypeOf<Heads>();
  expectTypeOf(drawn.input).toEqualTypeOf<Value>();
  expect([drawn.output.logits.shape, drawn.output.mask.shape]).toEqual([[3], [8, 8, 1]]);
  expect([...drawn.layers.keys()]).toEqual(["body", "classes", "pixels", ":logits", ":mask"]);
  expect([...drawn.parameters.keys()][0]).toBe("body.weight");
});

it("takes several arguments, of objects too, and gives a list; modules call it inside of theirs", async () => {
  class Outer extends nn.Module {
    readonly joined = new Joined();
    override forward({ a, b, c }: { a: Value; b: Value; c: Value }): Value {
      const [sum, { left }] = this.joined.forward(a, { b, c });
      return ops.subtract(sum, left);
    }
  }
  const inner = trace(new Joined(), { input: [[2], { b: [3], c: { shape: [], batched: false } }] });
  expectTypeOf(inner.input).toEqualTypeOf<[a: Value, { b: Value; c: Value }]>();
  expectTypeOf(inner.output).toEqualTypeOf<[sum: Value, parts: { left: Value }]>();
  expect(inner.graph.inputs.map(({ attributes }) => attributes.name)).toEqual(["input.0", "input.1.b", "input.1.c"]);

  const outer = trace(new Outer(), { input: { a: [2], b: [3], c: [] } });
  expectTypeOf(outer.input).toEqualTypeOf<{ a: Value; b: Value; c: Value }>();
  expect([...outer.layers.keys()]).toEqual(["joined.left", "joined:0", "joined:1.left", ""]);
  const device = await openDevice(quiet);
  const run = await device.compile({ name: "run", outputs: { y: outer.output }, assigns: [] });
  await device.writeState("joined.left.weight", [1, 2, 3, 10, 20, 30]);
  await device.writeState("joined.left.bias", [0, 0, 1]);
  // left = 1 w0 + 2 w1 + bias = 21, 42, 64; y = left b + c - left
  expect(await run.run({ a: [1, 2], b: [2, 3, 1], c: [5] })).toEqual({ y: Float32Array.of(26, 89, 5) });
  await device.close();
});

it("takes whole numbers, and a list in place of a shape", async () => {
  class Chosen extends nn.Module {
    override forward([scores, label]: readonly [Value, Value]): Value {
      return ops.crossEntropy(scores, label);
    }
  }
  const { graph, output } = trace(new Chosen(), { input: [[[4], { shape: [], dtype: "i32" }]] });
  expect(graph.inputs.map(({ attributes: { name, dtype } }) => `${name} ${dtype}`)).toEqual([
    "input.0.0 f32",
    "input.0.1 i32",
  ]);
  expect(output.shape).toEqual([]);
});

it("an argument may be left out", () => {
  class Masked extends nn.Module {
    override forward(x: Value, mask?: Value): Value {
      return mask === undefined ? x : ops.multiply(x, mask);
    }
  }
  expect(trace(new Masked(), { input: [4] }).output.op.name).toBe("input");
  expect(trace(new Masked(), { input: [[4], [4]] }).output.op.name).toBe("multiply");
});

it("what fits no network is an error of types", () => {
  // @ts-expect-error: two arguments, one shape
  expect(() => trace(new Joined(), { input: [2] })).toThrow("forward takes 2 arguments, and is given 1");
  // @ts-expect-error: train takes networks that give one value
  const call = () => train(new TwoHeads(), toy({ length: 4, shape: [8, 8, 1] }));
  expectTypeOf(call).toBeFunction();
});

it.each<[string, unknown, string]>([
  ["an unknown part of an input", { x: { shape: [2], type: "i32" } }, 'unknown option of input "x" "type"'],
  ["no shape", { x: 3 }, 'OptionError: trace: input "x" is 3, expected the extents of one sample, such as [28, 28, 1]'],
  ["an element type that is none", { x: { shape: [2], dtype: "f64" } }, 'unknown element type of input "x" "f64"'],
])("refuses %s", async (_, input, message) => {
  const network = nn.flatten();
  expect(await messageOf(() => trace(network, { input: input as never }))).toContain(message);
});

it("refuses values that are none, by their names", async () => {
  class Wrong extends nn.Module {
    override forward(x: Value): unknown {
      return { x, y: 3 };
    }
  }
  expect(await messageOf(() => trace(new Wrong(), { input: [4] }))).toBe(
    'OptionError: Wrong: forward gave 3 as "y", expected a value; return what ops and layers give',
  );
  expect(await messageOf(() => new Joined().forward({ x: 3 } as never, {} as never))).toContain(
    "Joined: forward is given { x }, expected a value of a graph",
  );
});

it("a classifier is made of one of its values", async () => {
  const data: Dataset = { ...toy({ length: 12, shape: [8, 8, 1] }), inOrder: true };
  const network = new TwoHeads();
  const expected =
    'OptionError: the network gives several values, logits (3), mask (8x8x1), expected one; nn.pick(network, "logits") is a network that gives one of them';
  expect(await messageOf(() => train(network as never, data, quiet))).toBe(expected);
  const model = untrained(network as never, { data });
  expect(await messageOf(() => createClassifier(model, quiet))).toBe(expected);
  const picked = nn.pick(network, "logits");
  expectTypeOf(picked).toEqualTypeOf<nn.Module<[x: Value], Value>>();
  const run = await train(picked, data, { ...quiet, epochs: 1, batchSize: 4 });
  expect([...run.model.weights.keys()]).toEqual([...initialWeights(network).keys()]);
  const classify = await createClassifier(run.model, quiet);
  expect((await classify(data.images.subarray(0, 64))).probabilities).toHaveLength(3);
  await classify.close();
  expect(await messageOf(() => trace(nn.pick(network, "masks" as never), { input: [8, 8, 1] }))).toContain(
    'pick: the network gives the values logits, mask, expected one named "masks"',
  );
});

it("has a summary", async () => {
  const heads = await summarize(new TwoHeads(), { input: [8, 8, 1] });
  expect(heads.layers.map(({ path, output }) => `${path} ${output.join("x")}`)).toEqual([
    "body 8x8x2",
    " 128",
    "classes 3",
    "pixels 8x8x1",
  ]);
  // 64 places x 2 maps x 9, 128 x 3, 64 x 2
  expect(heads.multiplyAdds).toBe(1152 + 384 + 128);
  expect(heads.parameters).toBe(20 + 387 + 3);
  const joined = await summarize(new Joined(), { input: [[2], { b: [3], c: [] }] });
  expect(summaryText("joined", joined)).toContain("joined: takes input.0 2, input.1.b 3, input.1.c one number");
  expect(await messageOf(() => summarize(new TwoHeads(), { input: [8, 8, 1], batch: 2, ...quiet }))).toContain(
    "nn.pick",
  );
});

it("weights go to a file and come back, of all that an update left alone too", async () => {
  const folder = await mkdtemp(join(tmpdir(), "fovea-"));
  const path = join(folder, "heads.safetensors");
  const network = new TwoHeads();
  const { output, parametersOf } = trace(network, { input: [8, 8, 1] });
  const loss = ops.mean(ops.square(output.mask), { batch: true, axes: [0, 1, 2] });
  const learning = minimize(loss, sgd({ lr: 0.1 }), { parameters: parametersOf(network.pixels) });
  const device = await openDevice(quiet);
  const step = await device.compile({ name: "step", outputs: { loss }, assigns: learning.assigns });
  const before = initialWeights(network, 1);
  for (const [name, { data }] of before) await device.writeState(name, data).catch(() => {});
  await step.run({ input: new Float32Array(64).fill(1), ...learning.at(1) });
  expect(await messageOf(() => readWeights(device, network))).toContain(
    'no program of the device reads "classes.weight"',
  );
  const weights = await readWeights(device, network, before);
  await device.close();
  expect(weights.get("body.weight")).toEqual({ shape: [3, 3, 1, 2], data: before.get("body.weight")!.data });
  expect(weights.get("pixels.weight")!.data).not.toEqual(before.get("pixels.weight")!.data);
  await saveWeights(path, network, weights);
  expect((await loadWeights(path, network)).weights).toEqual(weights);
  await rm(folder, { recursive: true });
});
