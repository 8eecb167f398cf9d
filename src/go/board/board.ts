/**
 * A Go position: stones, chains with exact liberties, simple ko, and a journal by which moves are taken back.
 *
 * Everything that a move changes is one Int32Array, `state`: a few scalars, then regions of one number a point (see the
 * constants below). Each write notes the old value, so undoing is writing the notes back in reverse, and a copy is one
 * `set`. A chain is named by one of its points, its head; its stones are a ring of `NEXT` links.
 *
 * Of a chain's liberties three numbers are kept: how many, the sum of their points and the sum of their squares. They
 * follow each stone that comes or goes by an addition, and give the liberties themselves of a chain that has one or
 * two, which is what captures and ladders ask for.
 */
import { DataError, OptionError } from "../../base/errors.js";
import { BORDER, type Colour, colourName, EMPTY, type Geometry, geometryOf, PASS, vertexName } from "./geometry.js";
import { joinKey, KEYS_HIGH, KEYS_LOW } from "./zobrist.js";

// Scalars of `state`.
const KO = 0;
const KEY_LOW = 1;
const KEY_HIGH = 2;
const TURN = 3;
const CAPTURED = 4; // and 5: stones of black, of white
const SCALARS = 8;

/** A stone that was set up, not played, is older than any other. */
const SET_UP = -1_000_000;

export interface BoardOptions {
  /** Whether a move may take its own chain off the board; false unless said. */
  readonly suicide?: boolean;
}

export class Board {
  readonly geometry: Geometry;
  readonly size: number;
  readonly suicide: boolean;

  // Views of `state` by point, to be read by others and written by nobody but `#set`.
  readonly colour: Int32Array;
  /** The head of the chain that a stone belongs to. */
  readonly head: Int32Array;
  /** The next stone of the chain, in a ring. */
  readonly next: Int32Array;
  /** By head: stones of the chain. */
  readonly stones: Int32Array;
  /** By head: liberties of the chain. */
  readonly liberties: Int32Array;
  /** By head: sum of the liberties' points, and of their squares. */
  readonly libertySum: Int32Array;
  readonly libertySquares: Int32Array;
  /** The turn in which a stone was played. */
  readonly turnOf: Int32Array;

  readonly #state: Int32Array;
  #journal = new Int32Array(4096);
  #top = 0;
  /** Points seen by the walk whose number stands in them. */
  readonly #seen: Int32Array;
  #walk = 0;
  readonly #heads = new Int32Array(4);

  constructor(size: number, options: BoardOptions = {}) {
    this.geometry = geometryOf(size);
    this.size = size;
    this.suicide = options.suicide ?? false;
    const { points, vertexOf } = this.geometry;
    this.#state = new Int32Array(SCALARS + 8 * points);
    const region = (n: number) => this.#state.subarray(SCALARS + n * points, SCALARS + (n + 1) * points);
    this.colour = region(0);
    this.head = region(1);
    this.next = region(2);
    this.stones = region(3);
    this.liberties = region(4);
    this.libertySum = region(5);
    this.libertySquares = region(6);
    this.turnOf = region(7);
    this.#seen = new Int32Array(points);
    for (let p = 0; p < points; p++) this.colour[p] = vertexOf[p]! < 0 ? BORDER : EMPTY;
  }

  /** The point that simple ko forbids to the next move; 0 where there is none. */
  get koPoint(): number {
    return this.#state[KO]!;
  }

  /** Moves played, passes included. */
  get turn(): number {
    return this.#state[TURN]!;
  }

  /** Names the stones on the board, whoever's turn it is: equal for equal positions. */
  get key(): number {
    return joinKey(this.#state[KEY_LOW]!, this.#state[KEY_HIGH]!);
  }

  /** Stones of a colour that were taken. */
  captured(colour: Colour): number {
    return this.#state[CAPTURED + colour - 1]!;
  }

  /** EMPTY, BLACK or WHITE. */
  at(vertex: number): number {
    return this.colour[this.geometry.pointOf[vertex]!]!;
  }

  copyFrom(other: Board): void {
    if (other.size !== this.size) {
      throw new OptionError(`board: a position of size ${other.size} does not fit a board of size ${this.size}`);
    }
    this.#state.set(other.#state);
    this.#top = 0;
  }

  clone(): Board {
    const copy = new Board(this.size, this);
    copy.copyFrom(this);
    return copy;
  }

  clear(): void {
    const { vertexOf } = this.geometry;
    this.#state.fill(0);
    for (let p = 0; p < vertexOf.length; p++) this.colour[p] = vertexOf[p]! < 0 ? BORDER : EMPTY;
    this.#top = 0;
  }

  // --- Moves

  /** Whether `colour` may play at a vertex, or pass: by simple ko and suicide alone. */
  isLegal(colour: Colour, vertex: number): boolean {
    if (vertex === PASS) return true;
    const point = this.geometry.pointOf[vertex];
    return point !== undefined && this.isLegalAt(colour, point);
  }

  isLegalAt(colour: Colour, point: number): boolean {
    if (this.colour[point] !== EMPTY || point === this.#state[KO]) return false;
    const { stride } = this.geometry;
    return (
      this.#breathes(colour, point - 1) ||
      this.#breathes(colour, point + 1) ||
      this.#breathes(colour, point - stride) ||
      this.#breathes(colour, point + stride) ||
      this.suicide
    );
  }

  /**
   * Whether this neighbour lets a stone of `colour` stand: empty, a friend with another liberty, or an enemy in atari.
   */
  #breathes(colour: Colour, neighbour: number): boolean {
    const found = this.colour[neighbour]!;
    if (found === EMPTY) return true;
    if (found === BORDER) return false;
    return found === colour ? this.liberties[this.head[neighbour]!]! > 1 : this.liberties[this.head[neighbour]!] === 1;
  }

  /**
   * Plays at a vertex, or passes.
   * @throws DataError where that is not legal; the board is then as it was.
   */
  play(colour: Colour, vertex: number): void {
    if (vertex === PASS) {
      this.pass();
      return;
    }
    if (!this.isLegal(colour, vertex)) {
      throw new DataError(
        `${colourName(colour)} ${this.#nameOf(vertex)} is not legal: ${this.whyIllegal(colour, vertex)}`,
      );
    }
    this.playAt(colour, this.geometry.pointOf[vertex]!);
  }

  /** Why a move is not legal, in words; undefined where it is. */
  whyIllegal(colour: Colour, vertex: number): string | undefined {
    if (this.isLegal(colour, vertex)) return undefined;
    const point = this.geometry.pointOf[vertex];
    if (point === undefined) return `it is off the ${this.size}x${this.size} board`;
    if (this.colour[point] !== EMPTY) return "the point is occupied";
    return point === this.#state[KO] ? "it takes back a ko" : "it is suicide";
  }

  #nameOf(vertex: number): string {
    return vertex >= 0 && vertex < this.geometry.area ? vertexName(vertex, this.size) : String(vertex);
  }

  pass(): void {
    this.#reserve();
    this.#set(KO, 0);
    this.#set(TURN, this.#state[TURN]! + 1);
  }

  /** Plays a legal move at a point, which is not checked. */
  playAt(colour: Colour, point: number): void {
    this.#reserve();
    const turn = this.#state[TURN]! + 1;
    this.#set(TURN, turn);
    const captured = this.#place(colour, point, turn);
    const head = this.head[point]!;
    // Whoever took one stone with one stone that now has one liberty could be taken back at once.
    const ko = captured > 0 && this.stones[head] === 1 && this.liberties[head] === 1 ? captured : 0;
    this.#set(KO, ko);
    if (this.liberties[head] === 0) this.#remove(head);
  }

  /**
   * Puts a stone of a position that was not played.
   * @throws DataError where the point is taken or a chain would be left without liberties.
   */
  setUp(colour: Colour, vertex: number): void {
    const point = this.geometry.pointOf[vertex];
    const name = this.#nameOf(vertex);
    if (point === undefined) throw new DataError(`setup stone at ${name} is off the ${this.size}x${this.size} board`);
    if (this.colour[point] !== EMPTY) throw new DataError(`setup stone at ${name}: there is a stone already`);
    this.#reserve();
    const mark = this.mark();
    this.#set(KO, 0);
    if (this.#place(colour, point, SET_UP) !== 0 || this.liberties[this.head[point]!] === 0) {
      this.undoTo(mark);
      throw new DataError(`setup stone at ${name} leaves a chain without liberties`);
    }
  }

  // --- Taking back

  /** Where the journal stands: what `undoTo` takes. */
  mark(): number {
    return this.#top;
  }

  /** Takes back everything since `mark`. */
  undoTo(mark: number): void {
    const journal = this.#journal;
    const state = this.#state;
    let top = this.#top;
    while (top > mark) {
      top -= 2;
      state[journal[top]!] = journal[top + 1]!;
    }
    this.#top = top;
  }

  /** Empties the journal, for who never takes back: it grows with each move. */
  forget(): void {
    this.#top = 0;
  }

  // --- Asking

  /** Of a chain of one liberty, where that is. */
  onlyLiberty(head: number): number {
    return this.libertySum[head]!;
  }

  /** Of a chain of two liberties a < b, where the lower one is; the other is `libertySum[head]` less that. */
  lowerLiberty(head: number): number {
    // a + b = s and a^2 + b^2 = q give b - a = sqrt(2 q - s^2).
    const sum = this.libertySum[head]!;
    return (sum - Math.round(Math.sqrt(2 * this.libertySquares[head]! - sum * sum))) / 2;
  }

  /** Fills `to` with a chain's liberties and returns how many there are. */
  libertiesOf(head: number, to: Int32Array): number {
    const walk = ++this.#walk;
    const { stride } = this.geometry;
    let count = 0;
    let stone = head;
    do {
      for (let side = 0; side < 4; side++) {
        const p = stone + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
        if (this.colour[p] !== EMPTY || this.#seen[p] === walk) continue;
        this.#seen[p] = walk;
        to[count++] = p;
      }
      stone = this.next[stone]!;
    } while (stone !== head);
    return count;
  }

  /** The key of the position after a legal move. */
  keyAfter(colour: Colour, point: number): number {
    let low = this.#state[KEY_LOW]! ^ KEYS_LOW[2 * point + colour - 1]!;
    let high = this.#state[KEY_HIGH]! ^ KEYS_HIGH[2 * point + colour - 1]!;
    const enemy = 3 - colour;
    const count = this.#headsAround(point, enemy);
    let captures = false;
    for (let i = 0; i < count; i++) {
      const head = this.#heads[i]!;
      if (this.liberties[head] !== 1) continue;
      captures = true;
      let stone = head;
      do {
        low ^= KEYS_LOW[2 * stone + enemy - 1]!;
        high ^= KEYS_HIGH[2 * stone + enemy - 1]!;
        stone = this.next[stone]!;
      } while (stone !== head);
    }
    if (captures || !this.suicide) return joinKey(low, high);
    const mark = this.mark();
    this.playAt(colour, point);
    const { key } = this;
    this.undoTo(mark);
    return key;
  }

  // --- Inside

  #set(address: number, value: number): void {
    const journal = this.#journal;
    journal[this.#top] = address;
    journal[this.#top + 1] = this.#state[address]!;
    this.#top += 2;
    this.#state[address] = value;
  }

  /** Makes room for all that one move can write: at most 20 numbers for each stone. */
  #reserve(): void {
    const needed = this.#top + 40 * this.geometry.points;
    if (needed <= this.#journal.length) return;
    const larger = new Int32Array(2 * needed);
    larger.set(this.#journal.subarray(0, this.#top));
    this.#journal = larger;
  }

  /** The heads of the different chains of a colour around a point, into `#heads`. */
  #headsAround(point: number, colour: number): number {
    const { stride } = this.geometry;
    const heads = this.#heads;
    let count = 0;
    for (let side = 0; side < 4; side++) {
      const p = point + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
      if (this.colour[p] !== colour) continue;
      const head = this.head[p]!;
      if ((count > 0 && heads[0] === head) || (count > 1 && heads[1] === head) || (count > 2 && heads[2] === head))
        continue;
      heads[count++] = head;
    }
    return count;
  }

  #addLiberty(head: number, point: number, times: 1 | -1): void {
    const { points } = this.geometry;
    const address = SCALARS + 4 * points + head;
    this.#set(address, this.liberties[head]! + times);
    this.#set(address + points, this.libertySum[head]! + times * point);
    this.#set(address + 2 * points, this.libertySquares[head]! + times * point * point);
  }

  #flip(point: number, colour: number): void {
    this.#set(KEY_LOW, this.#state[KEY_LOW]! ^ KEYS_LOW[2 * point + colour - 1]!);
    this.#set(KEY_HIGH, this.#state[KEY_HIGH]! ^ KEYS_HIGH[2 * point + colour - 1]!);
  }

  /**
   * Puts a stone, joins it with its friends and takes enemies without liberties. Gives the point of a single stone
   * taken, -1 for more, else 0.
   */
  #place(colour: Colour, point: number, turn: number): number {
    const { points, stride } = this.geometry;
    this.#set(SCALARS + point, colour);
    this.#set(SCALARS + points + point, point);
    this.#set(SCALARS + 2 * points + point, point);
    this.#set(SCALARS + 3 * points + point, 1);
    this.#set(SCALARS + 4 * points + point, 0);
    this.#set(SCALARS + 5 * points + point, 0);
    this.#set(SCALARS + 6 * points + point, 0);
    this.#set(SCALARS + 7 * points + point, turn);
    this.#flip(point, colour);
    if (this.colour[point - 1] === EMPTY) this.#addLiberty(point, point - 1, 1);
    if (this.colour[point + 1] === EMPTY) this.#addLiberty(point, point + 1, 1);
    if (this.colour[point - stride] === EMPTY) this.#addLiberty(point, point - stride, 1);
    if (this.colour[point + stride] === EMPTY) this.#addLiberty(point, point + stride, 1);

    let count = this.#headsAround(point, colour);
    // The new stone is its own head, and is not around itself.
    for (let i = 0; i < count; i++) this.#addLiberty(this.#heads[i]!, point, -1);
    let chain = point;
    for (let i = 0; i < count; i++) chain = this.#join(chain, this.#heads[i]!);

    count = this.#headsAround(point, 3 - colour);
    for (let i = 0; i < count; i++) this.#addLiberty(this.#heads[i]!, point, -1);
    let taken = 0;
    for (let i = 0; i < count; i++) {
      const head = this.#heads[i]!;
      if (this.liberties[head] !== 0) continue;
      taken = taken === 0 && this.stones[head] === 1 ? head : -1;
      this.#remove(head);
      // #remove looks around other points.
      count = this.#headsAround(point, 3 - colour);
      i = -1;
    }
    return taken;
  }

  /** Joins two chains; gives the head of the larger, which names both. */
  #join(a: number, b: number): number {
    const { points, stride } = this.geometry;
    const large = this.stones[a]! >= this.stones[b]! ? a : b;
    const small = large === a ? b : a;
    const walk = ++this.#walk;
    let stone = small;
    do {
      for (let side = 0; side < 4; side++) {
        const p = stone + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
        if (this.colour[p] !== EMPTY || this.#seen[p] === walk) continue;
        this.#seen[p] = walk;
        if (!this.touches(p, large)) this.#addLiberty(large, p, 1);
      }
      stone = this.next[stone]!;
    } while (stone !== small);
    do {
      this.#set(SCALARS + points + stone, large);
      stone = this.next[stone]!;
    } while (stone !== small);
    this.#set(SCALARS + 3 * points + large, this.stones[large]! + this.stones[small]!);
    const after = this.next[large]!;
    this.#set(SCALARS + 2 * points + large, this.next[small]!);
    this.#set(SCALARS + 2 * points + small, after);
    return large;
  }

  /** Whether a point lies beside a chain. */
  touches(point: number, head: number): boolean {
    const { stride } = this.geometry;
    const { colour, head: heads } = this;
    // Empty points keep the head of the last stone that stood there.
    const own = colour[head]!;
    return (
      (heads[point - 1] === head && colour[point - 1] === own) ||
      (heads[point + 1] === head && colour[point + 1] === own) ||
      (heads[point - stride] === head && colour[point - stride] === own) ||
      (heads[point + stride] === head && colour[point + stride] === own)
    );
  }

  /** Takes a chain off; its neighbours breathe. */
  #remove(head: number): void {
    const { stride } = this.geometry;
    const colour = this.colour[head] as Colour;
    this.#set(CAPTURED + colour - 1, this.#state[CAPTURED + colour - 1]! + this.stones[head]!);
    let stone = head;
    do {
      this.#set(SCALARS + stone, EMPTY);
      this.#flip(stone, colour);
      stone = this.next[stone]!;
    } while (stone !== head);
    do {
      for (let side = 0; side < 4; side++) {
        const p = stone + (side === 0 ? -1 : side === 1 ? 1 : side === 2 ? -stride : stride);
        const found = this.colour[p]!;
        if (found === EMPTY || found === BORDER) continue;
        const neighbour = this.head[p]!;
        // Once for each chain: for the first of the four sides that it stands on.
        let first = true;
        for (let before = 0; before < side; before++) {
          const q = stone + (before === 0 ? -1 : before === 1 ? 1 : -stride);
          const other = this.colour[q]!;
          if (other !== EMPTY && other !== BORDER && this.head[q] === neighbour) first = false;
        }
        if (first) this.#addLiberty(neighbour, stone, 1);
      }
      stone = this.next[stone]!;
    } while (stone !== head);
  }
}
