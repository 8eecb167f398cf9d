/**
 * `npm run bench -- --profile`: where a workload's time goes, by the code of `fovea profile`: one thread, each step timed, the
 * rows beside the machine's roofline. Unlike `fovea profile` it takes the workload's own numbers, and single convolutions too.
 */
import { MachineProbe } from "#fovea/analysis/profile/machine-node.js";
import { namesOf, tableOf, timeSteps } from "#fovea/analysis/profile/profile-node.js";
import { profileText as textOf } from "#fovea/cli/commands/profile/text.js";
import { create } from "#fovea/models/index.js";
import { Session } from "#fovea/devices/cpu/session.js";
import { readInputs } from "../inputs.mjs";
import { filling } from "../numbers.mjs";
import { compileWorkload, TIMED_RATE } from "./programs.mjs";

export async function profile(workload, folder, { repeats, backend } = {}) {
  const session = await Session.create({ threads: 1, backend });
  const { target, winograd } = session;
  await session.close();
  const before = performance.now();
  const { program } = compileWorkload(workload, target, winograd);
  const compileMs = performance.now() - before;
  const { inputs, states } = filling(readInputs(folder));
  const numbers = (name) => (name === "learningRate" ? [TIMED_RATE] : (inputs.get(name) ?? states.get(name)));
  const probe = await MachineProbe.create({ threads: 1, backend });
  probe.measure();
  const times = await timeSteps(program, { backend, threads: 1, repeats, numbersOf: numbers });
  const machine = probe.measure();
  await probe.close();
  const { batch, what, network, options } = workload;
  const names =
    network === undefined
      ? { layers: new Set([workload.direction]), parameters: new Set() }
      : namesOf(create(network, options).module);
  const input = program.inputs.find(({ name }) => name === "input" || name === "outputGradient").layout.shape;
  const table = tableOf(program, times, names, machine);
  return { input, machine, programs: [{ what: what === "train" ? "train" : "infer", batch, compileMs, ...table }] };
}

export const profileText = (workload, found) => textOf(`${workload.title} (${workload.what})`, found, { all: true });
