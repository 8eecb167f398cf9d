/** PyTorch's files, as PyTorch wrote them: scripts/fixtures/pth.py made test/fixtures/pth. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parsePth } from "#fovea/formats/pth/pth.js";
import { readPthFile } from "#fovea/formats/pth/pth-node.js";
import { parseTensors } from "#fovea/formats/tensors.js";

const path = (name: string) => new URL(`../fixtures/pth/${name}.pth`, import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(path(name)));
const read = (name: string) => parsePth(bytesOf(name), `${name}.pth`).tensors;
const messageOf = (bytes: Uint8Array, file = "a.pth"): string => {
  try {
    parsePth(bytes, file);
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
};

it.each(["kinds", "deflated"])("reads every kind of number, and every kind of view, of %s", (name) => {
  const tensors = read(name);
  const entries = [...tensors].map(([key, { dtype, shape, data }]) => [
    key,
    [dtype, [...shape], Array.from<unknown>(data)],
  ]);
  expect(Object.fromEntries(entries)).toEqual({
    float32: ["F32", [2, 3], [-1, -0.75, -0.5, -0.25, 0, 0.25]],
    float64: ["F64", [2], [-1, -0.75]],
    float16: ["F16", [3], [-1, -0.75, -0.5]],
    bfloat16: ["BF16", [3], [-1, -0.75, -0.5]],
    int64: ["I64", [3], [1n, -2n, 2n ** 40n]],
    int32: ["I32", [2], [7, -7]],
    uint8: ["U8", [2], [0, 255]],
    bool: ["BOOL", [2], [1, 0]],
    scalar: ["F32", [], [2.5]],
    empty: ["F32", [0, 3], []],
    row: ["F32", [3], [0.5, 0.75, 1]],
    transposed: ["F32", [3, 4], [-1, -0.25, 0.5, 1.25, -0.75, 0, 0.75, 1.5, -0.5, 0.25, 1, 1.75]],
    every_second: ["F32", [2, 2], [-0.75, -0.5, 0.75, 1]],
    expanded: ["F32", [2, 2], [3, 4, 3, 4]],
  });
});

it("reads a network's state dict in its order, and the same inside a checkpoint", async () => {
  const { tensors } = await readPthFile(path("network").pathname);
  expect([...tensors.keys()]).toEqual([
    "conv.weight",
    "conv.bias",
    "norm.weight",
    "norm.bias",
    "norm.running_mean",
    "norm.running_var",
    "norm.num_batches_tracked",
    "fc.weight",
    "fc.bias",
  ]);
  expect([...tensors.get("conv.weight")!.data]).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]);
  expect([...tensors.get("norm.num_batches_tracked")!.data]).toEqual([3n]);
  const wrapped = read("wrapped");
  expect([...wrapped.keys()]).toEqual([...tensors.keys()].map((name) => `module.${name}`));
  expect(wrapped.get("module.fc.weight")!.data).toEqual(tensors.get("fc.weight")!.data);
  expect([...read("parameter").get("weight")!.data]).toEqual([-1, -0.75]);
});

it("is told from safetensors by its first bytes", () => {
  expect(parseTensors(bytesOf("network")).tensors.size).toBe(9);
  expect(parseTensors(bytesOf("legacy")).tensors.size).toBe(9);
  const safetensors = new Uint8Array(readFileSync(new URL("../fixtures/python.safetensors", import.meta.url)));
  expect(parseTensors(safetensors).tensors.has("conv.weight")).toBe(true);
});

it("refuses a file that wants to run code, and runs none of it", () => {
  expect(messageOf(bytesOf("malicious"), "malicious.pth")).toMatchInlineSnapshot(
    `"malicious.pth: refused: it wants Python's posix.system, which weights have no need of and which could run code of the file's choice. fovea executes nothing from a file. If you trust the file, open it in Python and save its weights alone: torch.save(model.state_dict(), FILE)"`,
  );
  expect(existsSync("owned-by-a-pickle")).toBe(false);
});

it("says what a file is that it does not read, and the cure", () => {
  expect(messageOf(bytesOf("no-tensors"))).toMatchInlineSnapshot(
    `"a.pth: holds no tensors by name, neither at its top nor under state_dict, model_state_dict, model, net, weights, params; found lr, name: save its weights alone: torch.save(model.state_dict(), FILE)"`,
  );
  expect(messageOf(Uint8Array.of(0x89, 0x50, 0x4e, 0x47))).toBe(
    "a.pth: not a .pth file of PyTorch: this looks like a PNG picture",
  );
  expect(messageOf(new Uint8Array(0))).toContain("the file is empty");
});

it("never throws anything but a FileError, wherever a file is cut or damaged", () => {
  const whole = bytesOf("kinds");
  for (let length = 0; length < whole.length; length += 7) {
    expect(messageOf(whole.subarray(0, length))).toMatch(/^a\.pth: /);
  }
  expect(messageOf(whole.subarray(0, whole.length - 30))).toContain("cut short");
  // Every third byte of the pickle and of the directory, one at a time: read or refused, in words.
  for (let at = 0; at < whole.length; at += 3) {
    const damaged = whole.slice();
    damaged[at]! ^= 0x41;
    expect(messageOf(damaged)).toMatch(/^a\.pth: |^nothing was thrown$/);
  }
});
