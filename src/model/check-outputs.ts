/** Whether what a network gives can be held against labels: a number a class for each picture, or for each of its pixels. */
import { OptionError, ShapeError, unknownName } from "../base/errors.js";
import type { Value } from "../graph/graph.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import { CROSS_ENTROPY, type Loss, type Module, type Traced } from "../nn/index.js";

const KINDS: readonly Loss["kind"][] = ["crossEntropy", "maximumAPosteriori", "pixelCrossEntropy", "own"];

/**
 * @throws ShapeError where the output has another shape than the labels ask for, naming both and the cure; OptionError where the
 * network's loss is none.
 */
export function checkOutputs(network: Module, { input, output }: Traced): void {
  const loss = network.loss ?? CROSS_ENTROPY;
  if (!KINDS.includes(loss.kind)) throw unknownName("loss of the network: kind", String(loss.kind), KINDS);
  if (output.dtype !== "f32") refuse(output, "32-bit floating-point numbers, one a class", "leave argmax out");
  if (!dependsOn(output, input)) {
    throw new ShapeError(
      `the network gives ${given(output)}, which does not depend on its input; use the input in forward`,
    );
  }
  if (loss.kind === "pixelCrossEntropy") checkPixels(loss, input, output);
  else checkClasses(output);
  if (loss.kind === "maximumAPosteriori" && !Number.isFinite(loss.j)) {
    throw new OptionError(`loss maximumAPosteriori: j is ${loss.j}, expected a number`);
  }
}

function checkClasses(output: Value): void {
  const { shape } = output;
  const places = sizeOf(shape.slice(0, -1));
  if (shape.length > 0 && places === 1) return;
  const cure =
    shape.length === 3
      ? `put nn.flatten() and nn.linear({ in: ${sizeOf(shape)}, out: classes }), or nn.globalAvgPool2d(), behind its last layer`
      : "end it with nn.linear({ in, out: classes })";
  refuse(output, "one number a class, since each picture has one label", cure);
}

function checkPixels({ classes, weights }: Loss & { kind: "pixelCrossEntropy" }, input: Value, output: Value): void {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new OptionError(`loss pixelCrossEntropy: classes is ${classes}, expected a whole number of at least 1`);
  }
  if (weights !== undefined && !(weights.length === classes && weights.every((w) => Number.isFinite(w) && w >= 0))) {
    throw new OptionError(
      `loss pixelCrossEntropy: weights are ${weights.join(", ")}, expected a number of at least 0 for each of ${classes} classes`,
    );
  }
  const [height, width] = input.shape as readonly [number, number];
  const { shape } = output;
  const isMap = shape.length === 3 && shape[0] === height && shape[1] === width;
  if (isMap && shape[2]! % classes === 0) return;
  const expected = `${height}x${width}x${classes}: a number a class for every pixel of the ${given(input)} that it takes`;
  refuse(
    output,
    expected,
    isMap ? `end it with ${classes} channels` : "bring its last map to the picture's size, by nn.upsample",
  );
}

function refuse(output: Value, expected: string, cure: string): never {
  throw new ShapeError(`the network gives ${given(output)}, expected ${expected}; ${cure}`);
}

const given = ({ shape }: Value) => (shape.length === 0 ? "one number" : shapeText({ shape }));

function dependsOn(output: Value, input: Value): boolean {
  const seen = new Set<Value>([output]);
  for (const value of seen) for (const read of value.inputs) seen.add(read);
  return seen.has(input);
}
