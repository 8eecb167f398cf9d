/**
 * What the environment tests need and the project does not: bundlers, runtimes, package managers, in exact versions. They are installed on
 * demand into a folder outside of the project (FOVEA_ENVIRONMENTS, or one for temporary files), and stay there for the next time.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TOOLS = {
  esbuild: { esbuild: "0.28.2" },
  rollup: { rollup: "4.68.8", "@rollup/plugin-node-resolve": "16.0.3" },
  webpack: { webpack: "5.113.0", "webpack-cli": "7.3.1" },
  rspack: { "@rspack/core": "2.3.4", "@rspack/cli": "2.2.8" },
  parcel: { parcel: "2.16.4" },
  next: { next: "16.4.6", react: "19.3.1", "react-dom": "19.3.1" },
  workerd: { workerd: "1.20261117.1" },
  pnpm: { pnpm: "12.21.0" },
  publint: { publint: "0.3.25" },
  attw: { "@arethetypeswrong/cli": "0.18.5" },
  // The oldest that reads the types, and the oldest with "bundler".
  typescript48: { typescript: "4.8.4" },
  typescript50: { typescript: "5.0.4" },
  // Node itself comes as packages of its own for each platform.
  node22: { [`node-${process.platform}-${process.arch}`]: "22.23.5" },
  node24: { [`node-${process.platform}-${process.arch}`]: "24.22.3" },
  bun: { bun: "1.4.5" },
  deno: { deno: "2.9.6" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

export type ToolName = keyof typeof TOOLS;

export const cache = process.env["FOVEA_ENVIRONMENTS"] ?? join(tmpdir(), "fovea-environments");

/** The folder that a tool's packages are installed in; undefined where they cannot be had. */
export function tool(name: ToolName): string | undefined {
  const packages: Readonly<Record<string, string>> = TOOLS[name];
  const folder = join(cache, [name, ...Object.values(packages).slice(0, 1)].join("-").replaceAll(/[^\w.-]/g, "-"));
  const done = join(folder, ".installed");
  if (existsSync(done)) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ private: true, type: "module", dependencies: packages }),
  );
  const args = ["install", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", args, { cwd: folder, stdio: "ignore", timeout: 300_000 });
  if (status !== 0) return undefined;
  writeFileSync(done, "");
  return folder;
}

/** For the names of tests that are skipped. */
export const missing = (name: ToolName) => ` (${Object.keys(TOOLS[name])[0]} could not be installed)`;
