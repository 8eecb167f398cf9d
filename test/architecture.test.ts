/** Holds the sources to the plan of the house; test/support/imports.ts has the rules. */
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { describe, expect, it } from "vitest";
import { circle, crowded, importsOf, mayUseNode, readSources, violations } from "./support/imports.js";

const sources = readSources();

it("imports point down only, and what needs Node is out of a browser's reach", () => {
  expect(violations(sources)).toEqual([]);
});

it("no files import each other in a circle, not even for a type", () => {
  expect(circle(sources)).toBeUndefined();
});

it("no folder has more files than a reader takes in at once", () => {
  expect(crowded(sources)).toEqual([]);
});

it("loads with itself no package that a bare install leaves out; the command line alone may", () => {
  const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const loads = [...sources].flatMap(([file, text]) =>
    importsOf(text)
      .filter(({ specifier, typeOnly, dynamic }) => !typeOnly && !dynamic && /^(?!node:)[@\w]/.test(specifier))
      .filter(
        ({ specifier }) =>
          dependencies[specifier] === undefined && !/^cli\/.*\bcommander$/.test(`${file.split("/")[0]}/${specifier}`),
      )
      .map(({ specifier }) => `${file} imports ${specifier}`),
  );
  expect(loads).toEqual([]);
});

it("names Node's modules with node: in front, so that the rules see them", () => {
  const bare = [...sources].flatMap(([file, text]) =>
    importsOf(text)
      .filter(({ specifier }) => builtinModules.includes(specifier))
      .map(({ specifier }) => `${file} imports ${specifier}`),
  );
  expect(bare).toEqual([]);
});

it("asks machines for facts: plans and kernels compare no target's name, nor count of registers with a number", () => {
  const planned = [...sources].filter(([file]) => /^(?:kernels|compiler)\//.test(file));
  const asks = (text: string) => namesMachine(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, ""));
  expect(planned.filter(([, text]) => asks(text)).map(([file]) => file)).toEqual([]);
  expect(planned.length).toBeGreaterThan(80);
  for (const line of [
    'target.name === "avx512"',
    "switch (k.target.name) {",
    "const { name } = to.target;",
    "k.target.registers.vector >= 32 ? 4 : 2",
    "registers.vector === 16",
    "32 <= target.registers.vector",
  ])
    expect(namesMachine(line), line).toBe(true);
  const name = "$" + "{target.name}";
  for (const line of [`fail(\`none on ${name}\`)`, "registers.vector >= 2 * sums", "sums + 2 <= registers.vector"])
    expect(namesMachine(line), line).toBe(false);
});

it("finds the imports there are", () => {
  expect(sources.size).toBeGreaterThan(20);
  expect(importsOf(sources.get("data/sets/sampler.ts") ?? "").map(({ specifier }) => specifier)).toContain(
    "../../base/errors.js",
  );
});

/** Whether it asks which machine it has. Messages, which are template strings, may name it. */
function namesMachine(text: string): boolean {
  const name = /(?<!\$\{)\btarget\.name\b|\bname\b[^}=]*\} = (?:\w+\.)*target\b/;
  const count =
    /registers\.(?:vector|int) (?:[<>]=?|[!=]==) \d+(?! \*)|(?:^|[(?:&|]) ?\d+ (?:[<>]=?|[!=]==) (?:\w+\.)*registers\b/m;
  return name.test(text) || count.test(text);
}

describe("the check itself", () => {
  /** The violations of sources made up for the purpose. */
  const check = (files: Record<string, string>) => violations(new Map(Object.entries(files)));
  const empty = {
    "base/errors.ts": "",
    "graph/graph.ts": "",
    "ops/conv.ts": "",
    "train/trainer.ts": "",
    "data/set.ts": "",
  };

  it("lets imports down, within a floor and to the foundation be", () => {
    expect(
      check({
        ...empty,
        "ops/conv.ts": `import { a } from "../graph/graph.js"; import { b } from "../base/errors.js";`,
        "train/trainer.ts": `import { c } from "../ops/conv.js"; import { d } from "./rate.js";`,
        "train/rate.ts": "",
        "index.ts": `export * from "./train/trainer.js";`,
      }),
    ).toEqual([]);
  });

  it("finds an import that points up, in every form", () => {
    const up = "graph/graph.ts imports ../ops/conv.js: ops/ is not below graph/";
    for (const line of [
      `import { conv } from "../ops/conv.js";`,
      `import conv, {\n  a,\n  type B,\n} from '../ops/conv.js';`,
      `import * as conv from "../ops/conv.js";`,
      `import type { Conv } from "../ops/conv.js";`,
      `import "../ops/conv.js";`,
      `export { conv } from "../ops/conv.js";`,
      `export*from"../ops/conv.js";`,
      `export type * from "../ops/conv.js";`,
      `const conv = await import("../ops/conv.js");`,
      `type Conv = typeof import("../ops/conv.js");`,
      `/* a comment */ import { a } from "../ops/conv.js"; // and another`,
      `const url = "https://example.org"; import { a } from "../ops/conv.js";`,
    ]) {
      expect(check({ ...empty, "graph/graph.ts": line }), line).toEqual([up]);
    }
  });

  it("sees no import in comments or in other words", () => {
    for (const line of [
      `// import { conv } from "../ops/conv.js";`,
      `/* import "../ops/conv.js"; */`,
      `/**\n * import { conv } from "../ops/conv.js"\n */`,
      `important("../ops/conv.js"); a.import("../ops/conv.js");`,
    ]) {
      expect(check({ ...empty, "graph/graph.ts": line }), line).toEqual([]);
    }
  });

  it("finds an import that points sideways, to the face, out of the foundation or nowhere", () => {
    const of = (file: string, specifier: string) =>
      check({ ...empty, "index.ts": "", [file]: `import "${specifier}";` });
    expect(of("formats/idx.ts", "../data/set.js")).toEqual([
      "formats/idx.ts imports ../data/set.js: data/ is not below formats/",
    ]);
    expect(of("nn/layer.ts", "../train/trainer.js")[0]).toContain("train/ is not below nn/");
    expect(of("nn/layer.ts", "../index.js")[0]).toContain("nothing may import the public face");
    expect(of("base/errors.ts", "../graph/graph.js")[0]).toContain("the foundation imports nothing but itself");
    expect(of("nn/layer.ts", "../nn/none.js")[0]).toContain("there is no such source");
    expect(of("nn/layer.ts", "#fovea/nn/none.js")[0]).toContain("by relative paths");
    expect(of("attic/old.ts", "../graph/graph.js")[0]).toContain("attic/ is no floor of the plan");
    expect(check({ "helpers.ts": "" })[0]).toContain("helpers.ts: stands right in src/");
  });

  it("finds what needs Node in files that must run in a browser", () => {
    const files = {
      ...empty,
      "devices/native/call.ts": `import koffi from "koffi";`,
      "devices/open-node.ts": `import { open } from "node:fs"; import "./native/call.js";`,
      "cli/main.ts": `import "node:path"; import "../devices/open-node.js";`,
    };
    expect(check(files)).toEqual([]);
    const of = (text: string) => check({ ...files, "devices/session.ts": text });
    expect(of(`import { open } from "node:fs";`)).toEqual([
      "devices/session.ts imports node:fs: needs Node, which only *-node.ts, native/ and cli/ may use",
    ]);
    expect(of(`const koffi = await import("koffi");`)).toHaveLength(1);
    expect(of(`import { openFile } from "./open-node.js";`)[0]).toContain(
      "it needs Node, and this file must run in a browser",
    );
    expect(of(`export * from "./native/call.js";`)).toHaveLength(1);
    expect(of(`import type { File } from "./open-node.js";`)).toEqual([]);
    expect(of(`const { openFile } = await import("./open-node.js");`)).toEqual([]);
    expect(["a-node.ts", "devices/native/x.ts", "cli/x.ts"].every(mayUseNode)).toBe(true);
    expect(["node.ts", "devices/natives/x.ts", "train/cli/x.ts"].some(mayUseNode)).toBe(false);
  });

  it("finds what looks inside a device", () => {
    const files = {
      ...empty,
      "devices/device.ts": `import "./cpu/session.js";`,
      "devices/cpu/session.ts": "",
      "analysis/profile/rows.ts": `import "../../devices/cpu/session.js";`,
      "index.ts": `export * from "./devices/cpu/session.js";`,
    };
    expect(check({ ...files, "train/trainer.ts": `import "../devices/device.js";` })).toEqual([]);
    expect(check({ ...files, "train/trainer.ts": `import type { S } from "../devices/cpu/session.js";` })[0]).toContain(
      "a device is spoken to through devices/*.ts",
    );
  });

  it("finds a circle", () => {
    const files = (last: string) =>
      new Map([
        ["ops/a.ts", `import "./b.js";`],
        ["ops/b.ts", `import { c } from "./c.js";`],
        ["ops/c.ts", last],
      ]);
    expect(circle(files(`import "./a.js";`))).toBe("ops/a.ts -> ops/b.ts -> ops/c.ts -> ops/a.ts");
    expect(circle(files(`import type { A } from "./a.js";`))).toBe("ops/a.ts -> ops/b.ts -> ops/c.ts -> ops/a.ts");
    expect(circle(files(""))).toBeUndefined();
  });

  it("finds a crowded folder", () => {
    const files = (count: number) =>
      new Map(Array.from({ length: count }, (_, n) => [`ops/conv/${n}.ts`, ""] as const));
    expect(crowded(files(25))).toEqual([]);
    expect(crowded(files(26))[0]).toContain("ops/conv/ has 26 files");
  });
});
