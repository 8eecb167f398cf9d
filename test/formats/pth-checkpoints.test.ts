/** What training programs save beside weights: scripts/fixtures/pth-checkpoints.py made test/fixtures/pth/checkpoint-*. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parsePth } from "#fovea/formats/pth/pth.js";

const read = (name: string) =>
  parsePth(readFileSync(new URL(`../fixtures/pth/checkpoint-${name}.pth`, import.meta.url)), `${name}.pth`);

/** A state dict's names, and the numbers that tell it from others. */
const names = [
  "conv.weight",
  "conv.bias",
  "norm.weight",
  "norm.bias",
  "norm.running_mean",
  "norm.running_var",
  "norm.num_batches_tracked",
  "fc.weight",
  "fc.bias",
];

it.each([
  ["imagenet", "module."],
  ["beside", ""],
  ["protocol1", ""],
  ["protocol4", ""],
  ["protocol5", ""],
  ["whole", "module."],
  ["whole-inside", ""],
  ["own-names", ""],
  ["tuple", ""],
  ["legacy", "module."],
  ["legacy-whole", ""],
])("reads the weights of %s and nothing else", (name, prefix) => {
  const { tensors } = read(name);
  expect([...tensors.keys()]).toEqual(names.map((name) => prefix + name));
  expect([...tensors.get(`${prefix}conv.weight`)!.data]).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]);
  expect([...tensors.get(`${prefix}norm.num_batches_tracked`)!.data]).toEqual([3n]);
});

it("lists what it leaves out", () => {
  const left = (name: string) => Object.fromEntries(read(name).leftOut.map(({ name, what }) => [name, what]));
  expect(left("imagenet")).toEqual({
    epoch: "a number",
    arch: "a text",
    best_acc1: "a tensor of float32",
    optimizer: "an optimiser's state",
  });
  expect(left("protocol4")).toEqual({
    args: "argparse.Namespace",
    numpy: "numpy._core.multiarray.scalar",
    array: "numpy._core.multiarray._reconstruct",
    set: "a list",
    frozen: "a list",
    default: "a dictionary",
    phase: "__main__.Phase",
    path: "pathlib.PosixPath",
    when: "datetime.datetime",
    settings: "__main__.Settings",
    meter: "__main__.Meter",
    registry: "__main__.Registry",
    device: "torch.device",
    dtype: "torch.float16",
    size: "a list",
    rng: "a tensor of uint8",
    complex: "builtins.complex",
    bytes: "bytes",
    big: "a number",
    tensors: "a dictionary",
    "3": "a text",
  });
  expect(left("whole-inside")).toEqual({ epoch: "a number", ema: "torch.nn.modules.container.Sequential" });
  expect(left("own-names")).toEqual({ notes: "a text" });
  expect(left("tuple")).toEqual({ "1": "a dictionary" });
});

it("reads tensors of whole numbers of every width, and leaves those out that JavaScript has no array for", () => {
  const { tensors, leftOut } = read("odd-types");
  const rest = [...tensors].filter(([name]) => !names.includes(name));
  expect(Object.fromEntries(rest.map(([name, { dtype, data }]) => [name, [dtype, ...data]]))).toEqual({
    uint16: ["U16", 1, 65535],
    uint32: ["U32", 1, 2 ** 31],
    uint64: ["U64", 1n, 2n ** 40n],
    mask: ["BOOL", 1, 0],
  });
  expect(Object.fromEntries(leftOut.map(({ name, what }) => [name, what]))).toEqual({
    float8: "a tensor of float8_e4m3fn",
    float8_e5m2: "a tensor of float8_e5m2",
    complex: "a tensor of complex64",
    quantized: "torch._utils._rebuild_qtensor",
    sparse: "torch._utils._rebuild_sparse_tensor",
  });
});

it("reads the formats from before 1.6, views and half precision included, and the archive of the first versions", () => {
  const views = read("legacy-views").tensors;
  expect(Object.fromEntries([...views].map(([name, { shape, data }]) => [name, [[...shape], [...data]]]))).toEqual({
    transposed: [
      [3, 4],
      [-1, -0.25, 0.5, 1.25, -0.75, 0, 0.75, 1.5, -0.5, 0.25, 1, 1.75],
    ],
    row: [[3], [0.5, 0.75, 1]],
    half: [[3], [-1, -0.75, -0.5]],
    long: [[1], [2n ** 40n]],
  });
  const tar = read("tar").tensors;
  expect([...tar.keys()]).toEqual([...names.filter((name) => !name.endsWith("tracked")), "transposed"]);
  expect([...tar.get("fc.weight")!.data]).toEqual([-1, -0.75, -0.5, -0.25]);
  expect(tar.get("transposed")!.data).toEqual(views.get("transposed")!.data);
});

it("keeps several networks apart by the names that they are saved under", () => {
  const { tensors } = read("two-networks");
  expect([...tensors.keys()]).toEqual([...names.map((name) => `generator.${name}`), "discriminator.head.weight"]);
});

it.each(["legacy", "tar", "beside", "whole", "protocol1"])(
  "is read or refused in words wherever %s is damaged",
  (name) => {
    const whole = readFileSync(new URL(`../fixtures/pth/checkpoint-${name}.pth`, import.meta.url));
    const outcome = (bytes: Uint8Array) => {
      try {
        parsePth(bytes, "a.pth");
        return "read";
      } catch (error) {
        return `${(error as Error).name} ${(error as Error).message}`;
      }
    };
    for (let at = 0; at < whole.length; at += 11) {
      expect(outcome(whole.subarray(0, at))).toMatch(/^FileError a\.pth: |^read$/);
      const damaged = new Uint8Array(whole);
      damaged[at]! ^= 1 << (at % 8);
      expect(outcome(damaged)).toMatch(/^FileError a\.pth: |^read$/);
    }
  },
);
