/**
 * A job of the team's that the caller's thread takes part in: a section with steps of ops without kernels is run in
 * parts, and between two of them, while all threads wait, the caller calls the op.
 */
import type { Resident } from "./memory/resident.js";
import { failureOf } from "./own-thread.js";
import { PREPARE, partBits, RUN } from "./team/control.js";
import { STEP_WORDS } from "./team/schedule.js";
import type { Team } from "./team/team.js";
import { StepFailure } from "./team/walk.js";

/** @throws BackendError where an op throws, naming the step. */
export async function runInParts(
  team: Pick<Team, "submit">,
  resident: Resident,
  { what, slot, batch }: { readonly what: number; readonly slot: number; readonly batch: number },
): Promise<void> {
  const { id, program, image } = resident;
  for (const [bit, section] of [
    [PREPARE, "prepare"],
    [RUN, "steps"],
  ] as const) {
    if ((what & bit) === 0) continue;
    const callers = image.callers[section];
    let from = 0;
    for (const [part, to] of [...callers, image[section].length / STEP_WORDS].entries()) {
      if (from < to) await team.submit(bit | partBits(part), id, slot, batch);
      from = to + 1;
      if (part === callers.length) continue;
      try {
        resident.callStep(section, to, slot, batch);
      } catch (cause) {
        throw failureOf(program, section, new StepFailure(to, cause));
      }
    }
  }
}
