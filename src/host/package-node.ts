/** What this package is, and the files that come with it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** Its version, such as "0.1.0". */
export function foveaVersion(): string {
  return (JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8")) as { version: string }).version;
}

/** The path of one of its files, whether it is there or not. */
export function packageFile(name: string): string {
  return fileURLToPath(new URL(name, ROOT));
}
