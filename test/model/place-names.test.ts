/** Where a network's names are among a file's: prefixes in any combination, what stands beside, and maps. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { SafeTensor } from "#fovea/formats/safetensors/safetensors.js";
import { loadModel } from "#fovea/model/model-file-node.js";
import { fitWeights } from "#fovea/model/weights/fit.js";
import { loadWeights } from "#fovea/model/weights/load-node.js";
import type { Names } from "#fovea/model/weights/names.js";
import { commonPrefix } from "#fovea/model/weights/place-names.js";
import { batchNorm2d, conv2d, linear, type Module, sequential } from "#fovea/nn/index.js";

const network = (): Module =>
  sequential({
    conv: conv2d({ in: 1, out: 2, kernel: 2 }),
    norm: batchNorm2d({ channels: 2 }),
    fc: linear({ in: 2, out: 2 }),
  });

const shapes: Readonly<Record<string, number[]>> = {
  "conv.weight": [2, 1, 2, 2],
  "conv.bias": [2],
  "norm.weight": [2],
  "norm.bias": [2],
  "norm.running_mean": [2],
  "norm.running_var": [2],
  "fc.weight": [2, 2],
  "fc.bias": [2],
};

const tensor = (shape: readonly number[], value = 1): SafeTensor => ({
  dtype: "F32",
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value),
});
const counter: SafeTensor = { dtype: "I64", shape: [], data: BigInt64Array.of(3n) };

/** The network's tensors under names that a function gives, and others. */
const file = (rename: (name: string) => string, others: Readonly<Record<string, SafeTensor>> = {}, value = 1) =>
  new Map([
    ...Object.entries(shapes).map(([name, shape]) => [rename(name), tensor(shape, value)] as const),
    ...Object.entries(others),
  ]);

const placed = (tensors: ReadonlyMap<string, SafeTensor>, map?: Names) =>
  fitWeights("a.pth", tensors, { module: network(), network: undefined }, { map });

const messageOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing was thrown";
};

it.each([
  "_orig_mod.",
  "module.",
  "model.",
  "net.",
  "backbone.",
  "encoder.",
  "student.",
  "_orig_mod.module.",
  "model._orig_mod.",
  "module.module.",
  "module.backbone.0.",
  "any.other.word.",
])("finds the network behind %s", (prefix) => {
  const { weights, unused } = placed(file((name) => prefix + name, { [`${prefix}norm.num_batches_tracked`]: counter }));
  expect([...weights.keys()]).toEqual(Object.keys(shapes));
  expect(unused).toEqual([]);
});

it("passes over what PyTorch's wrappers put inside of names", () => {
  // DataParallel around a part, a part that was compiled.
  const inside = file((name) => name.replace(/^conv\./, "conv.module.").replace(/^fc\./, "_orig_mod.fc._orig_mod."));
  expect(placed(inside).unused).toEqual([]);
  const own = sequential({ module: network() });
  const kept = file((name) => `module.${name}`);
  expect(fitWeights("a.pth", kept, { module: own, network: undefined }).weights.size).toBe(8);
});

it("leaves out what stands beside the prefix, and counters and masks anywhere", () => {
  const beside = { n_averaged: counter, "criterion.weight": tensor([2]), "head.0.weight": tensor([5, 2]) };
  expect(placed(file((name) => `module.${name}`, beside)).unused).toEqual(Object.keys(beside));
  expect(placed(file((name) => name, { n_averaged: counter, "criterion.weight": tensor([2]) })).unused).toEqual([
    "criterion.weight",
    "n_averaged",
  ]);
  expect(messageOf(() => placed(file((name) => name, { "head.weight": tensor([5, 2]) })))).toBe(
    'FileError: a.pth: does not fit its network: tensor "head.weight" (5x2) belongs to no parameter. Name the network and the options that it was made with',
  );
});

it("takes names without the prefix that all of the network's have", () => {
  const wrapped = sequential({ backbone: network() });
  const { weights } = fitWeights(
    "a.pth",
    file((name) => name),
    { module: wrapped, network: undefined },
  );
  expect([...weights.keys()]).toEqual(Object.keys(shapes).map((name) => `backbone.${name}`));
});

it("asks which one where the network is there twice, and reads the one that is named", () => {
  const twice = new Map([...file((name) => `student.${name}`, {}, 1), ...file((name) => `teacher.${name}`, {}, 2)]);
  expect(messageOf(() => placed(twice))).toBe(
    'FileError: a.pth: the network is in it more than once, under "student." and "teacher."; choose one: --map student.= ' +
      '(option map: { "student.": "" })',
  );
  for (const [prefix, value] of [
    ["student.", 1],
    ["teacher.", 2],
    ["teacher", 2],
  ] as const) {
    const { weights, unused } = placed(twice, { [prefix]: "" });
    expect([...weights.get("fc.bias")!.data]).toEqual([value, value]);
    expect(unused).toHaveLength(8);
  }
  // The network's own names, and a copy of it beside them.
  const plain = new Map([...file((name) => name, {}, 1), ...file((name) => `ema.${name}`, {}, 2)]);
  expect([...placed(plain).weights.get("fc.bias")!.data]).toEqual([1, 1]);
  expect(placed(plain).unused).toHaveLength(8);
});

it("renames by a table of whole names, and of their beginnings, also behind a prefix", () => {
  const spelled = file((name) => `module.${name.replace("conv.", "stem.first.").replace("fc.", "head.")}`);
  for (const map of [
    { "stem.first": "conv", head: "fc" },
    { "stem.first.": "conv.", "head.": "fc." },
    {
      "stem.first.weight": "conv.weight",
      "stem.first.bias": "conv.bias",
      "head.weight": "fc.weight",
      "head.bias": "fc.bias",
    },
    { "module.stem.first": "conv", "module.head": "fc", module: "" },
  ] as Record<string, string>[]) {
    expect([...placed(spelled, map).weights.keys()]).toEqual(Object.keys(shapes));
  }
  const inner = file((name) => (name.slice(0, 5) === "conv." ? name.slice(5) : `body.${name}`));
  expect([...placed(inner, { weight: "conv.weight", bias: "conv.bias", body: "" }).weights.keys()]).toHaveLength(8);
});

it("says the prefix and both spellings where the names are others", () => {
  const lacking = file((name) => `net.backbone.${name}`);
  lacking.delete("net.backbone.fc.bias");
  expect(messageOf(() => placed(lacking))).toBe(
    'FileError: a.pth: does not fit its network: tensor "fc.bias" (2) is missing. Name the network and the options that it was made with. ' +
      'The names were read behind "net.backbone."',
  );
  const others = new Map([
    ["net.a.w", tensor([2])],
    ["net.a.b", tensor([2])],
  ]);
  expect(messageOf(() => placed(others))).toContain(
    `Name the network and the options that it was made with. None of the file's names (net.a.w, net.a.b, ...), which all begin with "net.a.", ` +
      "is one of the network's (conv.weight, conv.bias, norm.weight, ...): say which is which by --map FROM=TO (option map)",
  );
});

it("finds what names have in common, dots at their beginning and end included", () => {
  expect(commonPrefix(["a.b.c", "a.b.d.e", "a.b.c.f"])).toBe("a.b.");
  expect(commonPrefix(["a.b", "c"])).toBe("");
  expect(commonPrefix([".a", "b"])).toBe("");
  expect(commonPrefix(["..a", ".b"])).toBe(".");
  expect(commonPrefix(["a..b", "a.c"])).toBe("a.");
  expect(commonPrefix(["a.", "a."])).toBe("a.");
  expect(commonPrefix([])).toBe("");
});

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/pth/checkpoint-${name}.pth`, import.meta.url));

it.each([
  ["imagenet", []],
  ["averaged", ["n_averaged"]],
  ["lightning", ["criterion.weight"]],
  ["whole", []],
  ["odd-types", ["uint16", "uint32", "uint64", "mask"]],
  ["two-networks", ["discriminator.head.weight"]],
  ["legacy", []],
])("loads the weights of %s as PyTorch wrote them", async (name, unused) => {
  const loaded = await loadWeights(fixture(name), network());
  expect([...loaded.weights.get("fc.weight")!.data]).toEqual([-1, -0.5, -0.75, -0.25]);
  expect(loaded.unused).toEqual(unused);
});

it("takes a map wherever a model is loaded", async () => {
  const options = { network: network(), input: [2, 2, 1] };
  await expect(loadModel(fixture("twice"), options)).rejects.toThrow("--map student.=");
  const { weights } = await loadModel(fixture("twice"), { ...options, map: { "teacher.": "" } });
  expect([...weights.get("fc.weight")!.data]).toEqual([-2, -1, -1.5, -0.5]);
});
