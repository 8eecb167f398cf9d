/**
 * How a trainer's pictures are brought to what the network takes: its transforms compiled, and checked against its
 * data.
 */

import { OptionError } from "../base/errors.js";
import { type Augmenter, compileAugmentation, type Transform } from "../data/augment/augment.js";
import { needsOwnSize } from "../data/augment/geometry.js";
import { measuredOn } from "../data/augment/pca.js";
import { type TestTimeAugmentation, viewsOf } from "../data/augment/views.js";
import type { Dataset } from "../data/sets/dataset.js";
import type { Shape } from "../graph/shape.js";
import { checkClasses, checkData } from "./feed.js";

export interface Augmenting {
  readonly augmenter: Augmenter | undefined;
  /** What the augmenter was compiled from, with all that had to be measured. */
  readonly transforms: readonly Transform[] | undefined;
  /** For test pictures; undefined where they are taken as they are. */
  readonly testTimeAugmentation: TestTimeAugmentation | undefined;
}

/**
 * Where transforms say the size themselves, test pictures may be larger than what the network takes, and give their
 * middle.
 * @throws OptionError and DataError where data, transforms and network do not fit.
 */
export async function augmenting(
  data: { readonly train: Dataset; readonly val?: Dataset | undefined; readonly test?: Dataset | undefined },
  input: Shape,
  classes: number,
  options: {
    readonly augment?: readonly Transform[] | undefined;
    readonly distort?: unknown;
    readonly testTimeAugmentation?: TestTimeAugmentation | undefined;
  },
): Promise<Augmenting> {
  const { train, val, test } = data;
  const { augment, distort } = options;
  if (augment !== undefined && distort !== undefined) {
    throw new OptionError("distort and augment are both given; make distort one of the transforms: distort,flip");
  }
  const views = options.testTimeAugmentation ?? (augment?.some(needsOwnSize) ? "none" : undefined);
  for (const measured of [val, test]) {
    if (measured === undefined) continue;
    if (views === undefined) checkData(measured, input, classes);
    else {
      checkClasses(measured, classes);
      viewsOf(views, measured.shape, input, measured.name);
    }
  }
  if (augment === undefined) {
    checkData(train, input, classes);
    return { augmenter: undefined, transforms: undefined, testTimeAugmentation: views };
  }
  checkClasses(train, classes);
  const transforms = await measuredOn(augment, train);
  const augmenter = compileAugmentation(transforms, input, train);
  if (train.stream === undefined) augmenter.check(train.shape[0], train.shape[1], train.name);
  return { augmenter, transforms, testTimeAugmentation: views };
}
