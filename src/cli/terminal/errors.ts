/** How a command ends: one clean line for what fovea says on purpose, a whole stack for what nobody foresaw. */
import { FoveaError, OptionError } from "../../base/errors.js";
import { printable } from "../../base/text.js";

/** A command that a signal stopped ends with that of its signal, as shells count: see StopRequest. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** Says what went wrong on standard error, and gives the exit code. */
export function report(error: unknown): number {
  if (isCommanders(error)) {
    // commander has written its message; --help and --version end this way too.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  if (error instanceof FoveaError) {
    const debug = Boolean(process.env["FOVEA_DEBUG"]);
    process.stderr.write(`fovea: ${error.message}\n${debug ? `${withCauses(error)}\n` : ""}`);
    return error instanceof OptionError ? EXIT.usage : EXIT.failed;
  }
  const limit = limitReached(error);
  if (limit !== undefined) {
    process.stderr.write(`fovea: ${limit}\n`);
    return EXIT.failed;
  }
  process.stderr.write(`fovea: an error that should not happen; please report it:\n${withCauses(error)}\n`);
  return EXIT.failed;
}

/** Commander itself may not be installed where this runs. */
function isCommanders(error: unknown): error is { readonly exitCode: number } {
  const { code, exitCode } = (error ?? {}) as { readonly code?: unknown; readonly exitCode?: unknown };
  return typeof code === "string" && code.startsWith("commander.") && typeof exitCode === "number";
}

/** What the system leaves no room for is no fault of the command. */
function limitReached(error: unknown): string | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === "EMFILE" || code === "ENFILE")
    return "too many files are open at once for this system; raise its limit, such as by `ulimit -n 1024`";
  if (code === "ERR_WORKER_OUT_OF_MEMORY" || code === "ENOMEM")
    return "the system gives no more memory; free some, or take less (--threads, --batch-size, --memory-limit)";
  return undefined;
}

function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const text = printable(error.stack ?? error.message);
  return error.cause === undefined ? text : `${text}\ncaused by ${withCauses(error.cause)}`;
}
