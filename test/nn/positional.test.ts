/** Calls with arguments in a row, as PyTorch takes them, are refused with the call that says the same here. */
import { describe, expect, it } from "vitest";
import { literal } from "#fovea/base/positional.js";
import * as fovea from "#fovea/index.js";

const { nn, sgd, adam, adamw } = fovea;
type Call = (...given: unknown[]) => unknown;

function messageOf(call: unknown, given: readonly unknown[]): string {
  try {
    (call as Call)(...given);
  } catch (error) {
    expect(error).toBeInstanceOf(fovea.OptionError);
    return (error as Error).message;
  }
  return "nothing was refused";
}

const OPTIONS = "expected an object of options";
const KERNEL = "expected a kernel and an object of options";

it.each<[string, unknown, readonly unknown[], string]>([
  ["conv2d", nn.conv2d, [3, 64, 3], `3, 64, 3, ${OPTIONS}: nn.conv2d({ in: 3, out: 64, kernel: 3 })`],
  [
    "conv2d",
    nn.conv2d,
    [3, 64, [3, 5], 2, 1],
    `3, 64, [3, 5], 2, 1, ${OPTIONS}: nn.conv2d({ in: 3, out: 64, kernel: [3, 5], stride: 2, padding: 1 })`,
  ],
  [
    "conv2d",
    nn.conv2d,
    [3, 64, { kernel_size: 3, bias: false }],
    `3, 64, { kernel_size: 3, bias: false }, ${OPTIONS}: nn.conv2d({ in: 3, out: 64, kernel: 3, bias: false })`,
  ],
  ["conv2d", nn.conv2d, [3, 64], `3, 64, ${OPTIONS}: nn.conv2d({ in: 3, out: 64, kernel: ... })`],
  [
    "conv2d",
    nn.conv2d,
    [{ in: 3, out: 4, kernel: 3 }, { stride: 2 }],
    `{ in: 3, out: 4, kernel: 3 }, { stride: 2 }, ${OPTIONS}: nn.conv2d({ in: 3, out: 4, kernel: 3, stride: 2 })`,
  ],
  ["conv2d", nn.conv2d, [null], `null, ${OPTIONS}: nn.conv2d({ in: ..., out: ..., kernel: ... })`],
  [
    "convTranspose2d",
    nn.convTranspose2d,
    [8, 4, 2, 2, 0, 1],
    `8, 4, 2, 2, 0, 1, ${OPTIONS}: nn.convTranspose2d({ in: 8, out: 4, kernel: 2, stride: 2, padding: 0, outputPadding: 1 })`,
  ],
  ["linear", nn.linear, [400, 10], `400, 10, ${OPTIONS}: nn.linear({ in: 400, out: 10 })`],
  ["linear", nn.linear, [400, 10, false], `400, 10, false, ${OPTIONS}: nn.linear({ in: 400, out: 10, bias: false })`],
  ["batchNorm2d", nn.batchNorm2d, [64], `64, ${OPTIONS}: nn.batchNorm2d({ channels: 64 })`],
  ["subsample2d", nn.subsample2d, [6, 2], `6, 2, ${OPTIONS}: nn.subsample2d({ channels: 6, kernel: 2 })`],
  ["localResponseNorm", nn.localResponseNorm, [5], `5, ${OPTIONS}: nn.localResponseNorm({ size: 5 })`],
  ["upsample", nn.upsample, [undefined, 2], `undefined, 2, ${OPTIONS}: nn.upsample({ scaleFactor: 2 })`],
  ["maxPool2d", nn.maxPool2d, [3, 2, 1], `3, 2, 1, ${KERNEL}: nn.maxPool2d(3, { stride: 2, padding: 1 })`],
  ["maxPool2d", nn.maxPool2d, [], `nothing, ${KERNEL}: nn.maxPool2d(...)`],
  [
    "avgPool2d",
    nn.avgPool2d,
    [2, 2, 0, true],
    `2, 2, 0, true, ${KERNEL}: nn.avgPool2d(2, { stride: 2, padding: 0, ceil: true })`,
  ],
  [
    "adaptiveAvgPool2d",
    nn.adaptiveAvgPool2d,
    [7, 5],
    "7, 5, expected a number, or [height, width]: nn.adaptiveAvgPool2d([7, 5])",
  ],
  [
    "adaptiveAvgPool2d",
    nn.adaptiveAvgPool2d,
    [{ output_size: 7 }],
    "{ output_size: 7 }, expected a number, or [height, width]: nn.adaptiveAvgPool2d(7)",
  ],
  ["dropout", nn.dropout, [{ p: 0.2 }], "{ p: 0.2 }, expected a probability: nn.dropout(0.2)"],
  ["relu", nn.relu, [true], "true, expected nothing: nn.relu()"],
  ["softmax", nn.softmax, [1], "1, expected nothing: nn.softmax()"],
  ["sgd", sgd, [0.1], `0.1, ${OPTIONS}: sgd({ lr: 0.1 })`],
  ["sgd", sgd, [], `nothing, ${OPTIONS}: sgd({ lr: ... })`],
  ["sgd", sgd, [0.1, 0.9], `0.1, 0.9, ${OPTIONS}: sgd({ lr: 0.1, momentum: 0.9 })`],
  ["sgd", sgd, [new Map(), 0.1], `a Map, 0.1, ${OPTIONS}: sgd({ lr: 0.1 }); train gives it the parameters`],
  [
    "sgd",
    sgd,
    [[new nn.Parameter([1], { kind: "constant", value: 0 })], { lr: 0.1, weight_decay: 1e-4 }],
    `[a Parameter], { lr: 0.1, weight_decay: 0.0001 }, ${OPTIONS}: sgd({ lr: 0.1, weightDecay: 0.0001 }); train gives it`,
  ],
  ["adam", adam, [1e-3], `0.001, ${OPTIONS}: adam({ lr: 0.001 })`],
  [
    "adamw",
    adamw,
    [nn.relu(), 1e-3],
    `an Activation, 0.001, ${OPTIONS}: adamw({ lr: 0.001 }); train gives it the parameters`,
  ],
])("%s, case %#", (name, call, given, message) => {
  expect(messageOf(call, given)).toContain(`${name}: is given ${message}`);
});

it("the call that a message names is one that is taken", () => {
  const calls: readonly [unknown, readonly unknown[]][] = [
    [nn.conv2d, [3, 64, 3, 1, 1, 1, 1, false]],
    [nn.convTranspose2d, [8, 4, 2, 2, 0, 0, 1, false, 1]],
    [nn.linear, [400, 10, true]],
    [nn.batchNorm2d, [64, 1e-5, 0.1]],
    [nn.maxPool2d, [2, 2, 0, 1]],
    [nn.avgPool2d, [2, 2, 0, true, 4]],
    [nn.localResponseNorm, [5, 1e-4, 0.75, 2]],
    [nn.upsample, [[8, 8]]],
    [sgd, [0.1, 0.9, 0, 1e-4, true]],
    [adam, [1e-3, [0.9, 0.99], 1e-8, 0.1]],
  ];
  for (const [call, given] of calls) {
    const text = /: ((?:nn\.)?\w+\(.*\))$/.exec(messageOf(call, given))?.[1] ?? "none";
    const run = new Function("nn", "sgd", "adam", `return ${text};`);
    expect(run(nn, sgd, adam), text).toBeTypeOf("object");
    for (const value of given) expect(text).toContain(literal(value));
  }
});

describe("what is taken", () => {
  it("is an index beside options, as list.map gives", () => {
    expect([{ in: 2, out: 3 }].map(nn.linear)[0]?.weight.shape).toEqual([2, 3]);
    expect(Array.from({ length: 2 }, nn.relu)).toHaveLength(2);
  });
  it("is no options where none are needed", () => {
    expect(adam().lr).toBe(1e-3);
    expect(adamw(undefined).options["weightDecay"]).toBe(0.01);
  });
});

it("options of a layer that has none are refused, and a value where a layer is made", () => {
  expect(messageOf(nn.relu, [{ inplace: true }])).toBe(
    'unknown option of relu "inplace"; leave it out: memory is reused without being told (it takes none)',
  );
  expect(() => nn.trace(nn.sequential({ act: nn.relu as never }), { input: [4], training: false })).toThrow(
    "relu: is given a value; nn.relu() makes a layer, which nn.sequential or forward takes",
  );
});
