/** What the subcommands of `fovea segment` share: the model, and the classes that its labels stand for. */
import { OptionError } from "../../../base/errors.js";
import type { TrainedModel } from "../../../model/trained-model.js";
import type { TrainingConfig } from "../../../run/config.js";
import { CAMVID, type ClassList } from "../../../segmentation/class-list.js";
import { distinctColors } from "../../../segmentation/palette.js";
import { networkOptions } from "../../options/arguments.js";
import { type FoundModel, type ModelFlags, openModel } from "../../options/model-argument.js";

/**
 * How a model that labels pixels is opened; `option` may set options of its network anew, such as how often it is
 * applied.
 */
export async function openSegmenter(
  path: string,
  { option, ...flags }: ModelFlags,
  note: (text: string) => void,
): Promise<FoundModel> {
  const isAsked = flags.network !== undefined;
  const found = await openModel(path, isAsked ? { ...flags, option } : flags, { note });
  const { network } = found.model;
  if (found.model.module.loss?.kind !== "pixelCrossEntropy") {
    throw new OptionError(
      `${path}: its network${network === undefined ? "" : `, ${network.name},`} gives a class a picture; use fovea eval or fovea predict`,
    );
  }
  if (option === undefined || isAsked || network === undefined) return found;
  return openModel(path, flags, { note, anew: networkOptions(network.name, option) });
}

/** The list of a run's data, if the reader has it; else colours for the model's own names. */
export function classesOf(model: TrainedModel, list: ClassList | undefined): ClassList {
  const names = model.classes;
  const fits = (known: ClassList) =>
    known.classes.length === names.length && known.classes.every(({ name }, i) => name === names[i]);
  const found = [list, CAMVID].find((known) => known !== undefined && fits(known));
  if (found !== undefined) return found;
  const colors = distinctColors(names.length);
  return { classes: names.map((name, value) => ({ name, value, color: colors[value]! })), ignore: [] };
}

/** What the data of a run is opened with. */
export function scenesOf(
  config: TrainingConfig | undefined,
  flags: { readonly data?: string; readonly classes?: string; readonly size?: readonly number[] },
) {
  const data = flags.data ?? config?.data;
  if (data === undefined)
    throw new OptionError("segment: say on what, such as --data ./camvid; the model's file does not know");
  return { data, options: { classes: flags.classes ?? config?.classList, size: flags.size ?? config?.size } };
}
