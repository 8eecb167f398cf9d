/** What an inspection of any kind of subject is given, and what it says. */

import type { PageOptions } from "../../../analysis/inspect/inspect-node.js";
import type { LookOptions } from "../../../analysis/inspect/look.js";
import { unknownName } from "../../../base/errors.js";
import type { Preparation } from "../../../data/digits/preparation.js";
import type { TrainedModel } from "../../../model/trained-model.js";
import type { MachineFlags } from "../../options/machine.js";
import type { FoundModel, ModelFlags } from "../../options/model-argument.js";
import type { ScalingFlags } from "../../options/scaling.js";

export interface InspectFlags extends ModelFlags, MachineFlags, ScalingFlags {
  readonly out?: string;
  readonly layer?: string;
  readonly class?: string;
  readonly at?: readonly [row: number, column: number];
  readonly move?: number;
  readonly top: number;
  readonly occlusion: boolean;
  readonly data?: string;
  readonly pictures: number;
  readonly longestSide?: number;
  readonly classes?: string;
  readonly prepare?: Preparation;
  readonly json?: boolean;
}

/** What each kind of network is looked at with. */
export interface Inspection {
  readonly found: FoundModel;
  /** The picture or the game. */
  readonly subject: string;
  readonly flags: InspectFlags;
  /** The page's path. */
  readonly out: string;
  readonly options: Omit<LookOptions, "input" | "instead" | "target"> & PageOptions;
}

/** For people, and for programs. */
export interface Said {
  readonly text: string;
  readonly event: Readonly<Record<string, unknown>>;
}

/** A class by its name or number. @throws OptionError naming the nearest. */
export function classNamed(text: string, { classes }: TrainedModel): number {
  const named = classes.indexOf(text);
  if (named >= 0) return named;
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number < classes.length && text.trim() !== "") return number;
  throw unknownName("class", text, classes);
}
