/**
 * What a network consists of and what it costs: each layer's output, parameters and multiply-adds for one picture, and the
 * memory that a training at a batch is planned to take.
 */
import type { Target } from "../codegen/ir.js";
import { compileEntry } from "../compile/compile.js";
import { reachable } from "../graph/evaluate.js";
import { type StateAttributes, stateOp } from "../graph/graph.js";
import { type Shape, sizeOf, type Value } from "../graph/value.js";
import { Activation, type Module, modulesOf, Parameter, trace } from "../nn/index.js";
import { Session, type SessionOptions } from "../runtime/session.js";
import { optimizerFrom, TRAINING_DEFAULTS } from "../train/config.js";
import { EVALUATION_BATCH } from "../train/evaluator.js";
import type { Optimizer } from "../train/optimizer.js";
import { QUEUE_LENGTH } from "../train/queue.js";
import { evaluationEntry, trainingEntries } from "../train/step.js";
import { type Network, networkParts } from "../train/trained-model.js";

export interface LayerSummary {
  /** Its property path: `features.0`; empty for what the network does outside its layers. */
  readonly path: string;
  /** `Conv2d`, or the op of a layer that is one: `relu`. */
  readonly kind: string;
  /** Of one picture. */
  readonly output: Shape;
  readonly parameters: number;
  readonly multiplyAdds: number;
}

export interface MemorySummary {
  readonly batch: number;
  readonly optimizer: string;
  /** Bytes: trainable numbers, what the optimiser keeps, activations and temporaries, packed weights, pictures under way. */
  readonly parameters: number;
  readonly optimizerState: number;
  readonly scratch: number;
  readonly prepared: number;
  readonly slots: number;
  readonly total: number;
}

export interface Summary {
  readonly input: Shape;
  readonly layers: readonly LayerSummary[];
  readonly parameters: number;
  /** Of convolutions and linear layers on one picture, forward, without biases: as torchvision's tables count. */
  readonly multiplyAdds: number;
  readonly training?: MemorySummary;
}

export interface SummaryOptions extends Pick<SessionOptions, "backend" | "note"> {
  /** What a module takes; a network of the zoo says it itself. */
  readonly input?: Shape;
  /** Plans a training at this batch. */
  readonly batch?: number;
  readonly optimizer?: Optimizer;
}

/** @throws ShapeError where a layer does not fit its input. */
export async function summarize(network: Network, options: SummaryOptions = {}): Promise<Summary> {
  const { module, input } = networkParts(network, options.input);
  const layers = layersOf(module, input);
  const total = (of: (layer: LayerSummary) => number) => layers.reduce((sum, layer) => sum + of(layer), 0);
  const summary: Summary = {
    input,
    layers,
    parameters: total((layer) => layer.parameters),
    multiplyAdds: total((layer) => layer.multiplyAdds),
  };
  if (options.batch === undefined) return summary;
  const { backend, note } = options;
  const session = await Session.create({ backend, note });
  const { target } = session;
  await session.close();
  const optimizer = options.optimizer ?? optimizerFrom(TRAINING_DEFAULTS.optimizer);
  return { ...summary, training: planTraining(module, input, target, options.batch, optimizer) };
}

/** What the field's tables count: a bias, an activation or a pool is not a multiply-add. */
const COUNTED: readonly string[] = ["conv2d", "linear"];

function layersOf(module: Module, input: Shape): LayerSummary[] {
  const { graph, output } = trace(module, { input, training: false });
  const modules = new Map([...modulesOf(module)].map(([part, path]) => [path, part]));
  const live = new Set(reachable([output]));
  const values = graph.values.filter((value) => value.op.name !== "input" && value.op.name !== "constant");
  const isState = (value: Value) => value.op.name === stateOp.name;
  const computed = values.filter((value) => !isState(value));
  // In the order in which the layers compute; parameters come before all of it.
  const paths = new Set([...computed, ...values].map((value) => value.path));
  return [...paths].map((path) => {
    const part = modules.get(path);
    const own = computed.filter((value) => value.path === path);
    const isLeaf = part?.children().every(([, child]) => child instanceof Parameter) ?? false;
    const last = isLeaf ? firstUse(computed, path) : own.at(-1);
    return {
      path,
      kind: part === undefined || part instanceof Activation ? (last?.op.name ?? "") : part.constructor.name,
      output: last?.shape ?? [],
      parameters: values
        .filter((v) => v.path === path && isState(v) && (v.attributes as StateAttributes).kind === "parameter")
        .reduce((sum, value) => sum + sizeOf(value.shape), 0),
      multiplyAdds: own
        .filter((v) => live.has(v) && COUNTED.includes(v.op.name))
        .reduce((sum, v) => sum + v.op.cost(v.inputs, v.attributes, v).multiplyAdds, 0),
    };
  });
}

/** What a layer gave when it was first used: later values of its path are other uses, or ops that another layer moved. */
function firstUse(computed: readonly Value[], path: string): Value | undefined {
  const from = computed.findIndex((value) => value.path === path);
  const behind = computed.findIndex((value, i) => i > from && value.path !== path);
  return computed[(behind < 0 ? computed.length : behind) - 1];
}

/** What a Trainer would take, to the byte but for tables of addresses: it loads a training step and an evaluation. */
function planTraining(
  module: Module,
  input: Shape,
  target: Target,
  batch: number,
  optimizer: Optimizer,
): MemorySummary {
  const step = compileEntry(trainingEntries(module, input, optimizer).step, { target, maxBatch: batch });
  const evaluation = compileEntry(evaluationEntry(module, input).entry, { target, maxBatch: EVALUATION_BATCH });
  const stored = (kind: string) =>
    step.states.filter((s) => s.kind === kind).reduce((sum, s) => sum + Math.ceil(s.place.bytes / 64) * 64, 0);
  const regions = {
    parameters: stored("parameter") + stored("statistic"),
    optimizerState: stored("optimizer") + stored("gradient"),
    scratch: Math.max(step.bytes.scratch, evaluation.bytes.scratch),
    prepared: step.bytes.prepared + evaluation.bytes.prepared,
    slots: QUEUE_LENGTH * (step.bytes.slot + evaluation.bytes.slot),
  };
  const total = Object.values(regions).reduce((sum, bytes) => sum + bytes, 0);
  return { batch, optimizer: optimizer.name, ...regions, total };
}
