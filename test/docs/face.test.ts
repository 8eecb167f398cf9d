/** The public face: exactly the exports of test/exports.txt, each of them and of their members with a doc comment. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";
import { type Declared, readFace } from "../support/face.js";
import { temporaryFolder } from "../support/temporary.js";

const face = readFace();

const says = (declared: Declared, tag: string) => declared.tags.some(({ name }) => name === tag);
const isOption = ({ name, isOptional }: Declared) => isOptional && /(^|\.)\w+Options\.\w+$/.test(name);

it("documents every export, every member, and the default of every option", () => {
  const found = face.declared.flatMap((declared) => {
    const at = `${declared.file}: ${declared.name}`;
    if (declared.doc === "" && declared.kind !== "namespace") return [at];
    return isOption(declared) && !says(declared, "default") ? [`${at} @default`] : [];
  });
  const message = "has no doc comment (or this option no `@default`), which an editor would show: write one";
  expect(found, message).toEqual([]);
});

it("describes parameters that there are", () => {
  const strange = face.declared.flatMap(({ name, tags, parameters = [] }) =>
    tags.flatMap((tag) => {
      const of = tag.name === "param" ? (/^\s*(\w+)/.exec(tag.text ?? "")?.[1] ?? "nothing") : undefined;
      return of === undefined || parameters.includes(of) ? [] : [`${name}: @param ${of}`];
    }),
  );
  expect(strange).toEqual([]);
});

/** Types behind others that nobody needs to write down. */
const HELPERS: readonly string[] = [
  "BackendChoice",
  "BaseModule",
  "Box",
  "Bytes",
  "Caches",
  "Costs",
  "Definition",
  "Given",
  "Instr",
  "KernelHeader",
  "Labels",
  "MeasuredFigures",
  "NormOverLastAxes",
  "OnlyFirst",
  "PartDropout",
  "Picture",
  "Plain",
  "Range",
  "SpecOf",
  "Term",
  "Type",
];

it("exports every type that an export names", () => {
  const { forgotten } = face;
  expect(forgotten.filter((name) => !HELPERS.includes(name))).toEqual([]);
  expect(
    HELPERS.filter((name) => !forgotten.includes(name)),
    "are exported, or named no more",
  ).toEqual([]);
});

it("exports what test/exports.txt lists", async () => {
  const lines = face.entries.flatMap((entry) => [
    `${entry.name}`,
    ...entry.exports.map(({ name, kind }) => `  ${name} (${kind})`).sort(),
  ]);
  const message = "if it is meant: npx vitest run test/docs/face.test.ts --update";
  await expect(`${lines.join("\n")}\n`, message).toMatchFileSnapshot("../exports.txt");
});

it("exports the values that its declarations have, and no others", async () => {
  for (const { name, declarations, exports } of face.entries) {
    const values = exports.filter((declared) => declared.kind !== "type" && !declared.name.includes("."));
    const module = await import(pathToFileURL(declarations.replace(/\.d\.ts$/, ".js")).href);
    expect(Object.keys(module).sort(), name).toEqual(values.map((declared) => declared.name).sort());
  }
});

it("reads doc comments of exports, members, bases, literals and statics, and inherits them", () => {
  const file = join(temporaryFolder(), "sample.d.ts");
  writeFileSync(
    file,
    `
interface Base {
  /** Of the base. */
  readonly base: number;
  bare?: string;
}
/** An option bag. */
export interface SampleOptions extends Base {
  /** In a literal. */
  readonly nested: { deep?: number };
}
/** A class. */
export declare class Sample {
  private hidden: number;
  #own: number;
  static make(): Sample;
  /** Runs. */
  run(): void;
}
export declare class Special extends Sample {
  run(): void;
}
export declare function call(options: {
  /** Of a call. */
  eager?: boolean;
}): void;
/**
 * Held.
 * @example 1 + 1
 */
export declare const held: number;
export {};
`,
  );
  const { declared } = readFace([["sample", file]]);
  expect(declared.map(({ name, kind, doc, isOptional }) => [name, kind, doc.trim(), isOptional])).toEqual([
    ["SampleOptions", "type", "An option bag.", false],
    ["SampleOptions.nested", "member", "In a literal.", false],
    ["SampleOptions.nested.deep", "member", "", true],
    ["SampleOptions.base", "member", "Of the base.", false],
    ["SampleOptions.bare", "member", "", true],
    ["Sample", "class", "A class.", false],
    ["Sample.run", "member", "Runs.", false],
    ["Sample.make", "member", "", false],
    ["Special", "class", "", false],
    ["Special.run", "member", "Runs.", false],
    ["call", "function", "", false],
    ["call.eager", "member", "Of a call.", true],
    ["held", "const", "Held.", false],
  ]);
  expect(declared.at(-1)!.tags).toEqual([{ name: "example", text: "1 + 1" }]);
});
