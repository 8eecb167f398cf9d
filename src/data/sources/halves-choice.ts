/** Which folders were chosen as halves of a data set. */

/**
 * Folders by their paths below the data's; "." for the data's itself. "none" leaves a half out, and folders that are
 * called so. What is left out is found.
 */
export interface HalvesChoice {
  /** Folder of the pictures to learn from. */
  readonly train?: string | undefined;
  /** Folder of the pictures that choose the best epoch. */
  readonly val?: string | undefined;
  /** Folder of the pictures to measure with. */
  readonly test?: string | undefined;
}
