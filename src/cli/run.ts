/**
 * Runs the command of this process. Commands are loaded from within, so that what hinders that, too, ends in one clean
 * line.
 */
import { report } from "./terminal/errors.js";
import { outliveReaders } from "./terminal/output.js";

outliveReaders();

try {
  const { run } = await import("./program.js");
  await run();
} catch (error) {
  process.exitCode = report(error);
}
