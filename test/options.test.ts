/** Objects of options against tables. */
import { describe, expect, it } from "vitest";
import {
  checkOptions,
  type Fields,
  flag,
  listOf,
  needed,
  number,
  object,
  oneOf,
  pick,
  shown,
  text,
  unknownOption,
  variants,
  whole,
} from "#fovea/base/options.js";

interface Options {
  readonly lr: number;
  readonly batchSize?: number;
  readonly nesterov?: boolean;
  readonly names?: readonly string[];
  readonly shape?: "round" | "square";
  readonly inner?: { readonly depth: number };
  readonly kind?: { readonly kind: "a"; readonly x?: number } | { readonly kind: "b" };
}

const FIELDS: Fields<Options> = {
  lr: needed(number({ from: 0, below: 1 })),
  batchSize: whole(1, 100),
  nesterov: flag,
  names: listOf(text, "a list of names"),
  shape: oneOf(["round", "square"]),
  inner: object<{ readonly depth: number }>({ depth: needed(whole(0)) }),
  kind: variants("kind", { a: { x: number({ above: 0 }) }, b: {} }),
};

const refusal = (options: unknown) => {
  try {
    checkOptions("it", options as Options, FIELDS, "it: ");
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing was refused";
};

it("takes what the table says, and what is not given", () => {
  const all = {
    lr: 0.5,
    batchSize: 3,
    nesterov: true,
    names: ["a"],
    shape: "round",
    inner: { depth: 0 },
    kind: { kind: "b" },
  };
  expect(refusal(all)).toBe("nothing was refused");
  expect(refusal({ lr: 0, batchSize: undefined })).toBe("nothing was refused");
});

it.each<[unknown, string]>([
  [{}, "OptionError: it: lr is missing, expected a number from 0 to less than 1"],
  [{ lr: "0.1" }, 'OptionError: it: lr is "0.1", expected a number from 0 to less than 1'],
  [{ lr: Number.NaN }, "OptionError: it: lr is NaN, expected a number from 0 to less than 1"],
  [{ lr: 1 }, "OptionError: it: lr is 1, expected a number from 0 to less than 1"],
  [{ lr: 0, batchSize: 1.5 }, "OptionError: it: batchSize is 1.5, expected a whole number of at least 1"],
  [{ lr: 0, batchSize: 1e308 }, "OptionError: it: batchSize is 1e+308, expected a whole number of at most 100"],
  [{ lr: 0, nesterov: 1 }, "OptionError: it: nesterov is 1, expected true or false"],
  [{ lr: 0, nesterov: null }, "OptionError: it: nesterov is null, expected true or false"],
  [{ lr: 0, names: "a" }, 'OptionError: it: names is "a", expected a list of names'],
  [{ lr: 0, names: ["a", 2] }, "OptionError: it: names[1] is 2, expected a text"],
  [{ lr: 0, shape: "oval" }, 'OptionError: it: shape is "oval", expected "round" or "square"'],
  [{ lr: 0, inner: 3 }, "OptionError: it: inner is 3, expected an object"],
  [{ lr: 0, inner: { depth: -1 } }, "OptionError: it: inner: depth is -1, expected a whole number of at least 0"],
  [
    { lr: 0, inner: { depht: 1 } },
    'OptionError: unknown option of it: inner "depht"; did you mean "depth"? (known: depth)',
  ],
  [{ lr: 0, kind: { kind: "a", x: 0 } }, "OptionError: it: kind a: x is 0, expected a number above 0"],
  [{ lr: 0, kind: { kind: "c" } }, 'OptionError: unknown it: kind kind "c"; did you mean "a"? (known: a, b)'],
  [{ lr: 0, kind: { kind: "b", x: 1 } }, 'OptionError: unknown option of it: kind b "x" (it takes none)'],
  [3, "OptionError: it: the options are 3, expected an object"],
  [null, "OptionError: it: the options are null, expected an object"],
  [[], "OptionError: it: the options are [], expected an object"],
])("refuses %j", (options, message) => {
  expect(refusal(options)).toBe(message);
});

describe("the nearest name", () => {
  const meant = (key: string, known: readonly string[]) =>
    /did you mean "(\w+)"/.exec(unknownOption("option", key, known).message)?.[1];

  it.each<[string, readonly string[], string | undefined]>([
    ["epoch", ["epochs", "batchSize"], "epochs"],
    ["batch_size", ["epochs", "batchSize"], "batchSize"],
    ["weight_decay", ["lr", "weightDecay"], "weightDecay"],
    ["learning_rate", ["lr", "weightDecay"], "lr"],
    ["learningRate", ["lr", "weightDecay"], "lr"],
    ["strides", ["in", "stride", "padding"], "stride"],
    ["kernel_size", ["in", "out", "kernel"], "kernel"],
    ["in_channels", ["in", "out", "kernel"], "in"],
    ["something", ["in", "out", "kernel"], undefined],
  ])("of %s", (key, known, expected) => {
    expect(meant(key, known)).toBe(expected);
  });
});

it("picks the options of a table", () => {
  expect(pick({ lr: 1, batchSize: undefined, other: 3 } as Options, FIELDS)).toEqual({ lr: 1 });
});

it("shows values briefly", () => {
  expect([
    shown(undefined),
    shown("a\u001b[31m"),
    shown(new Float32Array(3)),
    shown([1, 2]),
    shown({ a: 1, b: 2 }),
    shown(new Map()),
    shown(() => 1),
    shown("x".repeat(1000)).length,
    shown(Array.from({ length: 1000 }, (_, i) => i)).length,
  ]).toEqual(["undefined", '"a\\u001b[31m"', "Float32Array(3)", "[1, 2]", "{ a, b }", "a Map", "a function", 63, 43]);
});
