import { describe, expect, test } from "vitest";
import { Freshness, type Preparing } from "#fovea/devices/cpu/freshness.js";
import { PREPARE, RUN } from "#fovea/devices/cpu/team/control.js";

type State = Preparing["writes"][number];
const state = (): State => ({ writtenAt: 0, source: undefined });
const lent = (): State => ({ writtenAt: 0, source: () => new Float32Array(1) });

interface Parts {
  readonly from?: readonly State[];
  readonly writes?: readonly State[];
  readonly inScratch?: boolean;
}

const program = ({ from = [], writes = [], inScratch = false }: Parts): Preparing => ({
  program: { prepare: from.length > 0 ? [{} as never] : [], ...(inScratch ? { preparesInScratch: true } : {}) },
  preparedFrom: from,
  writes,
  preparedAt: -1,
});

describe("what must be prepared again", () => {
  test("once, and again when a state was written from outside or by another program", () => {
    const weight = state();
    const evaluate = program({ from: [weight] });
    const train = program({ writes: [weight] });
    const freshness = new Freshness(false);
    expect(freshness.note(evaluate)).toBe(PREPARE | RUN);
    expect(freshness.note(evaluate)).toBe(RUN);
    freshness.written(weight);
    expect(freshness.isStale(evaluate)).toBe(true);
    expect(freshness.note(evaluate)).toBe(PREPARE | RUN);
    // A program with nothing to prepare never does.
    expect([freshness.note(train), freshness.note(train)]).toEqual([RUN, RUN]);
    expect([freshness.note(evaluate), freshness.note(evaluate)]).toEqual([PREPARE | RUN, RUN]);
    freshness.written(state());
    expect(freshness.isStale(evaluate)).toBe(false);
  });

  test("in scratch: when another program has run, or the scratch has moved", () => {
    const evaluate = program({ from: [state()], inScratch: true });
    const other = program({});
    const freshness = new Freshness(false);
    expect([freshness.note(evaluate), freshness.note(evaluate)]).toEqual([PREPARE | RUN, RUN]);
    freshness.note(other);
    expect([freshness.note(evaluate), freshness.note(evaluate)]).toEqual([PREPARE | RUN, RUN]);
    freshness.scratchMoved();
    expect(freshness.isStale(evaluate)).toBe(true);
    // In check mode scratch is lost before each run; memory of a program's own is not.
    const checked = new Freshness(true);
    expect([checked.note(evaluate), checked.note(evaluate)]).toEqual([PREPARE | RUN, PREPARE | RUN]);
    const own = program({ from: [state()] });
    expect([checked.note(own), checked.note(own)]).toEqual([PREPARE | RUN, RUN]);
  });

  test("lent states may be given back once they are packed, until they are written", () => {
    const weight = lent();
    const evaluate = program({ from: [weight, state()] });
    const freshness = new Freshness(false);
    expect(freshness.takeUntidy()).toBe(false);
    freshness.note(evaluate);
    expect([freshness.takeUntidy(), freshness.takeUntidy()]).toEqual([true, false]);
    freshness.note(evaluate);
    expect(freshness.takeUntidy()).toBe(false);
    // What writes a state owns it: nothing has to be asked for again.
    freshness.note(program({ writes: [weight] }));
    expect(weight.source).toBeUndefined();
    freshness.note(evaluate);
    expect(freshness.takeUntidy()).toBe(false);
  });
});
