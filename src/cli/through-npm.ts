/**
 * `npx fovea` for who has only fovea itself: the package fovea-cli depends on fovea and on all that its commands load,
 * and npm fetches it into its own cache, once. In a terminal npm asks before. Nothing of the project that this runs in
 * is changed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { foveaVersion } from "../host/package-node.js";
import { OPTIONAL_PACKAGES } from "../host/packages.js";

/** What commands load and is not installed. */
export function missingPackages(): string[] {
  return OPTIONAL_PACKAGES.filter((name) => !isInstalled(name));
}

function isInstalled(name: string): boolean {
  try {
    const place = import.meta.resolve(`${name}/package.json`);
    return !place.startsWith("file:") || existsSync(fileURLToPath(place));
  } catch (error) {
    // A package that is there and does not export the file of its name and version.
    return (error as NodeJS.ErrnoException).code === "ERR_PACKAGE_PATH_NOT_EXPORTED";
  }
}

/** Runs the command to its end, and gives this process the exit code or the signal that it ended with. */
export async function runThroughNpm(missing: readonly string[], args: readonly string[]): Promise<void> {
  const version = foveaVersion();
  process.stderr.write(
    `fovea: the command line needs ${missing.join(", ")}, not installed here; npm runs it from fovea-cli ${version}. ` +
      `To have it here, run "npm install fovea-cli@${version}"\n`,
  );
  const [command, ...before] = npmCommand();
  const npmArgs = [...before, "exec", `--package=fovea-cli@${version}`, "--", "fovea-cli", ...args];
  const child = spawn(command!, npmArgs, { stdio: "inherit" });
  const release = passSignals(child);
  const { code, signal } = await ended(child);
  release();
  if (signal !== null) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}

/**
 * npm that started this process, else that of this Node, else that of the search path. Without a shell, which would
 * read the arguments.
 */
function npmCommand(): readonly string[] {
  const here = dirname(process.execPath);
  const started = process.env["npm_execpath"] ?? "";
  const program = [
    /^np[mx]-cli\.js$/.test(basename(started)) ? join(dirname(started), "npm-cli.js") : "",
    join(here, "node_modules/npm/bin/npm-cli.js"),
    join(here, "../lib/node_modules/npm/bin/npm-cli.js"),
  ].find((path) => path !== "" && existsSync(path));
  return program === undefined ? ["npm"] : [process.execPath, program];
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
    child.once("error", (error) => {
      process.stderr.write(`fovea: npm cannot be started: ${error.message}\n`);
      resolve({ code: 1, signal: null });
    });
  });
}

/** Ctrl-C in a terminal reaches npm by itself, as it does every process there. Gives what ends the passing. */
function passSignals(child: ChildProcess): () => void {
  const isTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const handlers = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((signal) => {
    const handler = () => {
      if (!(isTerminal && signal === "SIGINT")) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
