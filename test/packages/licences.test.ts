/** What comes with fovea or fovea-cli may be distributed beside code under Apache-2.0. package-lock.json has the licence of each package. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Entry {
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const lock: Readonly<Record<string, Entry>> = JSON.parse(
  readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"),
).packages;

/** Permissive licences, and that of typefaces. */
const PERMISSIVE = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "OFL-1.1", "Unlicense"];
/** Licences that bind the files of their own package alone, which npm installs unchanged and apart; by the packages that may have them. */
const OF_THEIR_OWN_FILES = [
  { licence: "LGPL-3.0-or-later", packages: /^@img\/sharp-/ }, // libvips, a shared library
  { licence: "MPL-2.0", packages: /^@resvg\/resvg-js/ },
];

/** The packages that installing fovea and fovea-cli may bring, of all platforms. */
function installed(): Map<string, Entry> {
  const found = new Map<string, Entry>();
  const visit = (from: string) => {
    const { dependencies, optionalDependencies, peerDependencies } = lock[from]!;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const place = placeOf(name, from);
      if (place === undefined || found.has(place)) continue;
      found.set(place, lock[place]!);
      visit(place);
    }
  };
  visit("");
  return found;
}

/** Where a package finds another: in its own node_modules, or in one above. */
function placeOf(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    const place = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (lock[place] !== undefined) return place;
    if (folder === "") return undefined;
  }
}

const nameOf = (place: string) => place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);

function isAllowed(place: string, licence: string | undefined): boolean {
  const may = (one: string) =>
    PERMISSIVE.includes(one) ||
    OF_THEIR_OWN_FILES.some(({ licence, packages }) => licence === one && packages.test(nameOf(place)));
  // `A OR B` asks for one of them, `A AND B` for both.
  return licence?.split(" OR ").some((choice) => choice.split(" AND ").every(may)) ?? false;
}

it("every package that is installed has a licence that allows it", () => {
  const packages = installed();
  expect(packages.size).toBeGreaterThan(80);
  const refused = [...packages].filter(([place, { license }]) => !isAllowed(place, license));
  expect(refused.map(([place, { license }]) => `${nameOf(place)}: ${license}`)).toEqual([]);
});

it.each([
  ["a", "GPL-3.0-only", false],
  ["a", "LGPL-3.0-or-later", false],
  ["@img/sharp-libvips-linux-x64", "LGPL-3.0-or-later", true],
  ["a", "MIT AND GPL-2.0", false],
  ["a", "MIT OR GPL-2.0", true],
  ["a", undefined, false],
])("of %s under %s: %s", (name, licence, allowed) => {
  expect(isAllowed(`node_modules/${name}`, licence)).toBe(allowed);
});

it("what builds the site of the documentation has a permissive licence", () => {
  const text = readFileSync(new URL("../../docs/site/package-lock.json", import.meta.url), "utf8");
  const packages = Object.entries<Entry>(JSON.parse(text).packages).filter(([place]) => place !== "");
  const known = [...PERMISSIVE, "BlueOak-1.0.0", "CC0-1.0", "Python-2.0"];
  expect(packages.length).toBeGreaterThan(50);
  expect(packages.filter(([, { license }]) => !known.includes(license ?? "")).map(([place]) => place)).toEqual([]);
});
