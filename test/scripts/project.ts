/** A project in miniature around the real scripts, with tools that do what a test tells them. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../support/temporary.js";

const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));

/** A package that npm is to install, and what its program does. */
const tools: Readonly<Record<string, string>> = {
  "typescript/bin/tsc": "process.exitCode = Number(process.env.TSC_CODE ?? 0);",
  "@biomejs/biome/bin/biome": "process.exitCode = Number(process.env.BIOME_CODE ?? 0);",
  "vitest/vitest.mjs": `
    import { writeFileSync } from "node:fs";
    const path = process.argv.find((argument) => argument.startsWith("--outputFile.json=")).split("=")[1];
    if (process.env.RESULTS) writeFileSync(path, process.env.RESULTS);
    if (process.env.VITEST_SIGNAL) process.kill(process.pid, process.env.VITEST_SIGNAL);
    console.log("arguments " + process.argv.slice(6).join(" ") + " tests " + process.env.FOVEA_TESTS);
    process.exitCode = Number(process.env.VITEST_CODE ?? 0);`,
};

export class Project {
  readonly folder = temporaryFolder();

  constructor(options: { readonly installed: boolean }) {
    cpSync(scripts, join(this.folder, "scripts"), { recursive: true });
    this.write("package.json", '{ "type": "module", "engines": { "node": ">=20.19.0" } }');
    this.lock("1.0.0");
    if (options.installed) this.installed("1.0.0");
    // Stands for npm: notes that it ran, and puts the tools in place.
    this.write(
      "npm-cli.js",
      `import { writeFileSync } from "node:fs"; writeFileSync("npm-ran", process.argv.slice(2).join(" "));`,
    );
  }

  write(path: string, text: string): void {
    const target = join(this.folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** What package-lock.json asks for: one package, and one that is only for another machine. */
  lock(version: string): void {
    this.write(
      "package-lock.json",
      JSON.stringify({
        packages: { "": {}, "node_modules/a": { version }, "node_modules/b": { version, optional: true } },
      }),
    );
  }

  installed(version: string): void {
    this.write("node_modules/.package-lock.json", JSON.stringify({ packages: { "node_modules/a": { version } } }));
    for (const [path, program] of Object.entries(tools)) this.write(`node_modules/${path}`, program);
    for (const name of ["typescript", "@biomejs/biome"]) {
      this.write(`node_modules/${name}/package.json`, '{ "type": "module" }');
    }
  }

  /** Runs one of the scripts to its end. `whenSays` sends a signal once the output has a text. */
  run(
    script: string,
    args: readonly string[] = [],
    options: { env?: Record<string, string>; whenSays?: readonly [text: string, signal: NodeJS.Signals] } = {},
  ): Promise<{ code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string }> {
    const env = { ...process.env, npm_execpath: join(this.folder, "npm-cli.js"), ...options.env };
    const child = spawn(process.execPath, [join("scripts", script), ...args], { cwd: this.folder, env, stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      const before = stdout;
      stdout += data;
      const [text, signal] = options.whenSays ?? [];
      if (text !== undefined && stdout.includes(text) && !before.includes(text)) child.kill(signal);
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    return new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })));
  }
}
