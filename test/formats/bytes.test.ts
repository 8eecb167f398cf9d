/** Every reader takes bytes as callers have them: Buffers at odd offsets, views of other kinds, whole buffers, shared memory. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseCifar } from "#fovea/formats/cifar.js";
import { parseIdx, writeIdx } from "#fovea/formats/idx.js";
import { readIdx } from "#fovea/formats/idx-node.js";
import { parsePth } from "#fovea/formats/pth/pth.js";
import { encodeSafetensors, parseSafetensors } from "#fovea/formats/safetensors/safetensors.js";
import { parseTensors } from "#fovea/formats/tensors.js";
import { encodeModel, parseModel } from "#fovea/model/model-file.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";

/** The same bytes in every way that a caller may have them. */
function ways(bytes: Uint8Array): [string, Uint8Array][] {
  const at = (offset: number) => {
    const room = new Uint8Array(bytes.length + offset + 3);
    room.set(bytes, offset);
    return room.buffer;
  };
  const shared = new SharedArrayBuffer(bytes.length + 1);
  new Uint8Array(shared).set(bytes, 1);
  const list: [string, unknown][] = [1, 2, 3, 5, 7].map((offset) => [
    `a Buffer at offset ${offset}`,
    Buffer.from(at(offset), offset, bytes.length),
  ]);
  list.push(
    ["a part of a larger array", new Uint8Array(at(1), 1, bytes.length)],
    ["shared memory", new Uint8Array(shared, 1)],
    ["a DataView", new DataView(at(3), 3, bytes.length)],
    ["a whole buffer", Uint8Array.from(bytes).buffer],
  );
  return list as [string, Uint8Array][];
}

const data = { shape: [28, 28, 1], classes: ["a"], mean: [0], std: [1] } as const;
const model = new Uint8Array(Buffer.concat(encodeModel(untrained(create("lenet5"), { data }))));
const mixed = new Uint8Array(
  Buffer.concat(
    encodeSafetensors([
      ["wide", { shape: [2], data: Float64Array.of(1, 2) }],
      ["long", { shape: [1], data: BigInt64Array.of(-3n) }],
      ["short", { shape: [3], data: Int16Array.of(1, 2, 3) }],
      ["plain", { shape: [2], data: Float32Array.of(4, 5) }],
    ]),
  ),
);
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/pth/${name}.pth`, import.meta.url)));
const idx = writeIdx({ shape: [2, 1, 1], data: Uint8Array.of(7, 8) });
const record = new Uint8Array(3073).fill(3);

const readers: [string, Uint8Array, (bytes: Uint8Array) => unknown][] = [
  ["parseModel", model, (bytes) => parseModel(bytes).weights],
  ["parseSafetensors", mixed, (bytes) => parseSafetensors(bytes).tensors],
  ["parseTensors", mixed, (bytes) => parseTensors(bytes).tensors],
  ["parsePth, zipped", fixture("kinds"), (bytes) => parsePth(bytes).tensors],
  ["parsePth, deflated", fixture("deflated"), (bytes) => parsePth(bytes).tensors],
  ["parsePth, from before 1.6", fixture("checkpoint-legacy-views"), (bytes) => parsePth(bytes).tensors],
  ["parsePth, of the first versions", fixture("checkpoint-tar"), (bytes) => parsePth(bytes).tensors],
  ["parseIdx", idx, (bytes) => [...parseIdx(bytes).data]],
  ["parseCifar", record, (bytes) => parseCifar(bytes, { bytes: 1, at: 0, classes: 10 }, "a.bin")],
];

it.each(readers)("%s reads the same of bytes at any place", (_, bytes, read) => {
  const expected = read(bytes);
  for (const [way, there] of ways(bytes)) expect(read(there), way).toEqual(expected);
});

it("readIdx reads the same of bytes at any place", async () => {
  for (const [way, there] of ways(idx)) expect([...(await readIdx(there)).data], way).toEqual([7, 8]);
});

it.each(readers)("%s says so where there are no bytes", (_, __, read) => {
  for (const nothing of [undefined, null, "text", 3, {}, [1, 2]]) {
    expect(() => read(nothing as unknown as Uint8Array)).toThrow(
      /expected (its bytes: a Uint8Array|a file's bytes in a Uint8Array)/,
    );
  }
});
