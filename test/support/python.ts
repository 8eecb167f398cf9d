/** A Python with the packages that a test compares with: FOVEA_PYTHON, or python3, where it has them. */
import { spawnSync } from "node:child_process";

/** The command of a Python that can import `modules`; undefined where there is none, and the test is then skipped. */
export function findPython(...modules: string[]): string | undefined {
  const commands = [process.env["FOVEA_PYTHON"], "python3"].filter((command) => command !== undefined);
  return commands.find(
    (command) =>
      spawnSync(command, ["-c", `import ${modules.join(", ")}`], { stdio: "ignore", timeout: 120_000 }).status === 0,
  );
}

/** Runs a script and gives what it prints; throws with its error output where it fails. */
export function runPython(python: string, script: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(python, ["-c", script, ...args], {
    encoding: "utf8",
    timeout: 5 * 60_000,
  });
  if (status !== 0) throw new Error(`python ended with ${status}: ${stderr}`);
  return stdout;
}
