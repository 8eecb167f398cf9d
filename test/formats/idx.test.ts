import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { parseIdx, writeIdx } from "#fovea/formats/idx.js";
import { readIdx } from "#fovea/formats/idx-node.js";
import { temporaryFolder } from "../support/temporary.js";

// Two images of 2x3 pixels, byte for byte as the format's description lays them out.
const twoImages = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255);

const messageOf = (bytes: Uint8Array, rank?: number): string => {
  try {
    parseIdx(bytes, { file: "x.idx", rank });
  } catch (error) {
    expect(error).toBeInstanceOf(FileError);
    return (error as FileError).message;
  }
  throw new Error("parseIdx accepted the bytes");
};

describe("parseIdx", () => {
  it("reads extents and items", () => {
    const { shape, data } = parseIdx(twoImages, { rank: 3 });
    expect(shape).toEqual([2, 2, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
  });

  it("reads extents above 2^31 as unsigned", () => {
    expect(messageOf(Uint8Array.of(0, 0, 8, 1, 0xff, 0, 0, 0, 1))).toContain("expected 4278190080 bytes");
  });

  it("inverts writeIdx for any rank", () => {
    const extents = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(extents, fc.infiniteStream(fc.nat(255)), (shape, stream) => {
        const size = shape.reduce((a, b) => a * b, 1);
        const data = Uint8Array.from(stream.take(size));
        const again = parseIdx(writeIdx({ shape, data }), { rank: shape.length });
        expect(again.shape).toEqual(shape);
        expect([...again.data]).toEqual([...data]);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it("refuses a wrong magic number, in hex, with what it looks like", () => {
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    expect(messageOf(png, 3)).toMatchInlineSnapshot(
      `"x.idx: wrong magic number at offset 0: found 0x89504e47 (this looks like a PNG picture), expected 0x00000803 (unsigned bytes, rank 3)"`,
    );
    expect(messageOf(Uint8Array.of(0, 0, 13, 3, 0, 0), 3)).toMatchInlineSnapshot(
      `"x.idx: wrong magic number at offset 0: found 0x00000d03 (IDX of 32-bit floats, which is not read), expected 0x00000803 (unsigned bytes, rank 3)"`,
    );
    expect(messageOf(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 5), 3)).toMatchInlineSnapshot(
      `"x.idx: wrong magic number at offset 0: found 0x00000801 (rank 1; are images and labels swapped?), expected 0x00000803 (unsigned bytes, rank 3)"`,
    );
    expect(messageOf(Uint8Array.of(0, 0, 8, 0))).toContain("(rank 0)");
    expect(messageOf(Uint8Array.of(0, 0))).toContain("found 0x0000,");
  });

  it("refuses data that end too early or too late, with both counts", () => {
    expect(messageOf(new Uint8Array(0))).toMatchInlineSnapshot(
      `"x.idx: the file is empty; expected an IDX header at offset 0"`,
    );
    expect(messageOf(twoImages.subarray(0, 10))).toMatchInlineSnapshot(
      `"x.idx: cut short inside its header: expected 16 bytes of header for rank 3, found 10"`,
    );
    expect(messageOf(twoImages.subarray(0, 20))).toMatchInlineSnapshot(
      `"x.idx: cut short: expected 12 bytes (2 x 2 x 3) from offset 16, found 4; copy or download the file again"`,
    );
    expect(messageOf(Uint8Array.of(...twoImages, 0, 0))).toMatchInlineSnapshot(
      `"x.idx: 2 bytes too many at its end: expected 12 bytes (2 x 2 x 3) from offset 16, found 14"`,
    );
  });

  it("refuses zero items and zero extents", () => {
    expect(messageOf(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 0))).toMatchInlineSnapshot(
      `"x.idx: the number of items at offset 4 is 0; expected at least 1"`,
    );
    expect(messageOf(writeIdx({ shape: [2, 0, 3], data: new Uint8Array(0) }))).toContain("extent 1 at offset 8 is 0");
  });

  it("never reads past any truncation", () => {
    for (let length = 0; length < twoImages.length; length++) messageOf(twoImages.subarray(0, length));
  });
});

describe("readIdx", () => {
  it("reads plain and gzipped files by content, whatever their name", async () => {
    const folder = temporaryFolder();
    const plain = join(folder, "plain.gz");
    const zipped = join(folder, "zipped");
    writeFileSync(plain, twoImages);
    writeFileSync(zipped, gzipSync(twoImages));
    expect([...(await readIdx(plain, { rank: 3 })).data]).toEqual([...twoImages.subarray(16)]);
    expect([...(await readIdx(zipped, { rank: 3 })).data]).toEqual([...twoImages.subarray(16)]);
    expect((await readIdx(gzipSync(twoImages))).shape).toEqual([2, 2, 3]);
  });

  it("names the file that is missing, a folder, or a damaged gzip stream", async () => {
    const folder = temporaryFolder();
    await expect(readIdx(join(folder, "none"))).rejects.toThrow(/none: no such file/);
    await expect(readIdx(folder)).rejects.toThrow(/is a folder, not a file/);
    const cut = gzipSync(twoImages).subarray(0, 20);
    await expect(readIdx(cut, { file: "cut.gz" })).rejects.toThrow(
      /^cut\.gz: its gzip stream of 20 bytes is damaged or cut short/,
    );
    await expect(readIdx(cut)).rejects.toBeInstanceOf(FileError);
  });
});
