/** Event files for TensorBoard, read back by a reader of their own, and held to the published check value of CRC-32C. */
import { expect, it } from "vitest";
import { crc32c, encodeScalars, encodeStart, record } from "#fovea/formats/tensorboard-events.js";
import { readEvents } from "../support/tensorboard.js";

it("CRC-32C of the published check texts", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  // RFC 3720, B.4: 32 bytes of zeros, and of ones.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
});

it("a record byte for byte", () => {
  // The length 1 as u64, its masked checksum, the byte, its masked checksum: as TensorFlow writes it.
  const bytes = record([0]);
  expect(bytes).toHaveLength(17);
  expect([...bytes.slice(0, 8)]).toEqual([1, 0, 0, 0, 0, 0, 0, 0]);
  expect(bytes[12]).toBe(0);
  const view = new DataView(bytes.buffer);
  const masked = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  expect(view.getUint32(13, true)).toBe(masked(0x527d5351)); // CRC-32C of one zero byte
});

it("a start and numbers come back", () => {
  const scalars = {
    "batch/loss": 0.25,
    "a tag of more than one hundred and twenty-eight bytes, so that its length takes two: é": -1e-3,
  };
  const bytes = Buffer.concat([encodeStart(1.5, 300), encodeScalars({ wallTime: 2.5, step: 2 ** 40, scalars })]);
  expect(readEvents(bytes)).toEqual([
    { wallTime: 1.5, version: "brain.Event:2" },
    { wallTime: 1.5, step: 300, started: true },
    {
      wallTime: 2.5,
      step: 2 ** 40,
      scalars: Object.fromEntries(Object.entries(scalars).map(([tag, value]) => [tag, Math.fround(value)])),
    },
  ]);
});
