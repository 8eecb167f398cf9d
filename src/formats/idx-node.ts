/** Reads IDX files, gzipped or not: the content decides, not the name. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { FileError } from "../errors.js";
import { type IdxArray, isGzip, parseIdx } from "./idx.js";
import { readWholeFile } from "./read-node.js";

const unzip = promisify(gunzip);

/**
 * Reads an IDX file from a path or from bytes. `file` names bytes in errors.
 * @throws FileError as parseIdx does, and where the gzip stream is damaged or cut short.
 */
export async function readIdx(
  source: string | Uint8Array,
  options: { readonly rank?: number; readonly file?: string } = {},
): Promise<IdxArray> {
  const file = options.file ?? (typeof source === "string" ? source : "IDX data");
  let bytes = typeof source === "string" ? await readWholeFile(source) : source;
  if (isGzip(bytes)) {
    try {
      bytes = await unzip(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new FileError(
        `${file}: its gzip stream of ${bytes.length} bytes is damaged or cut short (${why}); copy or download it again`,
        { cause: error },
      );
    }
  }
  return parseIdx(bytes, { file, rank: options.rank });
}
