/** A single picture's convolutions are cut so that two threads, and four, have equal shares; large batches as ever. */
import { describe, expect, test } from "vitest";
import { partSizes, timeOfShares } from "#fovea/kernels/contract/shares.js";
import { cutDirect, type DirectShape } from "#fovea/kernels/convolution/direct/cut.js";
import { AVX512 } from "#fovea/target/targets.js";

test("the longest shares of two and of four threads are added", () => {
  const costs = [1, 2, 3, 4, 5];
  const sum = (begin: number, end: number) => costs.slice(begin, end).reduce((a, b) => a + b, 0);
  // two threads: 1+2 and 3+4+5; four: 1, 2, 3 and 4+5
  expect(timeOfShares(5, sum)).toBe(12 + 9);
  // one piece: all threads but one have nothing to do
  expect(timeOfShares(1, sum)).toBe(1 + 1);
});

test("an extent falls into parts as even as can be", () => {
  expect(partSizes(7)).toEqual([7, 4, 3, 2, 1]);
  expect(partSizes(1)).toEqual([1]);
});

/** A convolution whose output is as large as its input. */
function shapeOf(side: number, inputs: number, outputs: number, kernel: number): DirectShape {
  return {
    rows: side,
    columns: side,
    vectors: Math.ceil(outputs / 16),
    groupVectors: Math.ceil(outputs / 16),
    reserved: 0,
    depth: kernel * kernel * inputs,
    lanes: 16,
    rowBytes: side * inputs * 4,
    taps: kernel,
    stride: 1,
    scale: 1,
  };
}

/** Rows by vectors of the largest share over those of an equal one. */
function imbalance(shape: DirectShape, samples: number, threads: number): number {
  const { tile, rowsPerPiece, blocksPerPiece } = cutDirect(AVX512, shape, samples, () => true);
  const pieces: number[] = [];
  for (let n = 0; n < samples; n++)
    for (let row = 0; row < shape.rows; row += rowsPerPiece)
      for (let v = 0; v < shape.vectors; v += blocksPerPiece * tile.vectors)
        pieces.push(
          Math.min(rowsPerPiece, shape.rows - row) * Math.min(blocksPerPiece * tile.vectors, shape.vectors - v),
        );
  let largest = 0;
  for (let t = 0; t < threads; t++) {
    const share = pieces.slice((pieces.length * t) / threads, (pieces.length * (t + 1)) / threads);
    largest = Math.max(
      largest,
      share.reduce((a, b) => a + b, 0),
    );
  }
  return (largest * threads) / (samples * shape.rows * shape.vectors);
}

describe.each([
  [56, 64, 64, 1],
  [56, 64, 256, 1],
  [56, 256, 64, 1],
  [28, 512, 128, 1],
  [14, 1024, 256, 1],
  [14, 256, 1024, 1],
  [7, 2048, 512, 1],
  [7, 512, 2048, 1],
  [32, 3, 16, 3],
  [16, 16, 32, 3],
  [8, 32, 64, 3],
])("pictures of side %i, %i to %i channels, kernel %i", (side, inputs, outputs, kernel) => {
  const shape = shapeOf(side, inputs, outputs, kernel);

  test.each([1, 3])("%i samples fall into equal shares", (samples) => {
    expect(imbalance(shape, samples, 2)).toBeLessThan(1.04);
    expect(imbalance(shape, samples, 4)).toBeLessThan(1.13);
  });

  test("tiles whose code does not fit are left alone, and large batches are cut as ever", () => {
    const usual = cutDirect(AVX512, shape, 8, () => true);
    expect(cutDirect(AVX512, shape, 1000, () => true)).toEqual(usual);
    expect(cutDirect(AVX512, shape, 1, () => false).tile).toEqual(usual.tile);
  });
});
