import { describe, expect, test } from "vitest";
import { chooseWhere, type MachineFacts, type TeamFacts, type Where } from "#fovea/devices/cpu/dispatcher.js";
import { COSTS } from "#fovea/target/costs.js";

const node: MachineFacts = { parallelism: 4, mayWait: true, keepsTime: true, costs: COSTS.threads };
const page = { ...node, mayWait: false };
const interpreter = { ...node, keepsTime: false };
const four: TeamFacts = { threads: 4, isStarted: true, pending: 0 };
const two = { ...four, threads: 2 };
const one = { ...four, threads: 1 };
const busy = { ...four, pending: 1 };
const waiting = { ...four, isStarted: false };

/** Nanoseconds on one core. */
const [cheap, middling, costly] = [299_999, 300_000, 6_000_000];
const inference = (cost: number) => ({ cost, writes: false, isBound: true, hasCallerSteps: false });
const training = (cost: number) => ({ cost, writes: true, isBound: true, hasCallerSteps: false });
const unbound = { cost: cheap, writes: false, isBound: false, hasCallerSteps: false };
/** Of ops without kernels. */
const mixed = (cost: number) => ({ ...inference(cost), hasCallerSteps: true });

describe("where a job runs", () => {
  test.each<[string, ReturnType<typeof inference>, TeamFacts | undefined, MachineFacts, Where]>([
    ["a cheap job, at once", inference(cheap), four, node, "caller"],
    ["a cheap job in a page, at once", inference(cheap), four, page, "caller"],
    ["a cheap step of a training, at once", training(cheap), two, node, "caller"],
    ["a middling job, with the caller's help", inference(middling), four, node, "shared"],
    ["a middling job on fewer threads than cores", inference(middling), two, node, "shared"],
    ["a middling job of a team of one", inference(middling), one, node, "team"],
    ["a middling job in a page, whose thread may not wait", inference(middling), four, page, "team"],
    ["a middling step where each core has its worker", training(middling), four, node, "shared"],
    ["a middling step that the caller's core can be spared for", training(middling), two, node, "team"],
    ["the last that is shared", inference(costly - 1), four, node, "shared"],
    ["a costly job", inference(costly), four, node, "team"],
    ["behind others, however cheap", inference(cheap), busy, node, "team"],
    ["behind others", inference(middling), busy, node, "team"],
    ["a program that this thread cannot call", unbound, four, node, "team"],
    ["steps of the caller's own in a cheap job", mixed(cheap), four, node, "caller"],
    ["steps of the caller's own in a middling job", mixed(middling), four, node, "parts"],
    ["steps of the caller's own in a costly job", mixed(costly), four, page, "parts"],
    ["steps of the caller's own without a team", mixed(costly), undefined, node, "slices"],
    ["no team: a cheap job", inference(cheap), undefined, node, "caller"],
    ["no team: a middling job", inference(middling), undefined, node, "slices"],
    ["no team: a costly step", training(costly), undefined, page, "slices"],
    ["a team that is not started yet, as nothing was worth it", inference(cheap), waiting, node, "caller"],
    ["the interpreter, however cheap a job is planned", inference(cheap), undefined, interpreter, "slices"],
    ["the interpreter, where its team is not started", inference(cheap), waiting, interpreter, "slices"],
    ["the interpreter with a team", inference(cheap), four, interpreter, "team"],
    ["the interpreter with a team, middling", inference(middling), four, interpreter, "team"],
  ])("%s", (_, job, team, machine, where) => {
    expect(chooseWhere(job, team, machine)).toBe(where);
  });
});
