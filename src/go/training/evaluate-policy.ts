/**
 * Measures a policy on games: how often the move that was played is its first choice, and among its first five, by
 * phase of the game. All points of the board are weighed, illegal ones too, as the paper does; passes are not asked
 * about. With symmetries the mean of the probabilities of a position seen in eight ways is judged.
 */
import { OptionError } from "../../base/errors.js";
import { naturalLogarithm } from "../../base/random.js";
import type { MachineOptions } from "../../devices/machine-options.js";
import { openDevice } from "../../devices/open.js";
import { inSequence, runQueue } from "../../devices/queue.js";
import { rankOf } from "../../model/rank.js";
import type { TrainedModel } from "../../model/trained-model.js";
import { lendWeights } from "../../model/weights/weights.js";
import { viewEntry } from "../../train/step.js";
import { SYMMETRIES, symmetriesOf } from "../board/geometry.js";
import type { PositionSample } from "../games/position-sample.js";
import type { GameStore } from "../games/store.js";
import { type Block, type BlockMaker, createBlock } from "../games/stream.js";
import { boardOf } from "../policy/policy.js";
import { PACKED_WORDS, spreadPacked } from "../policy/spread.js";

export interface Phase {
  readonly name: string;
  /** Moves from 1, passes counted: from this one on, until that of the next phase. */
  readonly from: number;
}

export const PHASES: readonly Phase[] = [
  { name: "opening", from: 1 },
  { name: "middle", from: 61 },
  { name: "end", from: 161 },
];

export interface PolicyFigures {
  readonly positions: number;
  /** Parts of the positions whose move was the first choice, and among the first five. */
  readonly top1: number;
  readonly top5: number;
  /** Mean of the negative logarithms of the moves' probabilities. */
  readonly loss: number;
}

export interface PolicyEvaluation extends PolicyFigures {
  readonly phases: readonly (Phase & PolicyFigures)[];
  readonly seconds: number;
}

export interface EvaluatePolicyOptions extends MachineOptions {
  readonly symmetries?: boolean | undefined;
  /** Positions computed at once. */
  readonly batchSize?: number | undefined;
  /** Called after each batch with the positions that are done, and waited for. @default none */
  onProgress?(progress: { readonly done: number }): void;
  /** Ends it after the batch under way where it is aborted, with the figures until then. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** Positions of whole games, block by block. */
export interface GamePositions {
  readonly store: GameStore;
  readonly games: Uint32Array;
  readonly maker: BlockMaker;
}

/**
 * @throws OptionError where the board is of another size than the network's, DataError where the network plays no Go.
 */
export async function evaluatePolicy(
  model: TrainedModel,
  positions: GamePositions | PositionSample,
  options: EvaluatePolicyOptions = {},
): Promise<PolicyEvaluation> {
  const { symmetries = false, batchSize, onProgress, signal, ...choice } = options;
  const { size, planes } = boardOf(model);
  const found = "store" in positions ? positions.store.size : positions.size;
  if (found !== size) {
    throw new OptionError(`the games are played on ${found}x${found}, but the network plays ${size}x${size}`);
  }
  const started = performance.now();
  const tables = symmetriesOf(size).slice(0, symmetries ? SYMMETRIES : 1);
  const device = await openDevice(choice);
  const judge = new Judge();
  try {
    const { entry } = viewEntry(model.module, model.input);
    const executable = await device.compile(entry, { maxBatch: batchSize });
    await lendWeights(device, model, "evaluate");
    const area = size * size;
    const { maxBatch } = executable;
    const means = new Float64Array(maxBatch * area);
    for await (const { block, length } of blocksOf(positions)) {
      const countOf = (batch: number) => Math.min(maxBatch, length - batch * maxBatch);
      await runQueue(executable, Math.ceil(length / maxBatch) * tables.length, {
        fill(slot, run) {
          const batch = Math.floor(run / tables.length);
          const count = countOf(batch);
          const { numbers, stride, done } = slot.samples("input", count);
          for (let n = 0; n < count; n++) {
            const from = (batch * maxBatch + n) * area * PACKED_WORDS;
            spreadPacked(block.packed, from, tables[run % tables.length]!, planes, numbers as Float32Array, n * stride);
          }
          done();
          return count;
        },
        done(slot, run, count) {
          const turn = run % tables.length;
          const table = tables[turn]!;
          const said = slot.output("probabilities");
          if (turn === 0) means.fill(0);
          for (let n = 0; n < count; n++) {
            for (let v = 0; v < area; v++) means[n * area + v]! += said[n * area + table[v]!]! / tables.length;
          }
          if (turn < tables.length - 1) return true;
          const first = Math.floor(run / tables.length) * maxBatch;
          for (let n = 0; n < count; n++) {
            const label = block.labels[first + n]!;
            const rank = rankOf(means, n * area, area, label);
            judge.add(block.turns[first + n]! + 1, rank, means[n * area + label]!);
          }
          return inSequence([() => onProgress?.({ done: judge.all.positions })], () => signal?.aborted !== true);
        },
      });
      if (signal?.aborted === true) break;
    }
  } finally {
    await device.close();
  }
  return { ...judge.figures(), seconds: (performance.now() - started) / 1000 };
}

interface Counts {
  positions: number;
  first: number;
  five: number;
  loss: number;
}

const none = (): Counts => ({ positions: 0, first: 0, five: 0, loss: 0 });

/** Counts what became of each position. */
class Judge {
  readonly all = none();
  readonly #phases = PHASES.map(none);

  /** @param move from 1. */
  add(move: number, rank: number, probability: number): void {
    const phase = PHASES.findLastIndex(({ from }) => move >= from);
    // A probability of 0 in float32 is one below 1e-45.
    const loss = -naturalLogarithm(Math.max(1e-45, probability));
    for (const counts of [this.all, this.#phases[phase]!]) {
      counts.positions++;
      if (rank === 1) counts.first++;
      if (rank <= 5) counts.five++;
      counts.loss += loss;
    }
  }

  figures(): Omit<PolicyEvaluation, "seconds"> {
    const of = ({ positions, first, five, loss }: Counts): PolicyFigures => {
      const n = Math.max(1, positions);
      return { positions, top1: first / n, top5: five / n, loss: loss / n };
    };
    return { ...of(this.all), phases: PHASES.map((phase, i) => ({ ...phase, ...of(this.#phases[i]!) })) };
  }
}

/** Positions of a block, unless one game has more. */
const BLOCK = 4096;

/** The next block is made while one is measured. */
async function* blocksOf(
  positions: GamePositions | PositionSample,
): AsyncGenerator<{ readonly block: Block; readonly length: number }> {
  if ("block" in positions) {
    yield positions;
    return;
  }
  const { store, games, maker } = positions;
  const counts = Array.from(games, (game) => store.positionCount(game));
  const most = Math.max(BLOCK, ...counts);
  const blocks = [createBlock(store.size, most), createBlock(store.size, most)];
  const make = async (first: number, into: Block) => {
    let [next, length] = [first, 0];
    while (next < games.length && length + counts[next]! <= most) length += counts[next++]!;
    return { block: into, length: await maker.make(games.slice(first, next), into), next };
  };
  let coming = make(0, blocks[0]!);
  for (let number = 1; ; number++) {
    const { next, ...made } = await coming;
    if (next < games.length) {
      coming = make(next, blocks[number % 2]!);
      coming.catch(() => {}); // thrown when it is waited for, if it ever is
    }
    yield made;
    if (next >= games.length) return;
  }
}
