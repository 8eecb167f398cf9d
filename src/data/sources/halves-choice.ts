/** Which folders were chosen as halves of a data set. */

/**
 * Folders by their paths below the data's; "." for the data's itself. "none" leaves a half out, and folders that are called so. What is
 * left out is found.
 */
export interface HalvesChoice {
  readonly train?: string | undefined;
  readonly val?: string | undefined;
  readonly test?: string | undefined;
}
