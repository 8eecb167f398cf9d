/**
 * What the numbers of a workload mean, wherever they were read: in Node from files (inputs.mjs), in a page over HTTP. Parameters are in the files'
 * layouts (OIHW, [out, in]), by torchvision's names behind "parameter ".
 */
import { oihwToHwio, transpose } from "#fovea/formats/layout.js";

export const PARAMETER = "parameter ";

/** Parameters from files' layout to fovea's. */
export function fromFile(shape, data) {
  if (shape.length === 4) return oihwToHwio(data, shape);
  return shape.length === 2 ? transpose(data, shape) : data;
}

/** The parameters by name, as the files have them. */
export function parametersOf(numbers) {
  const isParameter = ([name]) => name.startsWith(PARAMETER);
  return new Map([...numbers].filter(isParameter).map(([name, value]) => [name.slice(PARAMETER.length), value]));
}

/** What to fill a program's inputs and states with, by name; states that are not named start at zero. */
export function filling(numbers) {
  const states = new Map();
  const inputs = new Map();
  for (const [name, { shape, data }] of numbers) {
    if (name.startsWith(PARAMETER)) states.set(name.slice(PARAMETER.length), fromFile(shape, data));
    else if (name === "weight") states.set(name, fromFile(shape, data));
    else inputs.set(name, data);
  }
  return { inputs, states };
}

/** The pictures as ONNX networks take them: [N, C, H, W]. */
export function planes(numbers) {
  const { shape, data } = numbers.get("input");
  const [n, height, width, channels] = shape;
  const pixels = height * width;
  const result = new Float32Array(data.length);
  for (let picture = 0; picture < n; picture++)
    for (let pixel = 0; pixel < pixels; pixel++)
      for (let channel = 0; channel < channels; channel++)
        result[(picture * channels + channel) * pixels + pixel] = data[(picture * pixels + pixel) * channels + channel];
  return { data: result, dims: [n, channels, height, width] };
}
