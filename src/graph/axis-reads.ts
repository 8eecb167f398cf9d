/** Which places along one axis of an image the number at place o of a result reads. */
export type AxisReads =
  /** From ceil((o step + first) / per) to floor((o step + last) / per): a window, or a transposed one. */
  | {
      readonly kind: "window";
      readonly step: number;
      readonly per: number;
      readonly first: number;
      readonly last: number;
    }
  /** An axis of `from` pixels made one of `to`: the two pixels nearest to its own place. */
  | { readonly kind: "interpolation"; readonly from: number; readonly to: number }
  /** The inputs stand one behind the other along the axis. */
  | { readonly kind: "inARow" };

/** The own place and no other. */
export const OWN_PLACE: AxisReads = { kind: "window", step: 1, per: 1, first: 0, last: 0 };
