/** The two packages: fovea, which brings next to nothing, and fovea-cli, which brings all that fovea loads where it is there. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { installCommand, OPTIONAL_PACKAGES } from "#fovea/host/packages.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8"));
const [core, cli] = [read("package.json"), read("packages/fovea-cli/package.json")];

describe("fovea", () => {
  it("depends on little, and takes all else where it is there", () => {
    expect(Object.keys(core.dependencies)).toEqual(["fflate"]);
    expect(Object.keys(core.peerDependencies)).toEqual([...OPTIONAL_PACKAGES]);
    expect(core.peerDependenciesMeta).toEqual(
      Object.fromEntries(OPTIONAL_PACKAGES.map((name) => [name, { optional: true }])),
    );
  });

  it("is developed with what it takes, in the same versions", () => {
    expect(core.devDependencies).toMatchObject(core.peerDependencies);
  });

  it.each(OPTIONAL_PACKAGES)("names the line of versions of %s that it takes", (name) => {
    const [, version] = /^npm install (?:.+)@([\d.]+)$/.exec(installCommand([name]))!;
    // npm takes `1` for ^1.0.0 and `0.35` for ~0.35.0, whose versions are those of ^0.35.5.
    const [major, minor] = core.peerDependencies[name].replace(/^\^/, "").split(".");
    expect(version).toBe(major === "0" ? `0.${minor}` : major);
  });
});

describe("fovea-cli", () => {
  it("has the version of fovea, and depends on exactly that", () => {
    expect(cli.version).toBe(core.version);
    expect(cli.dependencies.fovea).toBe(core.version);
    expect(cli.engines).toEqual(core.engines);
  });

  it("brings all that fovea takes", () => {
    const { fovea: _, ...others } = cli.dependencies;
    expect(others).toEqual(core.peerDependencies);
  });

  it("has the licence of fovea", () => {
    expect(readFileSync(join(root, "packages/fovea-cli/LICENSE"), "utf8")).toBe(
      readFileSync(join(root, "LICENSE"), "utf8"),
    );
  });
});

describe.each([
  ["fovea", ".", core],
  ["fovea-cli", "packages/fovea-cli", cli],
])("%s as npm packs it", (_name, folder, manifest) => {
  const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: join(root, folder),
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  const [packed] = JSON.parse(stdout) as [{ files: { path: string }[]; unpackedSize: number }];
  const files = packed.files.map(({ path }) => path);

  it("has what its manifest names", () => {
    const named = [...targets(manifest.exports), ...targets(manifest.bin), ...targets(manifest.types)];
    expect(named.length).toBeGreaterThan(1);
    for (const target of named) expect(files).toContain(target);
    for (const text of ["README.md", "LICENSE"]) expect(files).toContain(text);
  });

  it("has nothing that only development needs", () => {
    expect(
      files.filter((file) => /\.map$|\.tsbuildinfo$|^(src|test|node_modules)\/|\.ts$(?<!\.d\.ts)/.test(file)),
    ).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(7e6);
  });

  it("names no source map, since there is none", () => {
    const scripts = files.filter((file) => file.endsWith(".js") && existsSync(join(root, folder, file)));
    expect(scripts.length).toBeGreaterThan(0);
    const naming = scripts.filter((file) =>
      readFileSync(join(root, folder, file), "utf8").includes("\n//# sourceMappingURL="),
    );
    expect(naming).toEqual([]);
  });
});

/** The files that a field of a manifest names. */
function targets(field: unknown): string[] {
  if (typeof field === "string") return [field.replace(/^\.\//, "")];
  return field === undefined ? [] : Object.values(field as object).flatMap(targets);
}
