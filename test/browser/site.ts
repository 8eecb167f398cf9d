/** Builds a page with Vite as its author would, serves the result, and opens it in a real browser. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { CHROMIUM_FLAGS, ensureChromium, installCommand } from "../../scripts/chromium.mjs";

export async function buildPage(root: string, outDir: string): Promise<void> {
  await build({ root, base: "./", configFile: false, logLevel: "error", build: { outDir, emptyOutDir: true } });
}

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
};

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** The headers that give a page threads. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Serves a folder, and `files` (by path) beside it. */
export async function serve(
  folder: string,
  options: { readonly isolated: boolean; readonly files?: Readonly<Record<string, Uint8Array>> },
): Promise<Site> {
  const headers = options.isolated ? ISOLATION : {};
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/^[\\/]+/, "");
    try {
      const name = path === "" ? "index.html" : path;
      const body = options.files?.[name] ?? (await readFile(join(folder, name)));
      response.writeHead(200, { ...headers, "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
      response.end(body);
    } catch {
      response.writeHead(404, headers).end();
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

/** A browser, or why there is none: for `describe.skipIf` and the name of what is skipped. */
export const executablePath = ensureChromium();
export const whyNot = executablePath === undefined ? ` (no Chromium found: ${installCommand()})` : "";

export function launch(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS, ...args] });
}

/** Opens a page; what it throws or logs as an error goes into `errors`. */
export async function open(browser: Browser, url: string): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage();
  // Only against what hangs: others may use the machine.
  page.setDefaultTimeout(5 * 60_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors };
}

/** A temporary folder that lives as long as its test file. */
export function scratchFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "fovea-browser-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
