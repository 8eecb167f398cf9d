import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileError } from "#fovea/errors.js";
import { tarEntries } from "#fovea/formats/tar.js";
import { padded, tar, tarHeader } from "../support/tar.js";
import { temporaryFolder } from "../support/temporary.js";

async function entriesOf(bytes: Uint8Array): Promise<Record<string, string>> {
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const entries: Record<string, string> = {};
  for await (const { name, offset, size } of tarEntries(read, bytes.length, "a.tar")) {
    entries[name] = new TextDecoder().decode(bytes.subarray(offset, offset + size));
  }
  return entries;
}

it("finds files by their headers, and nothing but files", async () => {
  const bytes = tar([
    ["cat/a.jpg", "aaa"],
    ["cat/empty", ""],
    ["dog/b.jpg", "b".repeat(513)],
  ]);
  expect(await entriesOf(bytes)).toEqual({ "cat/a.jpg": "aaa", "cat/empty": "", "dog/b.jpg": "b".repeat(513) });
  expect(await entriesOf(Buffer.concat([tarHeader("cat/", 0, "5"), bytes]))).toEqual(await entriesOf(bytes));
});

it.each(["ustar", "pax", "gnu"])("reads what tar itself writes as %s, long names included", async (format) => {
  const folder = temporaryFolder();
  const long = `${"directory-of-some-length/".repeat(6)}${"n".repeat(60)}.jpg`;
  mkdirSync(join(folder, "directory-of-some-length/".repeat(6)), { recursive: true });
  writeFileSync(join(folder, long), "long");
  writeFileSync(join(folder, "short.jpg"), "short");
  execFileSync("tar", [`--format=${format}`, "-cf", "a.tar", long, "short.jpg"], { cwd: folder });
  expect(await entriesOf(readFileSync(join(folder, "a.tar")))).toEqual({ [long]: "long", "short.jpg": "short" });
});

it("takes a pax record for the next entry alone", async () => {
  const record = new TextEncoder().encode("20 path=renamed.jpg\n");
  const bytes = Buffer.concat([
    tarHeader("PaxHeader", record.length, "x"),
    padded(record),
    tar([
      ["a", "1"],
      ["b", "2"],
    ]),
  ]);
  expect(await entriesOf(bytes)).toEqual({ "renamed.jpg": "1", b: "2" });
});

it("says where an archive is cut short, damaged or none", async () => {
  const bytes = tar([["cat/a.jpg", "a".repeat(600)]]);
  await expect(entriesOf(bytes.subarray(0, 1000))).rejects.toThrow(
    `a.tar: the tar archive is cut short at offset 512: "cat/a.jpg" has 600 bytes, of which 488 are there; copy or download it again`,
  );
  await expect(entriesOf(bytes.subarray(0, 1536))).rejects.toThrow(/cut short at offset 1536: the mark that ends it/);
  const damaged = bytes.slice();
  damaged[3] = 0x7a;
  await expect(entriesOf(damaged)).rejects.toThrow(/not a tar archive: its first header's checksum .* gunzip/);
  const second = Buffer.concat([bytes.subarray(0, 1536), new Uint8Array(512).fill(7), new Uint8Array(1024)]);
  await expect(entriesOf(second)).rejects.toThrow(/there is no header at offset 1536/);
  await expect(entriesOf(new Uint8Array(0))).rejects.toBeInstanceOf(FileError);
});
