/** `--mean` and `--std`: how pixels are scaled for weights whose file does not say it. */
import type { Scaling } from "../../data/sets/dataset.js";
import { parseScaling, SCALINGS } from "../../model/scalings.js";

export interface ScalingFlags {
  readonly mean?: string;
  readonly std?: string;
}

/** As a command declares them: `.option(...MEAN).option(...STD)`. */
export const MEAN = [
  "--mean <numbers>",
  `of pixels from 0 to 1, one a channel, taken off; or a name, which says --std, too: ${Object.keys(SCALINGS).join(", ")} ` +
    "(default: what the file, the network or the data says)",
] as const;
export const STD = ["--std <numbers>", "the deviation that pixels are then divided by"] as const;

/** What the flags say of a number of channels, if they say something. */
export const scalingOf =
  ({ mean, std }: ScalingFlags) =>
  (channels: number): Scaling | undefined =>
    parseScaling(mean, std, channels);
