/** Both packages as `npm pack` makes them. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { scratchFolder } from "./scratch.js";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface Tarballs {
  readonly fovea: string;
  readonly "fovea-cli": string;
}

let packed: Tarballs | undefined;

/** Their paths. */
export function tarballs(): Tarballs {
  packed ??= { fovea: pack(root), "fovea-cli": pack(join(root, "packages", "fovea-cli")) };
  return packed;
}

function pack(cwd: string): string {
  const folder = scratchFolder();
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm pack failed: ${stderr}`);
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, filename);
}
