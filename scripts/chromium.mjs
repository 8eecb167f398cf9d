/**
 * Finds a Chromium or Chrome for the browser tests and benchmarks. Under CI=true it installs Debian's where there is none;
 * anywhere else a user's system stays as it is.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Where browsers are installed outside of the PATH. */
const PLACES = {
  linux: ["/usr/bin/chromium", "/usr/bin/google-chrome"],
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  win32: [
    String.raw`C:\Program Files\Google\Chrome\Application\chrome.exe`,
    String.raw`C:\Program Files (x86)\Google\Chrome\Application\chrome.exe`,
  ],
};

/** What Chromium needs to start in a container and to leave the network alone. */
export const CHROMIUM_FLAGS = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * The path of a browser that is here: CHROMIUM_PATH, one on the PATH or in its usual place, or Playwright's own.
 * @throws Error where CHROMIUM_PATH names no program.
 */
export function findChromium(environment = process.env) {
  const named = environment.CHROMIUM_PATH;
  if (named !== undefined && named !== "") {
    if (isProgram(named)) return named;
    throw new Error(`CHROMIUM_PATH is ${named}, which is no program; expected the path of a Chromium or Chrome`);
  }
  const onPath = (environment.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...(PLACES[process.platform] ?? []), playwrightsOwn()].find((path) => path && isProgram(path));
}

/** The command that installs one, for a person to run. */
export function installCommand() {
  return isDebian() ? "sudo apt-get install chromium" : "npx playwright-core install chromium";
}

/**
 * As findChromium, but under CI=true, as root on Debian, installs one first where there is none. Test files that run side
 * by side may all call it: one installs, the others wait.
 */
export function ensureChromium(environment = process.env) {
  const found = findChromium(environment);
  if (found !== undefined || !mayInstall(environment)) return found;
  const install = "command -v chromium || { apt-get update && apt-get install -y --no-install-recommends chromium; }";
  const { status, stderr } = spawnSync("flock", [join(tmpdir(), "fovea-chromium.lock"), "sh", "-c", install], {
    env: { ...environment, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  const installed = findChromium(environment);
  if (installed === undefined)
    throw new Error(`apt-get install chromium failed (exit code ${status}): ${String(stderr).trim().slice(-500)}`);
  return installed;
}

export function mayInstall(environment = process.env) {
  return environment.CI === "true" && process.getuid?.() === 0 && isDebian();
}

function isDebian() {
  try {
    return /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
  } catch {
    return false;
  }
}

function playwrightsOwn() {
  try {
    return chromium.executablePath();
  } catch {
    return undefined;
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path) && statSync(path).isFile();
  } catch {
    return false;
  }
}
