/**
 * A policy says of each point how likely a good player is to play there: a trained network, or a stand-in for tests.
 */
import { DataError } from "../../base/errors.js";
import { OpenCalls } from "../../base/open-calls.js";
import { type Classifier, type ClassifierOptions, createClassifier } from "../../model/classifier.js";
import type { TrainedModel } from "../../model/trained-model.js";
import type { Board } from "../board/board.js";
import { type Colour, symmetriesOf } from "../board/geometry.js";
import { PLANE_COUNTS, PlaneEncoder } from "./planes.js";
import { PACKED_WORDS, packPlanes, spreadPacked } from "./spread.js";

export interface Policy {
  readonly name: string;
  /** The only board size that it knows; undefined for any. */
  readonly size: number | undefined;
  /** One number a vertex, the larger the likelier, for `colour` to move; those of illegal moves mean nothing. */
  probabilities(board: Board, colour: Colour): Promise<Float32Array>;
  close(): Promise<void>;
}

/** A policy from a function. */
export function policyOf(name: string, weigh: (board: Board, colour: Colour) => ArrayLike<number>): Policy {
  return {
    name,
    size: undefined,
    probabilities: async (board, colour) => Float32Array.from(weigh(board, colour)),
    close: async () => {},
  };
}

/** All points alike. */
export const uniformPolicy = (): Policy =>
  policyOf("uniform", (board) => new Float32Array(board.geometry.area).fill(1 / board.geometry.area));

export interface NetworkPolicyOptions extends ClassifierOptions {
  /** Whether to take the mean over the eight symmetries, which costs eight times as much; false unless said. */
  readonly symmetries?: boolean;
}

/**
 * A trained network as a policy.
 * @throws DataError where the network does not take the planes of a square board and tell its points apart.
 */
export async function networkPolicy(model: TrainedModel, options: NetworkPolicyOptions = {}): Promise<Policy> {
  const { symmetries = false, ...rest } = options;
  const { size, planes } = boardOf(model);
  const tables = symmetries ? symmetriesOf(size) : symmetriesOf(size).slice(0, 1);
  const classify: Classifier = await createClassifier(model, { ...rest, batch: tables.length });
  const encoder = new PlaneEncoder(size, planes);
  const area = size * size;
  const ask = async (packed: Uint16Array): Promise<Float32Array> => {
    const turned = tables.map((table) => {
      const numbers = new Float32Array(area * planes);
      spreadPacked(packed, 0, table, planes, numbers, 0);
      return numbers;
    });
    const said = await classify.all(turned);
    const mean = new Float32Array(area);
    for (const [i, { probabilities }] of said.entries()) {
      const table = tables[i]!;
      for (let vertex = 0; vertex < area; vertex++) mean[vertex]! += probabilities[table[vertex]!]! / tables.length;
    }
    return mean;
  };
  const calls = new OpenCalls("the policy");
  let last: Promise<unknown> = Promise.resolve();
  return {
    name: model.network?.name ?? "network",
    size,
    probabilities: (board, colour) =>
      calls.run(() => {
        // The board may go on at once. Positions wait for their turn packed: a fiftieth of what the network reads.
        encoder.encode(board, colour);
        const packed = new Uint16Array(area * PACKED_WORDS);
        packPlanes(encoder, packed, 0);
        const answer = last.then(() => ask(packed));
        last = answer.catch(() => {});
        return answer;
      }),
    close: () => calls.close(() => classify.close()),
  };
}

/** The board size and planes that a network is for. */
export function boardOf({ input, classes }: Pick<TrainedModel, "input" | "classes">): { size: number; planes: number } {
  const [height, width, planes] = input as readonly [number, number, number];
  const isPlanes = PLANE_COUNTS.some((count) => count === planes);
  if (input.length !== 3 || height !== width || !isPlanes || classes.length !== height * width) {
    throw new DataError(
      `the network takes ${input.join("x")} and tells ${classes.length} classes apart, so it plays no Go: expected size x size ` +
        `x ${PLANE_COUNTS.join(", ")} planes and size x size classes; train one such as alphago-policy`,
    );
  }
  return { size: height, planes };
}
