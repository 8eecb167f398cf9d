/**
 * The numbers of a workload, the same for every system: raw little-endian files in a folder, and `manifest.json` naming
 * them. Parameters and running statistics have torchvision's names and layouts (OIHW, [out, in]); images and gradients are NHWC.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hwioToOihw, transpose } from "#fovea/formats/layout.js";
import { create } from "#fovea/models/index.js";
import { initialize, savedOf } from "#fovea/nn/index.js";
import { Random } from "#fovea/base/random.js";
import { PARAMETER } from "./numbers.mjs";
import { outputSize } from "./workloads.mjs";

const SEED = 1998;

/** Writes a workload's numbers into `folder`, which is made. */
export function writeInputs(workload, folder) {
  mkdirSync(folder, { recursive: true });
  const random = new Random(SEED).fork(workload.id);
  const tensors = [];
  const add = (name, shape, data) => {
    const file = `${tensors.length}.raw`;
    writeFileSync(join(folder, file), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    tensors.push({ name, shape, dtype: data instanceof Int32Array ? "i32" : "f32", file });
  };
  const normal = (name, shape) => {
    const from = random.fork(name);
    add(name, shape, Float32Array.from({ length: product(shape) }, () => from.normal()));
  };
  const { batch } = workload;
  if (workload.convolution !== undefined) {
    const { size, kernel, in: input, out, groups } = workload.convolution;
    const side = outputSize(workload.convolution);
    normal("input", [batch, size, size, input]);
    normal("outputGradient", [batch, side, side, out]);
    normal("weight", [out, input / groups, kernel, kernel]);
  } else {
    const model = create(workload.network, workload.options);
    normal("input", [batch, ...model.input]);
    const labels = random.fork("labels");
    add("labels", [batch], Int32Array.from({ length: batch }, () => labels.integer(model.classes)));
    for (const [name, { shape, init }] of savedOf(model.module)) {
      const data = new Float32Array(product(shape));
      initialize(data, init, random.fork(name));
      const [fileShape, filed] = toFile(shape, data);
      add(PARAMETER + name, fileShape, filed);
    }
  }
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ workload, tensors }, null, 1));
}

/** All tensors of a folder by name. */
export function readInputs(folder) {
  const { tensors } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  return new Map(
    tensors.map(({ name, shape, dtype, file }) => [
      name,
      { shape, data: readNumbers(join(folder, file), dtype === "i32" ? Int32Array : Float32Array) },
    ]),
  );
}

export function readNumbers(path, type = Float32Array) {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  return new type(buffer.slice(byteOffset, byteOffset + byteLength));
}

/** A result, as the systems leave it to be compared. */
export function writeNumbers(path, data) {
  writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function toFile(shape, data) {
  if (shape.length === 4) return [[shape[3], shape[2], shape[0], shape[1]], hwioToOihw(data, shape)];
  return shape.length === 2 ? [[shape[1], shape[0]], transpose(data, shape)] : [[...shape], data];
}

function product(shape) {
  return shape.reduce((a, b) => a * b, 1);
}
