/** Which folders were chosen as halves of a data set. */

/**
 * The folders of a data set's parts, by their paths below the data's; `"."` is the data's own folder. `"none"` is no
 * such part, even where a folder has that name. Parts without an entry are found by name.
 */
export interface HalvesChoice {
  /** Folder of the pictures to learn from. */
  readonly train?: string | undefined;
  /** Folder of the pictures that choose the best epoch. */
  readonly val?: string | undefined;
  /** Folder of the pictures to measure with. */
  readonly test?: string | undefined;
}
