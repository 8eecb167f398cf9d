/** The flags by which commands open a policy, and the policy that they name. */
import type { Command } from "commander";
import { networkPolicy, type Policy, uniformPolicy } from "../go/policy.js";
import { BACKEND_NAMES, type BackendName } from "../runtime/backend.js";
import { oneOf, wholeOf } from "./arguments.js";
import { openModel } from "./model-argument.js";

export interface PolicyFlags {
  readonly model: string;
  readonly symmetries?: boolean;
  readonly threads?: number;
  readonly backend?: BackendName;
}

/** Instead of a model: every point is as likely as any other. Shows that an engine works, before anything is trained. */
const UNIFORM = "uniform";

export function withPolicyFlags(command: Command): Command {
  return command
    .requiredOption(
      "--model <model>",
      `a .safetensors file or the folder of a run; or ${UNIFORM}, which plays anywhere, to try things out`,
    )
    .option("--symmetries", "the mean over the board's 8 symmetries: better, and slower")
    .option("--threads <n>", "worker threads (default: all processors)", wholeOf("--threads", 1))
    .option(
      "--backend <name>",
      `${BACKEND_NAMES.join(", ")} (default: the fastest)`,
      oneOf("--backend", BACKEND_NAMES),
    );
}

export async function openPolicy({ model, symmetries, threads, backend }: PolicyFlags): Promise<Policy> {
  if (model === UNIFORM) return uniformPolicy();
  const found = await openModel(model);
  const note = (text: string) => process.stderr.write(`${text}\n`);
  return networkPolicy(found.model, { symmetries: symmetries ?? false, threads, backend, note });
}
