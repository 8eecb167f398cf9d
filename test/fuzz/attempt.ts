/**
 * Tries a network: compiles it for every target, encodes it, runs it where this machine can, and holds outputs, gradients
 * and states against the float64 meaning. Whatever is thrown once the graph is drawn is a failure.
 */
import { type CompileOptions, compileEntry } from "#fovea/compiler/compile.js";
import type { Program } from "#fovea/compiler/program.js";
import { Session, type SessionOptions } from "#fovea/devices/cpu/session.js";
import type { Feeds } from "#fovea/graph/evaluate.js";
import { reachable } from "#fovea/graph/evaluate.js";
import type { Value } from "#fovea/graph/graph.js";
import { type Entry, type InputAttributes, inputOp, type StateAttributes, stateOp } from "#fovea/graph/graph.js";
import { sizeOf } from "#fovea/graph/shape.js";
import { type Tensor, tensor } from "#fovea/graph/tensor.js";
import type { Strategy } from "#fovea/kernels/contract/strategy.js";
import { routedInputGradient } from "#fovea/kernels/convolution/through-pool/input-gradient.js";
import { routedWeightGradient } from "#fovea/kernels/convolution/through-pool/weight-gradient.js";
import { STRATEGIES, WINOGRAD_STRATEGIES } from "#fovea/kernels/index.js";
import { type Parameter, parametersOf, type RunningStatistic, statisticsOf, trace } from "#fovea/nn/index.js";
import { differentiate, multiply, sum } from "#fovea/ops/index.js";
import { makeOptimizer } from "#fovea/train/optimizers/index.js";
import type { Hyperparameter, Optimizer } from "#fovea/train/optimizers/optimizer.js";
import { trainingEntries } from "#fovea/train/step.js";
import type { Feed } from "../support/op-cases.js";
import { random } from "../support/random.js";
import { encode, MACHINES } from "./machines.js";
import { Drawn, isRefusal, type Network } from "./network.js";
import { type Expected, expectations, MANY_TRIES, meanings, misfit } from "./rounding.js";

export interface Failure {
  readonly machine: string;
  /** What was done: "compile", "encode", "run" or "compare". */
  readonly stage: string;
  readonly message: string;
}

export interface AttemptOptions {
  /** Names of `MACHINES`, and "interpreter"; all of them unless said. */
  readonly machines?: readonly string[];
}

/** The interpreter takes about a microsecond for each of these. */
const MOST_INTERPRETED = 400_000;

/** What went wrong; nothing where all is well; undefined where the network is not legal, or has no room in float32. */
export async function attempt(network: Network, options: AttemptOptions = {}): Promise<Failure[] | undefined> {
  const { machines = [...MACHINES.map((m) => m.name), "interpreter"] } = options;
  let plan: Plan;
  try {
    plan = planOf(network);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    return [{ machine: "any", stage: "draw", message: textOf(error) }];
  }
  const failures: Failure[] = [];
  for (const { name, target, session } of MACHINES) {
    const isInterpreted = machines.includes("interpreter") && plan.work <= MOST_INTERPRETED;
    if (!machines.includes(name) && !isInterpreted) continue;
    const fail = (stage: string, error: unknown) => failures.push({ machine: name, stage, message: textOf(error) });
    let stage = "compile";
    try {
      const compiled = (chosen: Choice) =>
        plan.entries.map((entry) => compile(network, entry, { target, maxBatch: plan.maxBatch }, chosen));
      let programs = compiled((strategies) => strategies);
      stage = "encode";
      for (const { kernels } of programs) encode(kernels, target);
      // Encoding says something of every network, numbers only of those that float32 has room for.
      if (!plan.hasRoom()) continue;
      if (!plan.allFinite()) programs = compiled(withoutSpreading);
      stage = "run";
      const results: { how: string; numbers: Numbers }[] = [];
      const runs = async (how: string, options: SessionOptions) =>
        results.push({ how, numbers: await run(plan, programs, options) });
      if (session !== undefined && machines.includes(name)) {
        await runs(name, { ...session, threads: 1 });
        if (network.threads !== undefined)
          await runs(`${network.threads} threads`, { ...session, threads: network.threads });
      }
      if (isInterpreted) await runs("interpreter", { backend: "interpreter", interpreterTarget: target, threads: 1 });
      stage = "compare";
      if (results.length === 0) continue;
      const wrong = plan.check(results[0]!.numbers);
      if (wrong !== undefined) fail("compare", `wrong numbers: ${wrong}`);
      for (const { how, numbers } of results.slice(1)) {
        const differs = firstDifference(results[0]!.numbers, numbers);
        if (differs !== undefined) fail("compare", `other bits by ${how} than by ${results[0]!.how}: ${differs}`);
      }
    } catch (error) {
      fail(stage, error);
    }
  }
  return failures.length > 0 || plan.hasRoom() ? failures : undefined;
}

/** The ops of a network's entries, forward and backward. */
export function opsOf(network: Network): Set<string> {
  const entries = entriesOf(network, new Drawn(network));
  return new Set(entries.flatMap((entry) => leavesOf(entry).map((v) => v.op.name)));
}

/** Outputs and states of each run, by "run 0 loss". */
type Numbers = ReadonlyMap<string, ArrayLike<number>>;

interface Run {
  readonly entry: number;
  readonly batch: number;
  readonly feeds: Required<Feeds>;
}

interface Plan {
  readonly entries: readonly Entry[];
  readonly maxBatch: number;
  readonly runs: readonly Run[];
  /** Multiply-adds of all runs. */
  readonly work: number;
  /** Whether float32 has room for all numbers on the way. */
  hasRoom(): boolean;
  /** Whether all numbers on the way are finite. */
  allFinite(): boolean;
  /** What is wrong with numbers. */
  check(numbers: Numbers): string | undefined;
}

function planOf(network: Network): Plan {
  const drawn = new Drawn(network);
  const entries = entriesOf(network, drawn);
  const maxBatch = Math.max(...network.batches);
  const runs = network.batches.flatMap((batch, i) =>
    entries.map((entry, n): Run => ({ entry: n, batch, feeds: feedsOf(network, drawn, entry, batch, i) })),
  );
  const work = runs.reduce((total, { entry, batch }) => total + batch * workOf(entries[entry]!), 0);
  // A first look by plain rounding, a closer one where that is not enough, and a very close one before it is a failure.
  const looks = [meanings, expectations, closely] as const;
  const expected = new Map<string, Expected[] | undefined>();
  const expectedOf = (at: number, look: number) => {
    const key = `${at} ${look}`;
    if (!expected.has(key)) {
      const { entry, feeds, batch } = runs[at]!;
      const values = valuesOf(entries[entry]!).map(([, value]) => value);
      expected.set(key, looks[look]!(values, feeds, batch, { winograd: network.winograd !== false }));
    }
    return expected.get(key);
  };
  const check = (numbers: Numbers): string | undefined => {
    for (const [at, { entry, batch }] of runs.entries()) {
      for (const [n, [name]] of valuesOf(entries[entry]!).entries()) {
        const found = numbers.get(`run ${at} ${name}`)!;
        let wrong: string | undefined = "";
        for (let look = 0; wrong !== undefined && look < looks.length; look++) {
          wrong = misfit(found, expectedOf(at, look)![n]!);
        }
        if (wrong !== undefined) return `${name} at batch ${batch}: ${wrong}`;
      }
    }
    return undefined;
  };
  const hasRoom = () => runs.every((_, at) => expectedOf(at, 0) !== undefined);
  const allFinite = () => runs.every((_, at) => expectedOf(at, 0)?.every((e) => e.allFinite));
  return { entries, maxBatch, runs, work, hasRoom, allFinite, check };
}

const closely: typeof expectations = (values, feeds, batch, options) =>
  expectations(values, feeds, batch, { ...options, tries: MANY_TRIES });

/** What an entry gives: outputs, and the new values of states. */
const valuesOf = (entry: Entry): [string, Value][] => [
  ...Object.entries(entry.outputs),
  ...entry.assigns.map(({ state, value }): [string, Value] => [`state ${state.attributes.name}`, value]),
];

const leavesOf = (entry: Entry): Value[] => [
  ...new Set([
    ...reachable(valuesOf(entry).map(([, value]) => value)),
    ...entry.assigns.map((a) => a.state as unknown as Value),
  ]),
];

const workOf = (entry: Entry): number =>
  leavesOf(entry).reduce((sum, v) => {
    const { multiplyAdds } = v.op.cost(v.inputs, v.attributes, v);
    return sum + multiplyAdds + sizeOf(v.shape);
  }, 0);

function entriesOf(network: Network, drawn: Drawn): Entry[] {
  const { input, run, read = [] } = network;
  if (run === "train") {
    const { step, accumulate, apply } = trainingEntries(drawn, input, optimizerOf(network), network.techniques ?? {});
    return network.seed % 2 === 0 ? [step] : [accumulate, apply];
  }
  const { output, parameters, input: x, updates } = trace(drawn, { input, training: run === "gradients" });
  const outputs: Record<string, Value> = { y: output };
  for (const i of read) if (drawn.values[i] !== undefined) outputs[`value ${i}`] = drawn.values[i];
  if (run === "predict" || output.dtype !== "f32") return [{ name: run, outputs, assigns: [] }];
  const { graph } = x;
  const upstream = graph.input("upstream", { shape: output.shape, batched: output.batched });
  const loss = sum(multiply(output, upstream as unknown as Value), { batch: output.batched });
  const reached = new Set(reachable([output]));
  const wrt = [x, ...[...parameters.values()].map(({ value }) => value as unknown as Value)].filter((v) =>
    reached.has(v),
  );
  for (const [i, gradient] of differentiate(loss, wrt).entries()) {
    outputs[`d ${(wrt[i]!.attributes as InputAttributes).name}`] = gradient;
  }
  return [{ name: run, outputs, assigns: updates }];
}

function optimizerOf({ optimizer }: Network): Optimizer {
  const { name, ...options } = optimizer!;
  return makeOptimizer(name, options as Readonly<Record<string, Hyperparameter>>);
}

/** Numbers for everything that an entry reads, others for each run. */
function feedsOf(
  { seed, loss, infinities }: Network,
  drawn: Drawn,
  entry: Entry,
  batch: number,
  run: number,
): Required<Feeds> {
  const rng = random(Math.imul(seed + 1, 0x85ebca6b) + run);
  const feeds: { inputs: Record<string, Tensor>; states: Record<string, Tensor> } = { inputs: {}, states: {} };
  const parts = new Map<string, Parameter | RunningStatistic>([...parametersOf(drawn), ...statisticsOf(drawn)]);
  for (const node of leavesOf(entry)) {
    const op: unknown = node.op;
    const shape = node.batched ? [batch, ...node.shape] : node.shape;
    if (op === inputOp) {
      const { name } = node.attributes as InputAttributes;
      const classes = loss?.kind === "pixelCrossEntropy" ? loss.classes : (drawn.values.at(-1)!.shape.at(-1) ?? 1);
      const feed = drawn.feeds.get(name) ?? feedOf(node, name, classes);
      feeds.inputs[name] = tensor(
        shape,
        numbersOf(feed, sizeOf(shape), () => rng),
      );
      if (infinities && feed === "normal" && name === "input") {
        for (let i = rng.integer(1, 3); i > 0; i--)
          feeds.inputs[name]!.data[rng.integer(0, sizeOf(shape) - 1)] = rng.pick([Infinity, -Infinity]);
      }
    } else if (op === stateOp) {
      const { name, kind } = node.attributes as StateAttributes;
      const init = parts.get(name)?.init;
      const isSize = name.endsWith("secondMoment") || name.includes("running_var");
      const middle = init?.kind === "constant" ? init.value : 0;
      const spread =
        kind === "optimizer"
          ? 0.1
          : init?.kind === "constant"
            ? 0.3
            : (shape.at(-1) ?? 1) ** 0.5 / Math.max(1, sizeOf(shape)) ** 0.5;
      const one = () => (isSize ? 0.5 + rng.uniform() : middle + spread * rng.normal());
      feeds.states[name] = tensor(
        shape,
        Array.from({ length: sizeOf(shape) }, () => Math.fround(one())),
      );
    }
  }
  return feeds;
}

function feedOf(node: Value, name: string, classes: number): Feed {
  if (node.dtype === "i32") return node.batched ? classes : "key";
  if (!node.batched) return "positive";
  return name === "mix" ? "unit" : "normal";
}

function numbersOf(feed: Feed, size: number, rng: () => ReturnType<typeof random>): number[] {
  const r = rng();
  if (feed === "distinct") {
    const steps = Array.from({ length: size }, (_, i) => (i - Math.floor(size / 2)) / 64 + 1 / 128);
    for (let i = size - 1; i > 0; i--) {
      const j = r.integer(0, i);
      [steps[i], steps[j]] = [steps[j]!, steps[i]!];
    }
    return steps;
  }
  return Array.from({ length: size }, () => {
    if (typeof feed === "number") return r.integer(0, feed - 1);
    if (feed === "key") return r.integer(-(2 ** 31), 2 ** 31 - 1);
    if (feed === "ties") return r.integer(-2, 2);
    if (feed === "positive") return Math.fround(0.5 + 2 * r.uniform());
    return Math.fround(feed === "unit" ? r.uniform() : r.normal());
  });
}

/** Strategies among those that a network is compiled with. */
type Choice = (strategies: readonly Strategy[]) => readonly Strategy[];

/** Those in which an infinity stays with the numbers that depend on it. */
const withoutSpreading: Choice = (strategies) => strategies.filter(({ name }) => !SPREADING.has(name));

const SPREADING = new Set([...WINOGRAD_STRATEGIES, routedInputGradient, routedWeightGradient].map(({ name }) => name));

function compile(
  network: Network,
  entry: Entry,
  machine: Pick<CompileOptions, "target" | "maxBatch">,
  chosen: Choice,
): Program {
  const { winograd, prepares, preparesInScratch, scratch, strategies } = network;
  const options: CompileOptions = {
    ...machine,
    ...(winograd === false && { winograd }),
    ...(prepares === false && { prepares }),
    ...(preparesInScratch && { preparesInScratch }),
    strategies: chosen(strategies === undefined ? STRATEGIES : drawnStrategies(strategies, winograd)),
  };
  const program = compileEntry(entry, options);
  if (scratch === undefined) return program;
  return compileEntry(entry, { ...options, scratchLimit: Math.floor(scratch * program.bytes.scratch) });
}

/** Each strategy with a cost by lot, so that those come up that are never the cheapest. */
function drawnStrategies(seed: number, winograd: boolean | undefined): Strategy[] {
  const rng = random(seed);
  const some = STRATEGIES.map((strategy) => {
    const cost = rng.uniform();
    return [strategy, { ...strategy, cost: () => cost }] as const;
  });
  return some.filter(([s]) => winograd !== false || !WINOGRAD_STRATEGIES.includes(s)).map(([, s]) => s);
}

async function run(plan: Plan, programs: readonly Program[], options: SessionOptions): Promise<Numbers> {
  const session = await Session.create({ ...options, check: true, note: () => {} });
  try {
    const loaded = [];
    for (const program of programs) loaded.push(await session.load(program));
    const numbers = new Map<string, ArrayLike<number>>();
    for (const [at, { entry, batch, feeds }] of plan.runs.entries()) {
      const { program } = loaded[entry]!;
      for (const { name } of program.states) await session.writeState(name, [...feeds.states[name]!.data]);
      const slot = await loaded[entry]!.acquire();
      for (const { name } of program.inputs) slot.fill(name, [...feeds.inputs[name]!.data]);
      await slot.run(batch);
      for (const [name, value] of valuesOf(plan.entries[entry]!)) {
        const state = name.startsWith("state ") ? name.slice("state ".length) : undefined;
        const found = state === undefined ? slot.output(name) : await session.readState(state);
        numbers.set(
          `run ${at} ${name}`,
          value.batched || state !== undefined ? found : found.slice(0, sizeOf(value.shape)),
        );
      }
      slot.release();
    }
    return numbers;
  } finally {
    await session.close();
  }
}

function firstDifference(a: Numbers, b: Numbers): string | undefined {
  for (const [name, numbers] of a) {
    const others = b.get(name)!;
    for (let i = 0; i < numbers.length; i++) {
      if (!Object.is(numbers[i], others[i])) return `${name}, number ${i}: ${others[i]} and ${numbers[i]}`;
    }
  }
  return undefined;
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message}`;
}
