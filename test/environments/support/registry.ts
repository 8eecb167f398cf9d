/** A registry that has fovea and fovea-cli as they are here, before they are published, and sends npm on to its own for all else. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tarballs } from "./packed.js";
import { scratchFolder } from "./scratch.js";

export interface Registry {
  /** npm's settings, as variables: this registry, and a cache that has no packages of earlier runs under `_npx`. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startRegistry(): Promise<Registry> {
  const upstream = setting("registry").replace(/\/$/, "");
  const files = new Map(Object.entries(tarballs()).map(([name, path]) => [name, readFileSync(path)]));
  const server = createServer((request, response) => {
    const [, name = "", file] = /^\/(fovea(?:-cli)?)(\/-\/[^/]+\.tgz)?$/.exec(request.url ?? "") ?? [];
    const tarball = files.get(name);
    if (tarball === undefined) response.writeHead(302, { Location: `${upstream}${request.url}` }).end();
    else if (file !== undefined) response.end(tarball);
    else response.setHeader("Content-Type", "application/json").end(JSON.stringify(document(name, tarball)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function document(name: string, tarball: Buffer): object {
    const manifest = manifestOf(name);
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const dist = { tarball: `${url}/${name}/-/${name}-${manifest.version}.tgz`, integrity };
    return { name, "dist-tags": { latest: manifest.version }, versions: { [manifest.version]: { ...manifest, dist } } };
  }

  // What others publish is taken from the user's cache.
  const cache = scratchFolder();
  const downloads = join(setting("cache"), "_cacache");
  mkdirSync(downloads, { recursive: true });
  symlinkSync(downloads, join(cache, "_cacache"), "junction");
  return {
    environment: {
      npm_config_registry: url,
      npm_config_cache: cache,
      npm_config_audit: "false",
      npm_config_fund: "false",
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function manifestOf(name: string): { readonly version: string } {
  const path = tarballs()[name as "fovea"];
  const { stdout } = spawnSync("tar", ["-xzOf", path, "package/package.json"], { encoding: "utf8" });
  return JSON.parse(stdout);
}

const setting = (name: string): string => spawnSync("npm", ["config", "get", name], { encoding: "utf8" }).stdout.trim();
