/** Windows of random area and shape: of randomResizedCrop, and of what is covered up. */
import { naturalLogarithm } from "../../base/random.js";
import type { Draws } from "./draws.js";
import { exponential } from "./numbers.js";
import type { Range, Transform, TransformOf } from "./transform.js";

const ATTEMPTS = 10;

/** [top, left, height, width]; area and shape are tried ten times, then it is the middle, as torchvision does. */
export function resizedCropOf(
  { scale, ratio }: TransformOf<"randomResizedCrop">,
  draws: Draws,
  height: number,
  width: number,
): readonly [number, number, number, number] {
  const found = windowOf(scale, ratio, draws, height, width, ATTEMPTS);
  if (found !== undefined) return found;
  const shape = width / height;
  const rows = shape < ratio[0] ? Math.min(height, Math.round(width / ratio[0])) : height;
  const columns = shape > ratio[1] ? Math.min(width, Math.round(height * ratio[1])) : width;
  return [Math.floor((height - rows) / 2), Math.floor((width - columns) / 2), rows, columns];
}

function windowOf(
  scale: Range,
  ratio: Range,
  draws: Draws,
  height: number,
  width: number,
  attempts: number,
): readonly [number, number, number, number] | undefined {
  const [low, high] = [naturalLogarithm(ratio[0]), naturalLogarithm(ratio[1])];
  for (let attempt = 0; attempt < attempts; attempt++) {
    const area = height * width * draws.between(scale[0], scale[1]);
    const shape = exponential(draws.between(low, high));
    const rows = Math.round(Math.sqrt(area / shape));
    const columns = Math.round(Math.sqrt(area * shape));
    if (rows < 1 || columns < 1 || rows > height || columns > width) continue;
    const top = draws.below(height - rows + 1);
    return [top, draws.below(width - columns + 1), rows, columns];
  }
  return undefined;
}

/** What a transform covers of height x width pixels: [top, left, bottom, right], the latter two excluded. */
export function rectangleOf(
  transform: Transform,
  draws: Draws,
  height: number,
  width: number,
): readonly [number, number, number, number] {
  if (transform.kind === "cutout") {
    const { size } = transform;
    const top = draws.below(height) - Math.floor(size / 2);
    const left = draws.below(width) - Math.floor(size / 2);
    return [Math.max(0, top), Math.max(0, left), Math.min(height, top + size), Math.min(width, left + size)];
  }
  if (transform.kind === "erase" && draws.uniform() < transform.probability) {
    const found = windowOf(transform.scale, transform.ratio, draws, height, width, ATTEMPTS);
    if (found !== undefined) return [found[0], found[1], found[0] + found[2], found[1] + found[3]];
  }
  return [0, 0, 0, 0];
}
