/** Small files that promise much: refused by what their bytes can hold, before anything is allocated for them. */
import { deflateRawSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { parseZip } from "#fovea/formats/archives/zip.js";
import { readIdx } from "#fovea/formats/idx-node.js";
import { parsePth } from "#fovea/formats/pth/pth.js";
import { parseSafetensors } from "#fovea/formats/safetensors/safetensors.js";
import { allocated } from "../support/memory.js";
import { type PickleText, pickle, zip } from "../support/pth.js";

function refusal(run: () => unknown): string {
  let message = "";
  const bytes = allocated(() => {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(FileError);
      message = (error as Error).message;
    }
  });
  // 16 MiB are granted to any file, and what the test itself makes counts, too.
  expect(bytes).toBeLessThan(300e6);
  expect(message).not.toBe("");
  expect(message.length).toBeLessThan(2000);
  return message;
}

const storage = (key: string, numbers: number): PickleText => ["persistent", "FloatStorage", key, numbers];
const tensor = (key: string, shape: number[], strides: number[]): PickleText => [
  "tensor",
  storage(key, 1),
  shape,
  strides,
];
const four = new Uint8Array(4);

it("tensors of strides of zero, one or many", () => {
  const one = zip({ "a/data.pkl": pickle({ w: tensor("0", [2 ** 30], [0]) }), "a/data/0": four });
  expect(one.length).toBeLessThan(500);
  expect(refusal(() => parsePth(one, "a.pth"))).toMatchInlineSnapshot(
    `"a.pth: tensor "w" of shape [1073741824] would take the content of this file of 355 bytes beyond the 16788576 bytes that are granted to it (16 MiB, and 32 for each of its own); it is damaged, or made to fill memory"`,
  );
  const entries = Array.from({ length: 200 }, (_, i) => [`w${i}`, tensor("0", [2 ** 24], [0])]);
  const many = zip({ "a/data.pkl": pickle(Object.fromEntries(entries) as PickleText), "a/data/0": four });
  expect(refusal(() => parsePth(many, "a.pth"))).toContain('tensor "w0" of shape [16777216]');
  const endless = zip({
    "a/data.pkl": pickle({ w: tensor("0", [2 ** 50, 2 ** 50, 2 ** 50], [0, 0, 0]) }),
    "a/data/0": four,
  });
  expect(refusal(() => parsePth(endless, "a.pth"))).toContain("beyond the");
  // What is repeated a little is read, as expanded tensors are.
  const few = zip({ "a/data.pkl": pickle({ w: tensor("0", [3, 2], [0, 0]) }), "a/data/0": four });
  expect([...parsePth(few).tensors.get("w")!.data]).toEqual([0, 0, 0, 0, 0, 0]);
});

it("deflated entries that promise too little, too much, or lie on each other", () => {
  const packed = deflateRawSync(new Uint8Array(64e6));
  expect(packed.length).toBeLessThan(70e3);
  const reads = (size: number) => () => parseZip(zip({ big: { method: 8, packed, size } }), "a.zip").read("big");
  expect(refusal(reads(10))).toBe('a.zip: entry "big": is damaged: it holds more than the 10 bytes that it promises');
  expect(refusal(reads(2 ** 31))).toMatch(
    /^a\.zip: entry "big": is damaged: promises 2147483648 bytes, more than \d+ deflated bytes can hold$/,
  );
  expect(refusal(reads(64e6))).toContain('its entry "big" of 64000000 bytes would take the content of this file of');
  const small = deflateRawSync(new Uint8Array(2e6));
  const overlapping = zip(
    Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`e${i}`, { method: 8, packed: small, size: 2e6, at: 0 }])),
  );
  expect(
    refusal(() => {
      const archive = parseZip(overlapping, "a.zip");
      for (const name of archive.names) archive.read(name);
    }),
  ).toContain("beyond the");
});

it("pickles that refer to themselves, nest without end or build without end", () => {
  const of = (...parts: (number[] | Uint8Array)[]) =>
    zip({ "a/data.pkl": Buffer.concat(parts.map((part) => Uint8Array.from(part))) });
  // A tuple of a tuple twice, and so on, as the key of a dictionary: 2^64 leaves.
  const doubled = Array.from({ length: 64 }, () => [0x32, 0x86]).flat();
  expect(refusal(() => parsePth(of([0x80, 2, 0x7d, 0x29], doubled, [0x4e, 0x73, 0x2e]), "a.pth"))).toContain(
    "holds no tensors by name",
  );
  const nested = new Uint8Array(100_000).fill(0x85);
  expect(refusal(() => parsePth(of([0x80, 2, 0x7d, 0x29], nested, [0x4e, 0x73, 0x2e]), "a.pth"))).toContain(
    "found a list",
  );
  // Dictionaries that hold each other.
  const cyclic = of(
    [0x80, 2, 0x7d, 0x71, 0],
    ...Array.from({ length: 40 }, (_, i) => [0x55, 2, 97, 48 + i, 0x68, 0, 0x73]),
    [0x2e],
  );
  expect(refusal(() => parsePth(cyclic, "a.pth"))).toContain("or each other");
  // In the place of a number, in the format from before 1.6.
  const magic = [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  const legacy = Uint8Array.from([...magic, 0x80, 2, 0x29, ...nested, 0x2e]);
  expect(refusal(() => parsePth(legacy, "a.pth"))).toBe(
    "a.pth: is of version a list of PyTorch's old format; expected 1001",
  );
  expect(refusal(() => parsePth(of([0x80, 2], new Uint8Array(3e6).fill(0x7d), [0x2e]), "a.pth"))).toBe(
    "a.pth: the pickle holds more than 524288 dictionaries",
  );
  expect(refusal(() => parsePth(of([0x80, 2], new Uint8Array(5e6).fill(0x4e), [0x2e]), "a.pth"))).toBe(
    "a.pth: the pickle has more than 4194304 instructions",
  );
});

const safetensors = (header: string): Uint8Array => {
  const text = Buffer.from(header);
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeBigUInt64LE(BigInt(text.length));
  bytes.set(text, 8);
  return bytes;
};

it("safetensors headers that are deep, long or many", () => {
  const of = (header: string) => refusal(() => parseSafetensors(safetensors(header), "a.safetensors"));
  expect(of(`{"a":${"[".repeat(5e6)}`)).toBe(
    "a.safetensors: the header at offset 15 is nested deeper than 3 levels; no tensors are",
  );
  for (const field of ["dtype", "shape", "data_offsets"]) {
    expect(of(`{"a":{"${field}":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`)).toContain("nested deeper than 3 levels");
  }
  expect(of(`{"__metadata__":{"a":${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}}}`)).toContain("nested deeper");
  const empty = Array.from({ length: 200_000 }, (_, i) => `"${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`);
  expect(of(`{${empty.join(",")}}`)).toContain("has more than 400000 names");
  expect(of(`{"a":{"dtype":"F32","shape":[${"0,".repeat(5e6)}0],"data_offsets":[0,0]}}`)).toContain(
    "has more than 64 numbers, more than a shape can have",
  );
  expect(of(`{"${"n".repeat(1e6)}":{"dtype":"${"d".repeat(1e6)}","shape":[0],"data_offsets":[0,0]}}`)).toContain(
    'nnn... (1000000 characters)": dtype "ddd',
  );
});

it("gzipped IDX files that inflate to more than their bytes are good for", async () => {
  const bomb = gzipSync(new Uint8Array(64e6));
  expect(bomb.length).toBeLessThan(130e3);
  await expect(readIdx(bomb, { file: "a.gz" })).rejects.toThrow(
    /^a\.gz: its gzip stream would take the content of this file of \d+ bytes beyond the \d+ bytes/,
  );
  await expect(readIdx(bomb)).rejects.toBeInstanceOf(FileError);
});
