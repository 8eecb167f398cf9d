/** The flags that say on what a network runs: the same for every command that computes with one. */
import type { Command } from "commander";
import { BACKEND_NAMES, type BackendName } from "../../devices/machine-options.js";
import { bytesOf, oneOf, wholeOf } from "./arguments.js";

export interface MachineFlags {
  readonly threads?: number;
  readonly winograd: boolean;
  readonly backend?: BackendName;
  readonly memoryLimit?: number;
}

/** `heading` is the group's in the help; what follows is to be given a group of its own. */
export function machineOptions(command: Command, heading = "Machine:"): Command {
  return command
    .optionsGroup(heading)
    .option("--threads <n>", "worker threads (default: all processors)", wholeOf("--threads", 1))
    .option("--backend <name>", `${BACKEND_NAMES.join(", ")} (default: the fastest)`, oneOf("--backend", BACKEND_NAMES))
    .option(
      "--no-winograd",
      "3x3 and 5x5 convolutions without Winograd's transforms: slower, with less rounding, and a NaN or infinity stays in the windows that hold it",
    )
    .option(
      "--memory-limit <size>",
      "take no more, such as 2GB: training computes values again for it; what cannot be is refused",
      bytesOf("--memory-limit"),
    );
}

/** For training runs, which promise more. */
export const TRAINING_MACHINE =
  "Machine (the result does not depend on threads, and only in its last bits on the backend):";

export function sessionOptions(
  { threads, backend, memoryLimit, winograd }: MachineFlags,
  note: (text: string) => void,
) {
  return { threads, backend, memoryLimit, winograd: winograd ? undefined : false, note };
}
