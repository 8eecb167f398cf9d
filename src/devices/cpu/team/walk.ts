/** Runs a section of a program on the caller's thread: at once, or in slices that let the event loop breathe. */
import { nextTurn, TURN_MILLISECONDS } from "../../../host/event-loop.js";
import { type BoundProgram, firstTable, KERNEL, piecesAt, STEP_WORDS, TABLE } from "./schedule.js";

/** A kernel threw: which step of which section it was. */
export class StepFailure extends Error {
  readonly step: number;
  constructor(step: number, cause: unknown) {
    super(String(cause), { cause });
    this.step = step;
  }
}

export function walkAlone(program: BoundProgram, section: Int32Array, slot: number, batch: number): void {
  const { functions } = program;
  const tables = firstTable(program, slot, 0);
  let at = 0;
  try {
    for (; at < section.length; at += STEP_WORDS)
      functions[section[at + KERNEL]!]!(tables + section[at + TABLE]!, 0, piecesAt(section, at, batch), batch);
  } catch (cause) {
    throw new StepFailure(at / STEP_WORDS, cause);
  }
}

/**
 * The same, but goes to the event loop about every 10 ms; a step with many pieces is cut as well, which changes no bit.
 */
export async function walkInSlices(
  program: BoundProgram,
  section: Int32Array,
  slot: number,
  batch: number,
): Promise<void> {
  const { functions } = program;
  const tables = firstTable(program, slot, 0);
  let since = performance.now();
  for (let at = 0; at < section.length; at += STEP_WORDS) {
    const run = functions[section[at + KERNEL]!]!;
    const table = tables + section[at + TABLE]!;
    const pieces = piecesAt(section, at, batch);
    let chunk = Math.max(1, Math.ceil(pieces / 64));
    for (let begin = 0; begin < pieces; ) {
      const end = Math.min(pieces, begin + chunk);
      const before = performance.now();
      try {
        run(table, begin, end, batch);
      } catch (cause) {
        throw new StepFailure(at / STEP_WORDS, cause);
      }
      begin = end;
      const now = performance.now();
      if (now - before < TURN_MILLISECONDS / 8) chunk *= 2;
      if (now - since > TURN_MILLISECONDS) {
        await nextTurn();
        since = performance.now();
      }
    }
  }
}
