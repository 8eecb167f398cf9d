/** A folder as a user's project is, with the packed package in it, and a server for what is built there. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { root, tarballs } from "./packed.js";
import { scratchFolder } from "./scratch.js";

const page = fileURLToPath(new URL("../page", import.meta.url));

let packed: string | undefined;

/** The package, unpacked. */
function packedPackage(): string {
  if (packed !== undefined) return packed;
  const folder = scratchFolder();
  spawnSync("tar", ["-xzf", tarballs().fovea], { cwd: folder });
  packed = join(folder, "package");
  return packed;
}

/** A project with the smoke test and `files` in it; its dependencies are the package's own. */
export function project(files: Readonly<Record<string, string>> = {}): string {
  const folder = scratchFolder();
  const modules = join(folder, "node_modules");
  mkdirSync(modules);
  cpSync(packedPackage(), join(modules, "fovea"), { recursive: true });
  const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    if (!existsSync(join(root, "node_modules", name))) continue; // of another platform
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(modules, name), "junction");
  }
  cpSync(page, folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "project", private: true, type: "module" }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

export type Headers = Readonly<Record<string, string>>;

/** The headers that give a page threads. */
export const ISOLATION: Headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
};

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder; `headers` gives those of a path, or 404. */
export async function serve(folder: string, headers: (path: string) => Headers | 404 = () => ({})): Promise<Site> {
  const server = createServer((request, response) => {
    const path =
      normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/^[\\/]+/, "") || "index.html";
    const extra = headers(path);
    try {
      if (extra === 404) throw new Error("not there");
      const body = readFileSync(join(folder, path));
      response
        .writeHead(200, { "Content-Type": TYPES[extname(path)] ?? "application/octet-stream", ...extra })
        .end(body);
    } catch {
      response.writeHead(404, extra === 404 ? {} : extra).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
