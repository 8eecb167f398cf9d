/** The flags that say on what a network runs: the same for every command that computes with one. */
import type { Command } from "commander";
import { BACKEND_NAMES, type BackendName, DEVICE_NAMES } from "../../devices/machine-options.js";
import { bytesOf, oneOf, wholeOf } from "./arguments.js";

export interface MachineFlags {
  readonly device?: string;
  readonly threads?: number;
  readonly winograd: boolean;
  readonly backend?: BackendName;
  readonly memoryLimit?: number;
}

/** The flag, and what the help says of it. */
export const DEVICE = [
  "--device <name>",
  `what computes: ${DEVICE_NAMES.join(", ")} (default: cpu; reference computes in float64, a thousand times slower)`,
] as const;

/** The flag of commands that look at the processor's programs. */
export const PROCESSOR = [
  "--device <name>",
  "cpu, whose programs alone can be looked at",
  oneOf("--device", ["cpu"]),
] as const;

/** `heading` is the group's in the help; what follows is to be given a group of its own. */
export function machineOptions(command: Command, heading = "Machine:"): Command {
  return command
    .optionsGroup(heading)
    .option(...DEVICE)
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
  { device, threads, backend, memoryLimit, winograd }: MachineFlags,
  note: (text: string) => void,
) {
  return { device, threads, backend, memoryLimit, winograd: winograd ? undefined : false, note };
}
