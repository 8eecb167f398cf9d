/** The flags by which commands open a policy, and the policy that they name. */
import type { Command } from "commander";
import { OptionError } from "../../../base/errors.js";
import { printable } from "../../../base/text.js";
import { BACKEND_NAMES, type BackendName } from "../../../devices/machine-options.js";
import { networkPolicy, type Policy, uniformPolicy } from "../../../go/policy/policy.js";
import { shippedPolicy } from "../../../go/policy/shipped-policy-node.js";
import { oneOf, wholeOf } from "../../options/arguments.js";
import { DEVICE } from "../../options/machine.js";
import { openModel } from "../../options/model-argument.js";

export interface PolicyFlags {
  readonly model?: string;
  readonly symmetries?: boolean;
  readonly threads?: number;
  readonly backend?: BackendName;
  readonly device?: string;
}

/**
 * Instead of a model: every point is as likely as any other. Shows that an engine works, before anything is trained.
 */
const UNIFORM = "uniform";

export function withPolicyFlags(command: Command): Command {
  return command
    .option(
      "--model <model>",
      `a .safetensors file or the folder of a run; or ${UNIFORM}, which plays anywhere, to try things out (default: the policy that comes with fovea)`,
    )
    .option("--symmetries", "the mean over the board's 8 symmetries: better, and slower")
    .option(...DEVICE)
    .option("--threads <n>", "worker threads (default: all processors)", wholeOf("--threads", 1))
    .option(
      "--backend <name>",
      `${BACKEND_NAMES.join(", ")} (default: the fastest)`,
      oneOf("--backend", BACKEND_NAMES),
    );
}

export async function openPolicy({ model, symmetries, threads, backend, device }: PolicyFlags): Promise<Policy> {
  if (model === UNIFORM) return uniformPolicy();
  const found = await openModel(model ?? shipped());
  const note = (text: string) => process.stderr.write(`${printable(text)}\n`);
  return networkPolicy(found.model, { symmetries: symmetries ?? false, threads, backend, device, note });
}

function shipped(): string {
  const path = shippedPolicy();
  if (path !== undefined) return path;
  throw new OptionError(
    "--model: this fovea comes without a trained policy; name one (fovea go prepare and fovea go train make it), or " +
      `--model ${UNIFORM} to try things out`,
  );
}
