/**
 * Positions of many games in random order, in a memory that does not grow: what training reads.
 *
 * An epoch's games are shuffled and cut into blocks of at most `blockPositions`. A block's games are each replayed once
 * and their positions encoded into packed planes (2 KiB each on 19x19); the block's positions are then given in random
 * order, each in one of the eight symmetries, while the next block is being made. The order is a function of seed,
 * epoch and place alone, so that a stream put to a place goes on as one that came there by itself; only the block under
 * way is made again.
 */
import { OptionError } from "../../base/errors.js";
import { Random } from "../../base/random.js";
import { PASS, SYMMETRIES, symmetriesOf } from "../board/geometry.js";
import { checkPlanes, PlaneEncoder } from "../policy/planes.js";
import { PACKED_WORDS, packPlanes, spreadPacked } from "../policy/spread.js";
import { startOf } from "../sgf/record.js";
import type { GameStore } from "./store.js";

/** Where a stream is: with the same store, games and options, all that it needs to go on. Plain data. */
export interface StreamPlace {
  readonly epoch: number;
  /** Positions given of the epoch. */
  readonly position: number;
}

export interface StreamOptions {
  readonly planes: number;
  /** A whole number; 0 unless said. */
  readonly seed?: number;
  /**
   * Whether games and positions are shuffled and turned; true unless said. Otherwise they come as they stand in the
   * store.
   */
  readonly shuffle?: boolean;
  /** The most positions of a block: 16,384 unless said. Two blocks are kept. */
  readonly blockPositions?: number;
  /** Who makes blocks: this thread unless said. */
  readonly maker?: BlockMaker;
}

/**
 * Encoded positions of some games, in the order of the games. The buffers are shared between threads, where they can
 * be.
 */
export interface Block {
  /** PACKED_WORDS a vertex. */
  readonly packed: Uint16Array;
  /** The vertex that was played. */
  readonly labels: Uint16Array;
  /** Moves before it. */
  readonly turns: Uint16Array;
}

/** Fills a block with the positions of games and gives how many there were. */
export interface BlockMaker {
  make(games: Uint32Array, into: Block): Promise<number>;
}

export function createBlock(size: number, positions: number): Block {
  const Memory = typeof SharedArrayBuffer === "undefined" ? ArrayBuffer : SharedArrayBuffer;
  const shared = (count: number) => new Uint16Array(new Memory(2 * count));
  return {
    packed: shared(positions * size * size * PACKED_WORDS),
    labels: shared(positions),
    turns: shared(positions),
  };
}

/** Replays a game into a block from `position` on; gives where the next one goes. Passes are played and not learned. */
export function encodeGame(
  store: GameStore,
  game: number,
  encoder: PlaneEncoder,
  into: Block,
  position: number,
): number {
  const record = store.game(game);
  const board = startOf(record);
  const words = board.geometry.area * PACKED_WORDS;
  let next = position;
  for (const [turn, { colour, vertex }] of record.moves.entries()) {
    if (vertex !== PASS) {
      encoder.encode(board, colour);
      packPlanes(encoder, into.packed, next * words);
      into.labels[next] = vertex;
      into.turns[next] = turn;
      next++;
    }
    board.play(colour, vertex);
    board.forget();
  }
  return next;
}

/** Makes blocks on the thread that asks, a game at a time: other work goes on in between. */
export function localMaker(store: GameStore, planes: number): BlockMaker {
  const encoder = new PlaneEncoder(store.size, planes);
  return {
    async make(games, into) {
      let position = 0;
      for (const game of games) {
        position = encodeGame(store, game, encoder, into, position);
        await new Promise((resolve) => setTimeout(resolve));
      }
      return position;
    },
  };
}

interface Span {
  readonly games: Uint32Array;
  /** Positions before it in the epoch, and in it. */
  readonly start: number;
  readonly length: number;
}

interface Ready {
  readonly epoch: number;
  readonly span: Span;
  readonly block: Block;
  readonly order: Uint32Array;
  readonly symmetries: Uint8Array;
}

export class PositionStream {
  /** Positions of an epoch. */
  readonly length: number;
  readonly planes: number;
  readonly size: number;
  readonly #options: StreamOptions;
  readonly #games: Uint32Array;
  readonly #counts: ReadonlyMap<number, number>;
  readonly #maker: BlockMaker;
  readonly #capacity: number;
  readonly #blocks: Block[];
  readonly #tables: readonly Int32Array[];
  #place: StreamPlace = { epoch: 0, position: 0 };
  #spans: readonly Span[] = [];
  #spansOf = -1;
  #now: Ready | undefined;
  /** The block that is being made, and where it begins. */
  #coming: { readonly epoch: number; readonly start: number; readonly ready: Promise<Ready> } | undefined;

  /**
   * @param games numbers of the store's games, such as `store.select("train")`.
   * @throws OptionError where there are no games, or an option is out of range.
   */
  constructor(store: GameStore, games: Uint32Array, options: StreamOptions) {
    checkPlanes(options.planes);
    const { blockPositions = 16_384, maker = localMaker(store, options.planes), seed = 0 } = options;
    if (!Number.isInteger(blockPositions) || blockPositions < 1) {
      throw new OptionError(`blockPositions is ${blockPositions}, expected a whole number of at least 1`);
    }
    this.#options = { ...options, seed };
    this.#games = games;
    this.#counts = new Map(Array.from(games, (game) => [game, store.positionCount(game)]));
    this.length = [...this.#counts.values()].reduce((sum, n) => sum + n, 0);
    if (this.length === 0) throw new OptionError("the games have no positions to learn from; choose others");
    this.planes = options.planes;
    this.size = store.size;
    this.#maker = maker;
    this.#capacity = [...this.#counts.values()].reduce((most, n) => Math.max(most, n), blockPositions);
    const held = Math.min(this.#capacity, this.length);
    this.#blocks = [createBlock(store.size, held), createBlock(store.size, held)];
    this.#tables = symmetriesOf(store.size);
  }

  /** Where the next position is taken from. */
  get place(): StreamPlace {
    return this.#place;
  }

  /** Goes on from a place. */
  seek(place: StreamPlace): void {
    const { epoch, position } = place;
    if (
      !Number.isInteger(epoch) ||
      epoch < 0 ||
      !Number.isInteger(position) ||
      position < 0 ||
      position >= this.length
    ) {
      throw new OptionError(
        `seek: epoch ${epoch}, position ${position} is no place of a stream with ${this.length} positions an epoch`,
      );
    }
    this.#place = { epoch, position };
  }

  /** Waits until `take` can give positions. To be called by one reader. */
  async ready(): Promise<void> {
    if (this.#holds(this.#now)) return;
    const { epoch, position } = this.#place;
    const span = this.#spanAt(epoch, position);
    if (this.#coming?.epoch !== epoch || this.#coming.start !== span.start) {
      // A block that nobody waits for any more holds a buffer until it is done.
      await this.#coming?.ready.catch(() => {});
      this.#begin(epoch, span);
    }
    this.#now = undefined;
    this.#now = await this.#coming!.ready;
    this.#coming = undefined;
    const after = span.start + span.length;
    if (after < this.length) this.#begin(epoch, this.#spanAt(epoch, after));
    else this.#begin(epoch + 1, this.#spanAt(epoch + 1, 0));
  }

  /**
   * Takes the next positions: planes as float32 [count, size, size, planes], the vertices that were played, and, if
   * asked, the moves before. Gives how many: fewer where an epoch or a block ends, 0 where `ready` has to be waited
   * for.
   */
  take(count: number, planes: Float32Array, labels: Int32Array, turns?: Uint16Array): number {
    const area = this.size * this.size;
    if (planes.length < count * area * this.planes || labels.length < count) {
      throw new OptionError(
        `take: ${count} positions need ${count * area * this.planes} numbers and ${count} labels; the targets have ${planes.length} and ${labels.length}`,
      );
    }
    let taken = 0;
    while (taken < count && this.#holds(this.#now)) {
      const { span, block, order, symmetries } = this.#now!;
      const index = this.#place.position - span.start;
      const from = order[index]!;
      const table = this.#tables[symmetries[index]!]!;
      spreadPacked(block.packed, from * area * PACKED_WORDS, table, this.planes, planes, taken * area * this.planes);
      labels[taken] = table[block.labels[from]!]!;
      if (turns !== undefined) turns[taken] = block.turns[from]!;
      taken++;
      const { epoch, position } = this.#place;
      this.#place = position + 1 < this.length ? { epoch, position: position + 1 } : { epoch: epoch + 1, position: 0 };
      if (this.#place.position === 0) break;
    }
    return taken;
  }

  /** Fills a whole batch, waiting where needed; short only where an epoch ends. */
  async fill(count: number, planes: Float32Array, labels: Int32Array, turns?: Uint16Array): Promise<number> {
    const sample = this.size * this.size * this.planes;
    const { epoch } = this.#place;
    let taken = 0;
    while (taken < count && this.#place.epoch === epoch) {
      await this.ready();
      taken += this.take(
        count - taken,
        planes.subarray(taken * sample),
        labels.subarray(taken),
        turns?.subarray(taken),
      );
    }
    return taken;
  }

  #holds(ready: Ready | undefined): boolean {
    if (ready === undefined || ready.epoch !== this.#place.epoch) return false;
    const { start, length } = ready.span;
    return this.#place.position >= start && this.#place.position < start + length;
  }

  #begin(epoch: number, span: Span): void {
    const block = this.#blocks.find((b) => b !== this.#now?.block)!;
    const ready = this.#make(epoch, span, block);
    // Its failure is told to whoever waits for it.
    ready.catch(() => {});
    this.#coming = { epoch, start: span.start, ready };
  }

  async #make(epoch: number, span: Span, block: Block): Promise<Ready> {
    await this.#maker.make(span.games, block);
    const order = Uint32Array.from({ length: span.length }, (_, i) => i);
    const symmetries = new Uint8Array(span.length);
    if (this.#shuffles) {
      const random = new Random(this.#options.seed!).fork(`positions from ${span.start} of epoch ${epoch}`);
      random.shuffle(order);
      for (let i = 0; i < symmetries.length; i++) symmetries[i] = random.bits() & (SYMMETRIES - 1);
    }
    return { epoch, span, block, order, symmetries };
  }

  get #shuffles(): boolean {
    return this.#options.shuffle ?? true;
  }

  #spanAt(epoch: number, position: number): Span {
    if (this.#spansOf !== epoch) {
      this.#spans = this.#cut(epoch);
      this.#spansOf = epoch;
    }
    return this.#spans.find(({ start, length }) => position >= start && position < start + length)!;
  }

  /** An epoch's games in their order, cut into blocks. */
  #cut(epoch: number): Span[] {
    const games = this.#games.slice();
    if (this.#shuffles) new Random(this.#options.seed!).fork(`games of epoch ${epoch}`).shuffle(games);
    const spans: Span[] = [];
    let [first, start, length] = [0, 0, 0];
    for (let i = 0; i <= games.length; i++) {
      const count = i < games.length ? this.#counts.get(games[i]!)! : Number.POSITIVE_INFINITY;
      if (length + count > this.#capacity) {
        if (length > 0) spans.push({ games: games.subarray(first, i), start, length });
        [first, start, length] = [i, start + length, 0];
      }
      length += count;
    }
    return spans;
  }
}
