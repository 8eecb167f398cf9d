/** Whitening first layers: the eigen-solver, the filters from pictures, and that they stay as they are. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { OptionError } from "#fovea/base/errors.js";
import { symmetricEigen } from "#fovea/base/symmetric-eigen.js";
import type { Dataset } from "#fovea/data/sets/dataset.js";
import { readSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import * as nn from "#fovea/nn/index.js";
import { sgd } from "#fovea/train/optimizers/sgd.js";
import { covariance, whitened } from "#fovea/train/techniques/whitening.js";
import { train } from "#fovea/train/train.js";
import { pictures } from "../support/pictures.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

const near = (found: ArrayLike<number>, expected: ArrayLike<number>, digits = 12) => {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, digits);
};

it("eigenvectors of matrices worked by hand", () => {
  // Eigenvalues 2 +- 1 along the diagonals.
  const half = Math.sqrt(0.5);
  const two = symmetricEigen([2, 1, 1, 2], 2);
  near(two.values, [3, 1]);
  near(two.vectors[0]!, [half, half]);
  near(two.vectors[1]!, [half, -half]);
  const flat = symmetricEigen([0, 0, 0, 0, 5, 0, 0, 0, 1], 3);
  near(flat.values, [5, 1, 0]);
  near(flat.vectors[0]!, [0, 1, 0]);
  expect(symmetricEigen([4], 1)).toEqual({ values: Float64Array.of(4), vectors: [Float64Array.of(1)] });
});

it("eigenvectors of random matrices are what they are said to be", () => {
  const { integer } = random(5);
  for (const n of [3, 12, 27]) {
    const factor = Array.from({ length: n }, () => Array.from({ length: n }, () => integer(-1000, 1000) / 1000));
    const matrix = factor.flatMap((a) => factor.map((b) => a.reduce((sum, x, k) => sum + x * b[k]!, 0)));
    const { values, vectors } = symmetricEigen(matrix, n);
    for (const [i, vector] of vectors.entries()) {
      if (i > 0) expect(values[i]).toBeLessThanOrEqual(values[i - 1]!);
      near(
        Array.from({ length: n }, (_, r) => vector.reduce((sum, x, k) => sum + matrix[r * n + k]! * x, 0)),
        vector.map((x) => x * values[i]!),
        11,
      );
      near(
        vectors.map((other) => other.reduce((sum, x, k) => sum + x * vector[k]!, 0)),
        vectors.map((_, j) => (i === j ? 1 : 0)),
        11,
      );
    }
  }
});

/** Two pictures of two grey pixels: (0, 0) and (255, 51). */
const tiny: Dataset = {
  name: "tiny",
  length: 2,
  classes: ["a", "b"],
  shape: [1, 2, 1],
  images: Uint8Array.of(0, 0, 255, 51),
  labels: Uint8Array.of(0, 1),
  mean: [0],
  std: [1],
};

it("the covariance of patches, worked by hand", () => {
  // Pixels 0, 0, 1, 0.2: mean 0.3, variance (0.09 + 0.09 + 0.49 + 0.01) / 4.
  near(covariance(tiny, [1, 1], 9), [0.17], 7);
  // Pairs (0, 0) and (1, 0.2): variances 0.25 and 0.01, covariance 0.05.
  near(covariance(tiny, [1, 2], 9), [0.25, 0.05, 0.05, 0.01], 7);
  // The first of two pictures alone.
  near(covariance(tiny, [1, 2], 1), [0, 0, 0, 0], 7);
});

it("filters are eigenvectors over the square root of the variance, then their negatives", () => {
  const layer = nn.whiteningConv2d({ in: 1, kernel: [1, 2], eps: 0.09, bias: false });
  const weights = whitened(initialWeights(layer, 0), layer, tiny);
  // Variance 0.26 along (5, 1) / sqrt(26), 0 across: divided by sqrt(0.35) and sqrt(0.09).
  const [a, b] = [5 / Math.sqrt(26), 1 / Math.sqrt(26)];
  const [long, across] = [Math.sqrt(0.35), 0.3];
  const filters = [a / long, -b / across, -a / long, b / across, b / long, a / across, -b / long, -a / across];
  expect([...weights.keys()]).toEqual(["weight"]);
  near(weights.get("weight")!.data, filters, 6);
  const strongest = nn.whiteningConv2d({ in: 1, kernel: [1, 2], out: 2, eps: 0.09 });
  near(
    whitened(initialWeights(strongest, 0), strongest, tiny).get("weight")!.data,
    [a / long, -a / long, b / long, -b / long],
    6,
  );
});

const network = () =>
  nn.sequential({
    white: nn.whiteningConv2d({ in: 1, kernel: 3, padding: 1 }),
    act: nn.gelu(),
    pool: nn.maxPool2d(4),
    flatten: nn.flatten(),
    fc: nn.linear({ in: 882, out: 10 }),
  });

it("whitens pictures, is trained around, and is saved as any convolution", async () => {
  const data = pictures(60, 1);
  const module = network();
  const { weight } = Object.fromEntries(
    [...whitened(initialWeights(module, 3), module, data)].map(([name, w]) => [name.split(".").at(-1), w]),
  );
  expect(weight).toBeDefined();
  const run = await train(module, data, {
    epochs: 2,
    batchSize: 20,
    seed: 3,
    optimizer: sgd({ lr: 0.05, momentum: 0.9, weightDecay: 0.1 }),
    threads: 2,
    note: () => {},
  });
  const filters = run.model.weights.get("white.weight")!;
  const first = whitened(initialWeights(network(), 3), network(), data);
  expect(filters).toEqual(first.get("white.weight"));
  expect(run.model.weights.get("white.bias")).not.toEqual(first.get("white.bias"));
  // What the first nine filters make of patches has variance l / (l + eps) and no covariance.
  const c = covariance(data, [3, 3], 60);
  const through = (i: number, j: number) => {
    let sum = 0;
    for (let p = 0; p < 9; p++)
      for (let q = 0; q < 9; q++) sum += filters.data[18 * p + i]! * c[9 * p + q]! * filters.data[18 * q + j]!;
    return sum;
  };
  for (let i = 0; i < 9; i++) {
    for (let j = 0; j < i; j++) expect(Math.abs(through(i, j))).toBeLessThan(1e-5);
    expect(through(i, i)).toBeGreaterThan(0.99);
    expect(through(i, i)).toBeLessThan(1);
  }
  const path = join(temporaryFolder(), "model.safetensors");
  await saveModel(path, run.model);
  const { tensors } = await readSafetensorsFile(path);
  expect(tensors.get("white.weight")!.shape).toEqual([18, 1, 3, 3]);
  expect([...(tensors.get("white.weight")!.data as Float32Array).slice(0, 9)]).toEqual(
    Array.from({ length: 9 }, (_, k) => filters.data[18 * k]),
  );
});

it("refuses what it cannot whiten", async () => {
  const data = pictures(10);
  const refused = (module: nn.Module) => () => whitened(initialWeights(module, 0), module, data);
  expect(refused(nn.whiteningConv2d({ in: 3, kernel: 2 }))).toThrow(
    "weight: whitens patches of 2x2x3, but pictures are 28x28x1; expected a network's first layer",
  );
  expect(() => nn.whiteningConv2d({ in: 3, kernel: 2, out: 7 })).toThrow("out is 7, expected an even number up to 24");
  expect(() => nn.whiteningConv2d({ in: 3, kernel: 2, eps: 0 })).toThrow(OptionError);
  expect(() => nn.whiteningConv2d({ in: 3, kernel: 2, pictures: 0.5 })).toThrow(
    "pictures is 0.5, expected a whole number from 1",
  );
});
