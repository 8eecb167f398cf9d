import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { numberOfHalf as float16 } from "#fovea/base/half.js";
import {
  encodeSafetensors,
  parseSafetensors,
  type SafeTensor,
  type TensorToWrite,
} from "#fovea/formats/safetensors/safetensors.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { findPython, runPython } from "../support/python.js";
import { temporaryFolder } from "../support/temporary.js";

const encode = (tensors: Record<string, TensorToWrite>, metadata?: Record<string, string>): Uint8Array =>
  new Uint8Array(Buffer.concat(encodeSafetensors(Object.entries(tensors), metadata)));

/** A file with the given header text and so many bytes of data. */
const handmade = (header: string, dataBytes: number): Uint8Array => {
  const bytes = new Uint8Array(8 + header.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(Buffer.from(header, "latin1"), 8);
  return bytes;
};

const messageOf = (bytes: Uint8Array): string => {
  try {
    parseSafetensors(bytes, "x.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    return (error as FileError).message;
  }
  throw new Error("accepted");
};

const plain = (tensors: ReadonlyMap<string, SafeTensor>) =>
  Object.fromEntries([...tensors].map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data: [...data] }]));

describe("encodeSafetensors", () => {
  it("lays a file out byte for byte as the format says", () => {
    const bytes = encode({ a: { shape: [1, 2], data: Float32Array.of(1, -2) } }, { k: "v" });
    const header = '{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    expect(header).toHaveLength(81);
    expect(Buffer.from(bytes.subarray(8)).toString("latin1")).toBe(`${header}       \0\0\x80\x3f\0\0\0\xc0`);
    expect([...bytes.subarray(0, 8)]).toEqual([88, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("aligns every tensor, wide elements first", () => {
    const { tensors } = parseSafetensors(
      encode({
        bytes: { shape: [3], data: Uint8Array.of(1, 2, 3) },
        floats: { shape: [2], data: Float32Array.of(1, 2) },
        doubles: { shape: [], data: Float64Array.of(0.1) },
      }),
    );
    expect([...tensors.keys()]).toEqual(["doubles", "floats", "bytes"]);
    for (const { data } of tensors.values()) expect(data.byteOffset % data.BYTES_PER_ELEMENT).toBe(0);
  });

  it("refuses a shape that does not fit, and a name taken twice", () => {
    expect(() => encode({ a: { shape: [3], data: Float32Array.of(1, 2) } })).toThrow(
      'safetensors: tensor "a" of shape [3] has 2 numbers',
    );
    const a = ["a", { shape: [1], data: Float32Array.of(1) }] as const;
    expect(() => encodeSafetensors([a, a])).toThrow('the name "a" is taken');
    expect(() => encode({ __metadata__: a[1] })).toThrow('the name "__metadata__" is taken');
  });

  it("is read back the same, whatever the names, shapes and alignment", () => {
    const arrays = fc.oneof(
      fc.float32Array({ maxLength: 9 }),
      fc.float64Array({ maxLength: 9 }),
      fc.int32Array({ maxLength: 9 }),
      fc.bigInt64Array({ maxLength: 9 }),
      fc.uint8Array({ maxLength: 9 }),
    );
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom("__proto__", "1", "constructor", "layer1.0.conv1.weight", "é\n"),
    );
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, arrays), { selector: ([name]) => name }), fc.nat(7), (list, shift) => {
        const bytes = Buffer.concat(
          encodeSafetensors(list.map(([name, data]) => [name, { shape: [data.length], data }])),
        );
        const moved = new Uint8Array(bytes.length + shift).subarray(shift);
        moved.set(bytes);
        const { tensors } = parseSafetensors(moved);
        expect(tensors.size).toBe(list.length);
        for (const [name, data] of list) expect(tensors.get(name)?.data).toEqual(data);
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});

describe("parseSafetensors", () => {
  it("reads what Python writes, every dtype", () => {
    const fixture = new URL("../fixtures/python.safetensors", import.meta.url);
    const { tensors, metadata } = parseSafetensors(readFileSync(fixture));
    expect(metadata).toEqual({ format: "pt", name: "a network — with a dash" });
    expect(plain(tensors)).toEqual({
      "conv.weight": { dtype: "F32", shape: [4, 3, 1, 2], data: Array.from({ length: 24 }, (_, i) => i / 8 - 1) },
      "conv.bias": { dtype: "F32", shape: [4], data: [0.5, -0.25, Number.POSITIVE_INFINITY, Math.fround(1e-40)] },
      half: { dtype: "F16", shape: [5], data: [1.5, -2, 65504, 2 ** -24, Number.NEGATIVE_INFINITY] },
      brain: { dtype: "BF16", shape: [2, 2], data: [1, -3.140625, 2 ** 100, 0] },
      double: { dtype: "F64", shape: [2], data: [0.1, -0.2] },
      steps: { dtype: "I64", shape: [], data: [1234567890123n] },
      counts: { dtype: "I32", shape: [2], data: [-1, 2147483647] },
      bytes: { dtype: "U8", shape: [3], data: [0, 128, 255] },
      empty: { dtype: "F32", shape: [0, 5], data: [] },
    });
  });

  it("names what the file is instead", () => {
    const cases: [string, string][] = [
      ["\x89HDF\r\n\x1a\n\0\0\0\0\0\0\0\0", "an HDF5 file"],
      ["PK\x03\x04\0\0\0\0\0\0\0\0\0\0\0\0", "a zip archive (as PyTorch's .pt and NumPy's .npz are)"],
      ["\x80\x02}q\0(X\x05\0\0\0modelq", "a Python pickle"],
      ["\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG picture"],
      ["<!DOCTYPE html><html>", "a web page (the download failed?)"],
      ["version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"],
      ['{"a": 1, "b": 2}', "a JSON text"],
    ];
    for (const [text, what] of cases) {
      expect(messageOf(new Uint8Array(Buffer.from(text, "latin1")))).toContain(
        `x.safetensors: not a safetensors file: this looks like ${what}`,
      );
    }
    expect(messageOf(new Uint8Array(0))).toContain("the file is empty");
    expect(messageOf(Uint8Array.of(1, 2, 3))).toContain("it has 3 bytes, fewer than the 8 of a header length");
    expect(messageOf(new Uint8Array(16).fill(0xee))).toMatch(
      /the header length at offset 0 is 17\d+, expected 2 to 100000000/,
    );
    expect(messageOf(handmade("[1, 2, 3]", 0))).toContain('found byte 0x5b at offset 8, expected "{"');
  });

  it("refuses every truncation and every extra byte", () => {
    const bytes = encode({ a: { shape: [2], data: Float32Array.of(1, 2) }, b: { shape: [1], data: Uint8Array.of(7) } });
    for (let length = 0; length < bytes.length; length++) messageOf(bytes.subarray(0, length));
    expect(messageOf(bytes.subarray(0, 40))).toMatchInlineSnapshot(
      `"x.safetensors: cut short inside its header: the length at offset 0 promises 112 bytes of header, found 32; copy or download the file again"`,
    );
    expect(messageOf(bytes.subarray(0, -1))).toMatchInlineSnapshot(
      `"x.safetensors: cut short: tensor "b" ends at byte 9 of the data, which has 8; copy or download the file again"`,
    );
    expect(messageOf(Uint8Array.of(...bytes, 0))).toMatchInlineSnapshot(
      `"x.safetensors: 1 bytes too many after the last tensor, which ends at 9"`,
    );
  });

  it("refuses a header that is not what the format says", () => {
    const entry = (dtype: string, shape: string, offsets: string) =>
      `{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;
    expect(messageOf(handmade('{"a":', 0))).toContain("the header at offset 8 is not JSON");
    expect(messageOf(handmade('{"\xff":1}', 0))).toContain("the header at offset 8 is not JSON");
    expect(messageOf(handmade('{"a":1}', 0))).toContain('tensor "a": its entry is not a JSON object');
    expect(messageOf(handmade('{"__metadata__":{"k":1}}', 0))).toContain('__metadata__ "k" is 1; expected a string');
    expect(messageOf(handmade('{"__metadata__":[]}', 0))).toContain("__metadata__ is not a JSON object");
    expect(messageOf(handmade(entry('"F8_E4M3"', "[1]", "[0,1]"), 1))).toContain(
      'tensor "a": dtype "F8_E4M3" is not known; expected one of F64, F32',
    );
    expect(messageOf(handmade(entry('"toString"', "[1]", "[0,1]"), 1))).toContain('dtype "toString" is not known');
    expect(messageOf(handmade(entry('"F32"', "[-1]", "[0,4]"), 4))).toContain(
      "shape [-1] is not a list of whole numbers",
    );
    expect(messageOf(handmade(entry('"F32"', '"1"', "[0,4]"), 4))).toContain('shape "1" is not a list');
    expect(messageOf(handmade(entry('"F32"', "[1]", "[4,0]"), 4))).toContain("data_offsets [4,0] is not a pair");
    expect(messageOf(handmade(entry('"F32"', "[1]", "[0,4,8]"), 4))).toContain("data_offsets [0,4,8] is not a pair");
    expect(messageOf(handmade(entry('"F32"', "[3]", "[0,8]"), 8))).toMatchInlineSnapshot(
      `"x.safetensors: tensor "a": data_offsets [0, 8] span 8 bytes; F32 of shape [3] needs 12"`,
    );
    // An overflowing product must not wrap round to something that fits.
    expect(messageOf(handmade(entry('"U8"', "[4294967296,4294967296]", "[0,0]"), 0))).toContain(
      "needs 18446744073709552000",
    );
  });

  it("refuses tensors that overlap or leave holes", () => {
    const two = (b: string) =>
      `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":${b}}}`;
    expect(messageOf(handmade(two("[2,4]"), 4))).toMatchInlineSnapshot(
      `"x.safetensors: tensors "a" and "b" overlap: "b" begins at 2, before 4"`,
    );
    expect(messageOf(handmade(two("[5,7]"), 7))).toMatchInlineSnapshot(
      `"x.safetensors: bytes 4 to 5 of the data, before tensor "b", belong to no tensor"`,
    );
  });

  it("never does anything but read or refuse, however a file is damaged", () => {
    const good = encode({ a: { shape: [2], data: Float32Array.of(1, 2) }, b: { shape: [], data: Uint8Array.of(7) } });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = good.slice();
          for (const [at, value] of changes) bytes[at] = value;
          try {
            parseSafetensors(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(FileError);
          }
        },
      ),
      { seed: 4, numRuns: 2000 },
    );
  });
});

it("widens every half-precision number as IEEE 754 defines it", () => {
  expect([0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00].map(float16)).toEqual([
    0,
    -0,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    1,
    -2,
    65504,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  expect(float16(0x7c01)).toBeNaN();
});

describe("safetensors files", () => {
  it("come back from the disk, also from memory that threads share", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    const shared = new Float32Array(new SharedArrayBuffer(12));
    shared.set([1, 2, 3]);
    await writeSafetensorsFile(path, [["w", { shape: [3], data: shared }]], { network: "lenet5" });
    const { tensors, metadata } = await readSafetensorsFile(path);
    expect(metadata).toEqual({ network: "lenet5" });
    expect(plain(tensors)).toEqual({ w: { dtype: "F32", shape: [3], data: [1, 2, 3] } });
  });

  it("name themselves in errors", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    await expect(readSafetensorsFile(path)).rejects.toThrow(`${path}: no such file`);
    writeFileSync(path, "PK\x03\x04");
    await expect(readSafetensorsFile(path)).rejects.toThrow(`${path}: not a safetensors file: this looks like a zip`);
  });
});

const python = findPython("safetensors", "torch");

it.skipIf(python === undefined)(
  "Python's safetensors and PyTorch read what fovea writes (needs FOVEA_PYTHON)",
  async () => {
    const path = join(temporaryFolder(), "fovea.safetensors");
    await writeSafetensorsFile(
      path,
      new Map<string, TensorToWrite>([
        ["bytes", { shape: [3], data: Uint8Array.of(0, 128, 255) }],
        ["conv.weight", { shape: [1, 2, 1, 2], data: Float32Array.of(0.5, -1, 3, 1e-40) }],
        ["steps", { shape: [], data: BigInt64Array.of(1234567890123n) }],
        ["double", { shape: [1], data: Float64Array.of(0.1) }],
      ]),
      { network: "lenet5 — ours" },
    );
    const script = `
import json, sys, torch
from safetensors import safe_open
with safe_open(sys.argv[1], framework="pt") as f:
    print(json.dumps([f.metadata(), {k: [str(f.get_tensor(k).dtype), f.get_tensor(k).tolist()] for k in sorted(f.keys())}]))
`;
    expect(JSON.parse(runPython(python ?? "", script, path))).toEqual([
      { network: "lenet5 — ours" },
      {
        bytes: ["torch.uint8", [0, 128, 255]],
        "conv.weight": ["torch.float32", [[[[0.5, -1]], [[3, Math.fround(1e-40)]]]]],
        double: ["torch.float64", [0.1]],
        steps: ["torch.int64", 1234567890123],
      },
    ]);
  },
);
