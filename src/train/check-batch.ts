/** Refuses trainings whose batches are too small for what the network normalises by. */
import { OptionError } from "../base/errors.js";
import type { Traced } from "../nn/index.js";

/**
 * `maxBatch` is the largest batch that will come.
 * @throws OptionError where every batch is one sample and a layer normalises by one number a channel of each.
 */
export function checkBatch({ needSeveral }: Pick<Traced, "needSeveral">, maxBatch: number): void {
  const [layer] = needSeveral;
  if (layer === undefined || maxBatch > 1) return;
  throw new OptionError(
    `batchNorm2d(${layer}): every batch is one picture, and there is one number a channel in it, which has no variance; train with ` +
      "a batch size of at least 2, or freeze the layer, so that it takes its running statistics",
  );
}
