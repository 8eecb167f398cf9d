/** A program loaded without a session or a team, so that single steps can be called: for the profile only. */
import { Resident, scratchBytes } from "#fovea/runtime/resident.js";
import { chooseBackend } from "#fovea/runtime/choose.js";
import { pack, viewOf } from "#fovea/runtime/copy.js";
import { currentPlatform } from "#fovea/runtime/platform.js";
import { KERNEL, piecesAt, STEP_WORDS, TABLE } from "#fovea/runtime/schedule.js";
import { StateStore } from "#fovea/runtime/state-store.js";
import { walkAlone } from "#fovea/runtime/walk.js";

export async function nativePieces(name) {
  const backend = await chooseBackend({ backend: name }, await currentPlatform(), console.error);
  return { target: backend.target, load: (...args) => load(backend, ...args) };
}

async function load(backend, program, { inputs, states }, learningRate) {
  const store = new StateStore();
  store.add(program, backend);
  const code = await backend.encode(program.kernels);
  const resident = new Resident(0, program, 1, 1, code, backend, store);
  resident.writeTables(backend.allocate(Math.max(64, scratchBytes(program, 1))));
  resident.bind(await backend.bind(code));
  const fill = (segment, offset, bytes, layout, data, name) =>
    pack(viewOf(segment, offset, Math.floor(bytes / 4), layout), layout, data, program.maxBatch, name);
  for (const { name, layout, place } of program.inputs) {
    const data = name === "learningRate" ? [learningRate] : inputs.get(name);
    if (data === undefined) throw new Error(`profile: nothing is known of the input "${name}"`);
    fill(resident.slotSegment, resident.slotOffset(0, place), place.bytes, layout, data, name);
  }
  for (const { name, segment, offset, bytes, layout } of store.list())
    if (states.has(name)) fill(segment, offset, bytes, layout, states.get(name), name);
  const { bound } = resident;
  walkAlone(bound, bound.prepare, 0, 1);
  return {
    pieces: (step, batch) => piecesAt(bound.steps, step * STEP_WORDS, batch),
    run(step, begin, end, batch) {
      const at = step * STEP_WORDS;
      bound.functions[bound.steps[at + KERNEL]](bound.tables[0] + bound.steps[at + TABLE], begin, end, batch);
    },
  };
}
