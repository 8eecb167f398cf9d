/**
 * What `npm start` and `npm test` do first, on a fresh clone too: install what is missing and build. Plain JavaScript
 * without imports from packages, since none may be there yet.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The path of a file of the project. */
export const inProject = (...parts) => join(root, ...parts);

/** Says one line about the preparations; standard output is left to the work itself. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a program to its end and gives { code, signal }. Ctrl-C in a terminal reaches the program by itself, as it does
 * every process there; elsewhere the signals that reach this process are passed on.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", ...options });
    const terminal = process.stdin.isTTY === true || process.stdout.isTTY === true || process.stderr.isTTY === true;
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
      const handler = () => {
        if (!(terminal && signal === "SIGINT")) child.kill(signal);
      };
      process.on(signal, handler);
      return [signal, handler];
    });
    const done = () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    child.once("error", (error) => {
      done();
      reject(error);
    });
    child.once("close", (code, signal) => {
      done();
      resolve({ code, signal });
    });
  });
}

/** Runs a JavaScript program with this Node. */
export const runNode = (args, options) => run(process.execPath, args, options);

/** Ends this process as its child ended: with the same exit code, or by the same signal. */
export function endAs({ code, signal }) {
  if (signal !== null) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
}

/** Installs and builds; false where that failed, which has then been said. */
export async function prepare() {
  return checkNode() && (await install()) && (await build());
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(inProject("package.json"), "utf8"));
  const numbers = (version) => version.match(/\d+/g).map(Number);
  const [major, minor] = numbers(process.versions.node);
  const [leastMajor, leastMinor] = numbers(engines.node);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return true;
  say(`fovea needs Node ${leastMajor}.${leastMinor} or later; this is ${process.versions.node}`);
  return false;
}

/**
 * Runs `npm install` unless node_modules already is what package-lock.json asks for. The versions are those of the lock
 * file, which stays as it is, and what stands in node_modules already is kept.
 */
export async function install() {
  if (isInstalled()) return true;
  say("Installing the packages of package-lock.json ...");
  const started = Date.now();
  const args = ["install", "--no-save", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const stdio = ["ignore", "ignore", "inherit"];
  const { code } =
    npm !== undefined && basename(npm) === "npm-cli.js"
      ? await runNode([npm, ...args], { stdio })
      : await run("npm", args, { stdio, shell: process.platform === "win32" });
  if (code !== 0) {
    say("The packages could not be installed: `npm install` failed (see above). Is the network there?");
    return false;
  }
  say(`Installed in ${seconds(started)} s.`);
  return true;
}

/** Whether every package of the lock file is there in its version. Optional ones of other platforms may be missing. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(inProject("package-lock.json"), "utf8")).packages;
    const present = JSON.parse(readFileSync(inProject("node_modules", ".package-lock.json"), "utf8")).packages;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === "") return true;
      const found = present[path];
      return found === undefined ? entry.optional === true : found.version === entry.version;
    });
  } catch {
    return false;
  }
}

/** Compiles src/ to dist/. What dist/ holds of sources that are gone is removed. */
export async function build() {
  const started = Date.now();
  removeStale();
  const { code } = await runNode([inProject("node_modules", "typescript", "bin", "tsc"), "-p", "."]);
  if (code !== 0) {
    say("The build failed: the compiler's errors are above.");
    return false;
  }
  writeEntryFolders();
  say(`Built in ${seconds(started)} s.`);
  return true;
}

/**
 * Resolvers that do not know `exports` (Parcel's unless it is told, TypeScript's "node10") take `fovea/node` for a folder: there it is,
 * with a package.json that says what `exports` says.
 */
function writeEntryFolders() {
  const { exports = {} } = JSON.parse(readFileSync(inProject("package.json"), "utf8"));
  for (const [entry, target] of Object.entries(exports)) {
    // fovea-cli alone asks for the command line, in Node.js, which knows `exports`.
    if ([".", "./package.json", "./cli"].includes(entry)) continue;
    const folder = inProject(entry);
    const to = (file) => relative(folder, inProject(file)).split(sep).join("/");
    const { types, default: code } = typeof target === "string" ? { default: target } : target;
    const stub = { type: "module", main: to(code), module: to(code), ...(types && { types: to(types) }) };
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), `${JSON.stringify(stub, undefined, 2)}\n`);
  }
}

function removeStale() {
  const dist = inProject("dist");
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    const output = /^(.*)\.(?:js|js\.map|d\.ts)$/.exec(entry.name);
    if (output === null || !entry.isFile()) continue;
    const source = inProject("src", relative(dist, entry.parentPath), `${output[1]}.ts`);
    // The build writes no source maps: they are twice as large as all else, and what tsc writes is the source without its types.
    if (entry.name.endsWith(".map") || !existsSync(source)) rmSync(join(entry.parentPath, entry.name), { force: true });
  }
}

export const seconds = (since) => ((Date.now() - since) / 1000).toFixed(1);
