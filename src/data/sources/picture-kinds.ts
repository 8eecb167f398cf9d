/** Which files are pictures: by the ends of their names, or, where a name has none, by the first bytes. */

import { isPlainPicture } from "../../formats/pictures/plain-picture.js";

/** Each kind that is read, and how its files are called. */
const READ: Readonly<Record<string, readonly string[]>> = {
  PNG: ["png", "apng"],
  JPEG: ["jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjp"],
  WebP: ["webp"],
  GIF: ["gif"],
  TIFF: ["tif", "tiff"],
  AVIF: ["avif", "avifs"],
  BMP: ["bmp", "dib"],
  PNM: ["pgm", "ppm", "pbm", "pnm"],
};

const EXTENSIONS = new Set(Object.values(READ).flat());

export const PICTURE_KINDS: readonly string[] = Object.keys(READ);

/** For messages: `PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP or PNM`. */
export const EXPECTED_KINDS = `${PICTURE_KINDS.slice(0, -1).join(", ")} or ${PICTURE_KINDS.at(-1)}`;

/** In lower case, without its dot; empty where there is none. A name that is nothing but an ending has none. */
export function extensionOf(name: string): string {
  const file = name.slice(name.lastIndexOf("/") + 1);
  const dot = file.lastIndexOf(".");
  return dot <= 0 ? "" : file.slice(dot + 1).toLowerCase();
}

/** Whether the end of a name is that of a file, such as `.txt`, and not part of a folder's, such as `v1.0`. */
export const hasFileName = (name: string): boolean => /^[a-z][a-z0-9]{0,4}$/.test(extensionOf(name));

export const hasPictureName = (name: string): boolean => EXTENSIONS.has(extensionOf(name));

/** As many first bytes as tell. */
export const SNIFFED_BYTES = 16;

/** Whether a file's first bytes are those of a picture that is read. */
export function beginsAsPicture(bytes: Uint8Array): boolean {
  const begins = (text: string, at = 0) => [...text].every((letter, i) => bytes[at + i] === letter.charCodeAt(0));
  return (
    begins("\x89PNG\r\n") ||
    begins("\xff\xd8\xff") ||
    (begins("RIFF") && begins("WEBP", 8)) ||
    begins("GIF8") ||
    begins("II*\0") ||
    begins("MM\0*") ||
    (begins("ftyp", 4) && begins("avi", 8)) ||
    isPlainPicture(bytes)
  );
}

/** How many names there are of each ending, the most frequent first. */
export function endingsOf(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) {
    const extension = extensionOf(name);
    const ending = extension === "" ? "without an ending" : `.${extension}`;
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  return new Map([...counts].sort(([, a], [, b]) => b - a));
}
