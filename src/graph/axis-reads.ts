/** Which places along one axis of an image the number at place o of a result reads. */
export type AxisReads =
  | {
      /** From ceil((o step + first) / per) to floor((o step + last) / per): a window, or a transposed one. */
      readonly kind: "window";
      /** Input places from one result to the next, times `per`. */
      readonly step: number;
      /** Results from one input place to the next, of a transposed window; else 1. */
      readonly per: number;
      /** The first place that is read, counted from o step. */
      readonly first: number;
      /** The last place that is read, counted from o step. */
      readonly last: number;
    }
  | {
      /** An axis of `from` pixels resized to `to`: the two pixels nearest to its own place. */
      readonly kind: "interpolation";
      /** Pixels of the input. */
      readonly from: number;
      /** Pixels of the result. */
      readonly to: number;
    }
  | {
      /** The inputs stand one behind the other along the axis. */
      readonly kind: "inARow";
    };

/** The own place and no other. */
export const OWN_PLACE: AxisReads = { kind: "window", step: 1, per: 1, first: 0, last: 0 };
