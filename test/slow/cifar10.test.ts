/** The recipes of examples/cifar10, run as its README says them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const data = join(process.env["FOVEA_DATA"] ?? path("../../../shared/data"), "cifar10");
const commands = readFileSync(path("../../examples/cifar10/README.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("    npx fovea train "));

/** The words of a command, quotes taken off. */
function words(command: string): string[] {
  return [...command.trim().matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
}

it.skipIf(!existsSync(data)).each([
  { network: "resnet20", least: 0.91 },
  { network: "fast-cifar", least: 0.94 },
])(
  "trains $network to $least on CIFAR-10 (skipped without FOVEA_DATA)",
  async ({ network, least }) => {
    const command = commands.find((line) => line.includes(` ${network} `))!;
    const [, , ...given] = words(command);
    const args = given.map((word) => (word === "CIFAR10" ? data : word));
    const folder = temporaryFolder();
    const { code, stderr } = await fovea([...args, "--out", "run", "--no-report"], folder);
    expect(code, stderr).toBe(0);
    const epochs = readFileSync(join(folder, "run/log.jsonl"), "utf8").trim().split("\n");
    const { test } = JSON.parse(epochs.at(-1)!) as { test: { accuracy: number } };
    expect(test.accuracy).toBeGreaterThanOrEqual(least);
  },
  3 * 3600_000,
);
