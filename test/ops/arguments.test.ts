/** What ops are given that makes no sense is refused by name, whatever the op: never by an error of the engine's. */
import { expect, it } from "vitest";
import { FoveaError } from "#fovea/base/errors.js";
import { Graph, type Value } from "#fovea/graph/graph.js";
import * as ops from "#fovea/ops/index.js";

type Call = (...given: unknown[]) => unknown;
const calls = Object.entries(ops as unknown as Readonly<Record<string, Call>>).filter(
  ([, call]) => typeof call === "function",
);

const attempt = (call: Call, given: readonly unknown[]): Error | undefined => {
  try {
    call(...given);
    return undefined;
  } catch (error) {
    return error as Error;
  }
};
const image = (): Value => new Graph().input("x", { shape: [8, 8, 4] });

it.each(calls)("%s refuses what makes no sense with an error of ours", (name, call) => {
  const x = image();
  const unknown = { xyzzyPlugh: 1 };
  for (const given of [[], [x], [x, unknown], [x, x, unknown], [x, 2, unknown], [x, 3, 4], [unknown], [3], [null]]) {
    const error = attempt(call, given);
    if (error !== undefined) expect(error, `${name} of ${given.length}: ${error.message}`).toBeInstanceOf(FoveaError);
  }
});

const filters = (x: Value) => x.graph.state("w", "parameter", [3, 3, 4, 4]);
it.each<[string, (x: Value, options: never) => unknown, string, string]>([
  ["conv2d", (x, options) => ops.conv2d(x, filters(x), options), "strides", "stride"],
  ["convTranspose2d", (x, options) => ops.convTranspose2d(x, filters(x), options), "output_padding", "outputPadding"],
  ["maxPool2d", (x, options) => ops.maxPool2d(x, 2, options), "ceil_mode", "ceil"],
  ["avgPool2d", (x, options) => ops.avgPool2d(x, 2, options), "strides", "stride"],
  ["localResponseNorm", (x, options) => ops.localResponseNorm(x, options), "sizes", "size"],
  ["resize", (x, options) => ops.resize(x, 4, "bilinear", options), "scale_factor", "scaleFactor"],
  ["softplus", (x, options) => ops.softplus(x, options), "treshold", "threshold"],
  ["clip", (x, options) => ops.clip(x, options), "maxi", "max"],
  ["focalLoss", (x, options) => ops.focalLoss(x, x, options), "Alpha", "alpha"],
  ["sum", (x, options) => ops.sum(x, options), "keepdims", "keepDims"],
  ["mean", (x, options) => ops.mean(x, options), "keepdims", "keepDims"],
])("%s refuses options that it does not have", (name, call, key, meant) => {
  expect(attempt(call as Call, [image(), { [key]: 1 }])?.message).toContain(
    `unknown option of ${name} "${key}"; did you mean "${meant}"?`,
  );
});

it("says what is missing", () => {
  const messages = ["maxPool2d", "reshape", "slice", "resize"].map(
    (name) => attempt(Object.fromEntries(calls)[name]!, [image()])?.message,
  );
  expect(messages).toEqual([
    "maxPool2d: kernel is missing, expected a number, or [height, width]",
    "reshape: shape is missing, expected a list of numbers",
    'slice: axis is missing, expected an axis: a number, or a name such as "channels"',
    "resize: size is missing, expected a number, or [height, width]",
  ]);
});
