/** Recognises, by its first bytes, a file that was given in place of another, so that an error can name what it is. */

const signatures: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x89, 0x48, 0x44, 0x46], "an HDF5 file"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive (as PyTorch's .pt and NumPy's .npz are)"],
  [[0x50, 0x4b, 0x05, 0x06], "an empty zip archive"],
  [[0x89, 0x50, 0x4e, 0x47], "a PNG picture"],
  [[0xff, 0xd8, 0xff], "a JPEG picture"],
  [[0x47, 0x49, 0x46, 0x38], "a GIF picture"],
  [[0x1f, 0x8b], "a gzip file"],
  [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "a NumPy .npy file"],
  [[0x47, 0x47, 0x55, 0x46], "a GGUF file"],
  [[0x7f, 0x45, 0x4c, 0x46], "an ELF binary"],
  [[0x80, 0x02], "a Python pickle"],
  [[0x80, 0x03], "a Python pickle"],
  [[0x80, 0x04], "a Python pickle"],
  [[0x80, 0x05], "a Python pickle"],
];

const texts: readonly (readonly [start: string, what: string])[] = [
  ["version https://git-lfs", "a Git LFS pointer (the real file was not fetched: run `git lfs pull`)"],
  ["<!doctype", "a web page (the download failed?)"],
  ["<html", "a web page (the download failed?)"],
  ["<?xml", "an XML file"],
  ["{", "a JSON text"],
];

/** What the bytes look like, such as "a PNG picture"; undefined where nothing is recognised. */
export function sniff(bytes: Uint8Array): string | undefined {
  for (const [signature, what] of signatures) {
    if (signature.every((byte, i) => bytes[i] === byte)) return what;
  }
  const start = String.fromCharCode(...bytes.subarray(0, 32))
    .trimStart()
    .toLowerCase();
  return texts.find(([text]) => start.startsWith(text))?.[1];
}
