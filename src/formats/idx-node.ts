/** Reads IDX files, gzipped or not: the content decides, not the name. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { plainBytes } from "../base/bytes.js";
import { FileError } from "../base/errors.js";
import { readWholeFile } from "../host/read-node.js";
import { Budget } from "./budget.js";
import { type IdxArray, isGzip, parseIdx } from "./idx.js";

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
  let bytes = typeof source === "string" ? await readWholeFile(source) : plainBytes(source, file);
  if (isGzip(bytes)) {
    const budget = new Budget(file, bytes.length);
    try {
      bytes = plainBytes(await unzip(bytes, { maxOutputLength: budget.limit }), file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw budget.exceeded("its gzip stream");
      const why = error instanceof Error ? error.message : String(error);
      throw new FileError(
        `${file}: its gzip stream of ${bytes.length} bytes is damaged or cut short (${why}); copy or download it again`,
        { cause: error },
      );
    }
  }
  return parseIdx(bytes, { file, rank: options.rank });
}
