/**
 * Euclidean radial-basis units with fixed centres (LeCun et al. 1998, equation 7): unit i has the penalty y_i = sum
 * over j of (x_j - w_ij)^2. The layer gives -y, so that the likeliest class has the largest output, as everywhere.
 */
import { OptionError } from "../base/errors.js";
import { type Fields, listOf, needed } from "../base/options.js";
import { takingOptions } from "../base/positional.js";
import type { Value } from "../graph/graph.js";
import { shapeText, sizeOf } from "../graph/shape.js";
import { squaredDistance } from "../ops/distance.js";
import { scale } from "../ops/elementwise/arithmetic.js";
import { flatten } from "../ops/shape.js";
import { refuse } from "../ops/support.js";
import { checkLayer, count } from "./check.js";
import { Module } from "./module.js";

/** Options of `nn.radialBasis`. */
export interface RadialBasisOptions {
  /** The centre of each unit, all of one length. They are not trained. */
  readonly centres: readonly (readonly number[])[];
}

const FIELDS: Fields<RadialBasisOptions> = {
  centres: needed(listOf(listOf(count, "a list of numbers"), "for each unit its centre")),
};

/** Units with fixed centres, as `nn.radialBasis` makes it. */
export class RadialBasis extends Module {
  constructor(
    /** Its options, as they were given. */
    readonly options: RadialBasisOptions,
  ) {
    super();
    checkLayer("radialBasis", options, FIELDS);
    const { centres } = options;
    const features = centres[0]?.length ?? 0;
    if (features === 0 || centres.some((centre) => centre.length !== features)) {
      throw new OptionError(
        `radialBasis: centres are of ${centres.map((c) => c.length).join(", ") || "no"} numbers, expected as many each`,
      );
    }
  }

  override forward(x: Value): Value {
    const { centres } = this.options;
    const features = centres[0]!.length;
    if (sizeOf(x.shape) !== features) {
      const text = shapeText({ shape: x.shape });
      refuse("radialBasis", x.graph.path, `centres of ${features} numbers do not fit its input ${text}`);
    }
    const columns = Array.from({ length: features }, (_, f) => centres.map((centre) => centre[f]!)).flat();
    return scale(squaredDistance(flatten(x), x.graph.table(columns, [features, centres.length])), -1);
  }
}

/**
 * Euclidean radial-basis units with fixed centres: the output layer of LeNet-5 (LeCun et al. 1998, equation 7). Output
 * i is minus the squared distance of the input to centre i, so that the likeliest class has the largest output.
 * [features] becomes [units].
 * @throws OptionError if the centres have not one length; ShapeError when it is traced, if the input has another
 */
export const radialBasis = takingOptions(
  "nn.radialBasis",
  FIELDS,
  (options: RadialBasisOptions) => new RadialBasis(options),
);
