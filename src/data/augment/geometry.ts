/** What each geometric transform does to a placement, with the numbers it draws. */
import { DataError } from "../../base/errors.js";
import { affineMap } from "./distort.js";
import type { AugmentKey, Draws } from "./draws.js";
import { cosineOfTurns, sineOfTurns } from "./numbers.js";
import type { Placement } from "./placement.js";
import type { Transform, TransformKind } from "./transform.js";
import { resizedCropOf } from "./windows.js";

export type Target = readonly [height: number, width: number, channels: number];
type Size = readonly [height: number, width: number];

const OTHERS: readonly TransformKind[] = ["colorJitter", "pcaColor", "cutout", "erase"];
const SIZING: readonly TransformKind[] = ["randomCrop", "randomResizedCrop", "resize", "resizeShorter", "centerCrop"];

export const isGeometry = ({ kind }: Transform) => !OTHERS.includes(kind);

/** Whether a transform says itself how large pictures become, so that they must come to it as they are. */
export const needsOwnSize = ({ kind }: Transform) => SIZING.includes(kind);

/** `what` names the picture. */
export function applyGeometry(
  transform: Transform,
  at: Placement,
  draws: Draws,
  index: number,
  key: AugmentKey,
  target: Size,
  what: () => string,
): void {
  const { height, width } = at;
  switch (transform.kind) {
    case "padCrop": {
      const { padding } = transform;
      const top = draws.below(2 * padding + 1) - padding;
      at.crop(top, draws.below(2 * padding + 1) - padding, height, width);
      return;
    }
    case "randomCrop": {
      if (transform.resize !== undefined) {
        const [least, most] = transform.resize;
        resizeShorter(at, least + draws.below(most - least + 1));
      } else draws.word();
      checkCrop("randomCrop", at, target, what);
      const top = draws.below(at.height - target[0] + 1);
      at.crop(top, draws.below(at.width - target[1] + 1), target[0], target[1]);
      return;
    }
    case "randomResizedCrop": {
      const [top, left, rows, columns] = resizedCropOf(transform, draws, height, width);
      at.crop(top, left, rows, columns);
      at.resize(target[0], target[1]);
      return;
    }
    case "flip": {
      if (flips(transform, draws, index, key)) at.flip();
      return;
    }
    case "rotate": {
      const turns = draws.symmetric(transform.degrees) / 360;
      const [c, s] = [cosineOfTurns(turns), sineOfTurns(turns)];
      at.linear(c, 0 - s, s, c, 0, 0);
      return;
    }
    case "translate": {
      const upTo = (extent: number) => {
        const most = Math.floor(transform.fraction * extent + 1e-9);
        return draws.below(2 * most + 1) - most;
      };
      const top = upTo(height);
      at.crop(top, upTo(width), height, width);
      return;
    }
    case "distort": {
      const { kind: _, ...options } = transform;
      const { a, b, d, dx, dy } = affineMap({ options, ...key }, index);
      // Its inverse: v = d y + dy and u = a x + b y + dx.
      at.linear(1 / a, 0 - b / (a * d), 0, 1 / d, (b * dy) / (a * d) - dx / a, 0 - dy / d);
      return;
    }
    case "resize": {
      const [rows, columns] = transform.size ?? target;
      at.resize(rows, columns);
      return;
    }
    case "resizeShorter":
      resizeShorter(at, transform.size);
      return;
    case "centerCrop": {
      const [rows, columns] = transform.size ?? target;
      checkCrop("centerCrop", at, [rows, columns], what);
      at.crop(Math.floor((height - rows) / 2), Math.floor((width - columns) / 2), rows, columns);
      return;
    }
  }
}

/**
 * Alternating (Jordan, "94% on CIFAR-10 in 3.29 seconds", 2024): what the first epoch mirrors is drawn, and every later
 * epoch mirrors what the one before it did not, so that two epochs see both of each picture.
 */
function flips(
  transform: Transform & { readonly kind: "flip" },
  draws: Draws,
  index: number,
  { seed, epoch }: AugmentKey,
): boolean {
  if (transform.mode === "random") return draws.uniform() < transform.probability;
  const first = draws.restart(index, { seed, epoch: 0 }).word() & 1;
  return ((first + epoch) & 1) === 1;
}

function resizeShorter(at: Placement, size: number): void {
  const { height, width } = at;
  const shorter = Math.min(height, width);
  at.resize(
    Math.max(size, Math.floor((size * height) / shorter)),
    Math.max(size, Math.floor((size * width) / shorter)),
  );
}

function checkCrop(kind: string, at: Placement, [rows, columns]: Size, what: () => string): void {
  if (at.height >= rows && at.width >= columns) return;
  const cure =
    kind === "randomCrop" ? `randomCrop:${Math.max(rows, columns)}` : `resizeShorter:${Math.max(rows, columns)}`;
  throw new DataError(
    `${what()}: is ${at.height}x${at.width} where ${kind} cuts ${rows}x${columns} out of it; bring pictures to that size first ` +
      `(${cure}${kind === "randomCrop" ? "" : ` before ${kind}`}), or choose randomResizedCrop or a smaller network input`,
  );
}

/** By how much a picture may be shrunk before its transforms, at most 1. */
export function decodeFactor(transforms: readonly Transform[], height: number, width: number, target: Size): number {
  const covering = Math.max(target[0] / height, target[1] / width);
  const shorter = Math.min(height, width);
  for (const transform of transforms) {
    switch (transform.kind) {
      case "randomCrop":
        return transform.resize === undefined ? 1 : transform.resize[1] / shorter;
      case "randomResizedCrop":
        // So that a crop of middling area is not stretched.
        return covering / Math.sqrt((transform.scale[0] + transform.scale[1]) / 2);
      case "resize": {
        const [rows, columns] = transform.size ?? target;
        return Math.max(rows / height, columns / width);
      }
      case "resizeShorter":
        return transform.size / shorter;
      case "centerCrop":
        return 1;
    }
  }
  return covering;
}
