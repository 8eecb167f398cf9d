/** Has a pool of workers do one thing to many pictures once: look at their heads, or decode them to bytes. */

import type { LabelledPicture } from "../sources/labelled-pictures.js";
import { chunksOf } from "./chunks.js";
import type { Facts, Outcome, Recipe } from "./messages.js";
import type { LoaderPool } from "./pool-node.js";

export const sizeText = ({ height, width }: Pick<Facts, "height" | "width">): string => `${height}x${width}`;

/**
 * Has the pool do one thing to pictures, in chunks of `length`, `size` elements apart in `memory`. `each` is told what
 * came of each, not always in order, and gives false where no more is to be begun.
 */
export async function cook(
  pool: LoaderPool,
  what: Recipe,
  memory: { readonly buffer: SharedArrayBuffer; readonly size: number } | undefined,
  pictures: readonly LabelledPicture[],
  length: number,
  each: (index: number, outcome: Outcome) => boolean,
): Promise<void> {
  const recipe = pool.learn(what);
  try {
    const buffer = memory === undefined ? -1 : pool.share(recipe, memory.buffer);
    const chunks = chunksOf(pictures, length);
    let open = true;
    const lane = async () => {
      for (const { first, items } of chunks) {
        const jobs = items.map(({ name, place }, n) => ({ name, place, index: first + n }));
        const offset = first * (memory?.size ?? 0);
        const outcomes = await pool.run({ recipe, buffer, offset, epoch: 0, pictures: jobs });
        for (const [n, outcome] of outcomes.entries()) open = each(first + n, outcome) && open;
        if (!open) return;
      }
    };
    await Promise.all(Array.from({ length: pool.lanes }, lane));
  } finally {
    pool.forget(recipe);
  }
}
