import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import { tarEntries } from "#fovea/formats/archives/tar.js";
import { random } from "../support/random.js";
import { padded, tar, tarHeader } from "../support/tar.js";
import { temporaryFolder } from "../support/temporary.js";

async function entriesOf(bytes: Uint8Array): Promise<Record<string, string>> {
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const entries: Record<string, string> = {};
  for await (const { name, kind, offset, size } of tarEntries(read, bytes.length, "a.tar")) {
    if (kind === "file") entries[name] = new TextDecoder().decode(bytes.subarray(offset, offset + size));
  }
  return entries;
}

it("finds files by their headers", async () => {
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

it("reads extended headers in time that grows with their bytes, and refuses those that make no sense", async () => {
  const header = (bytes: Uint8Array) => Buffer.concat([tarHeader("PaxHeader", bytes.length, "x"), padded(bytes)]);
  const record = (text: string) => {
    let length = text.length + 3;
    while (`${length} ${text}\n`.length !== length) length++;
    return `${length} ${text}\n`;
  };
  const many = new TextEncoder().encode(record("comment=x").repeat(80_000));
  const started = process.cpuUsage();
  const bytes = Buffer.concat([...Array.from({ length: 10 }, () => header(many)), tar([["a", "1"]])]);
  expect(await entriesOf(bytes)).toEqual({ a: "1" });
  expect(process.cpuUsage(started).user).toBeLessThan(20e6);
  for (const text of ["1 1 1 1 ", "999999999 path=x\n", "0 a=b\n", "7 a=b\nx", "path=x", "-1 path=x\n"]) {
    const broken = Buffer.concat([header(new TextEncoder().encode(text)), tar([["a", "1"]])]);
    await expect(entriesOf(broken)).rejects.toThrow(
      "a.tar: the tar archive is damaged: there is no header at offset 512",
    );
  }
});

it("gives links their targets, and devices no bytes", async () => {
  const link = tarHeader("b", 0, "1");
  link.set(new TextEncoder().encode("a"), 157);
  const fixed = checked(link);
  const device = tarHeader("null", 600, "3");
  const bytes = Buffer.concat([tar([["a", "1"]]).subarray(0, 1024), fixed, device, tar([["c", "3"]])]);
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const entries = [];
  for await (const entry of tarEntries(read, bytes.length, "a.tar")) entries.push(entry);
  expect(entries).toEqual([
    { name: "a", kind: "file", offset: 512, size: 1 },
    { name: "b", kind: "hard link", offset: 1536, size: 0, target: "a" },
    { name: "null", kind: "other", offset: 2048, size: 0 },
    { name: "c", kind: "file", offset: 2560, size: 1 },
  ]);
});

it("takes any bytes for an archive, a damaged one, or none, and ends", async () => {
  const { integer } = random(5);
  const whole = tar([
    ["cat/a.jpg", "a".repeat(600)],
    ["dog/b.jpg", "b"],
  ]);
  for (let n = 0; n < 300; n++) {
    const bytes = whole.slice(0, integer(0, whole.length));
    for (let flips = integer(0, 3); flips > 0 && bytes.length > 0; flips--)
      bytes[integer(0, bytes.length - 1)] = integer(0, 255);
    const ended = await entriesOf(bytes).catch((error: unknown) => error);
    if (ended instanceof Error) expect(ended).toBeInstanceOf(FileError);
  }
});

/** With its sum made right again. */
function checked(header: Uint8Array): Uint8Array {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((a, b) => a + b, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return header;
}
