/**
 * The persistent store of a session: each state has one place for all programs, found by its name. A program's own
 * offsets in region "store" are translated here.
 *
 * A state may be *lent*: whoever has its numbers gives them whenever they are asked for. The store then takes them when
 * a program reads them, and where only `prepare` does, gives their pages back once they are packed.
 */

import { BackendError } from "../../../base/errors.js";
import { align } from "../../../compiler/memory.js";
import type { Place, Program, Step, StoredState } from "../../../compiler/program.js";
import { shapeText } from "../../../graph/shape.js";
import type { Layout } from "../../../kernels/contract/layout.js";
import type { Backend, OperandMemory, Segment } from "../backends/backend.js";
import { type Numbers, pack, unpack, viewOf } from "./copy.js";

export interface State {
  readonly name: string;
  readonly kind: StoredState["kind"];
  readonly layout: Layout;
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: number;
  /** The session's clock when it was last written. */
  writtenAt: number;
  /** Gives the numbers, row-major, where they were lent. */
  source: (() => Numbers) | undefined;
  /** Whether the store holds them. */
  isPresent: boolean;
}

/** Smaller states stay: little is gained by less than a few pages. */
const LEAST_GIVEN_BACK = 2 ** 16;

/** Which states a program only reads in `prepare`, of those worth giving back: by name. */
export function preparedOnly(program: Program): Set<string> {
  const kept = new Set([...program.writes, ...statesOf(program, program.steps)]);
  const large = program.states.filter(({ place }) => place.bytes >= LEAST_GIVEN_BACK);
  return new Set(large.map(({ name }) => name).filter((name) => !kept.has(name)));
}

/** The names of the states that steps read or write. */
export function statesOf(program: Program, steps: readonly Step[]): Set<string> {
  const owners = [...program.states].sort((a, b) => a.place.offset - b.place.offset);
  const names = new Set<string>();
  for (const { operands } of steps) {
    for (const place of operands) {
      if (place.region !== "store") continue;
      // The last that begins at or before it.
      let [low, high] = [0, owners.length - 1];
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (owners[middle]!.place.offset <= place.offset) low = middle;
        else high = middle - 1;
      }
      const owner = owners[low];
      if (owner !== undefined) names.add(owner.name);
    }
  }
  return names;
}

export class StateStore {
  readonly #states = new Map<string, State>();

  get(name: string): State | undefined {
    return this.#states.get(name);
  }

  list(): State[] {
    return [...this.#states.values()];
  }

  /** Forgets all, whose memory the backend gives back. */
  clear(): void {
    this.#states.clear();
  }

  get bytes(): number {
    return this.list().reduce((sum, state) => sum + align(state.bytes), 0);
  }

  /** Whether the store may lack the numbers of a state. */
  #lacks = false;

  /** A copy of a state's numbers, row-major. */
  read(state: State): Numbers {
    return state.isPresent ? unpack(memoryOf(state), state.layout, 1) : state.source!().slice();
  }

  /** Only while nothing runs that reads it. */
  write(state: State, data: Numbers | readonly number[]): void {
    pack(memoryOf(state), state.layout, data, 1, `state "${state.name}"`);
    state.source = undefined;
    state.isPresent = true;
  }

  /** Numbers that can be had again at any time; they are taken when they are needed. */
  lend(state: State, source: () => Numbers): void {
    state.source = source;
    state.isPresent = false;
    this.#lacks = true;
  }

  /** Takes what is missing of these states. */
  supply(states: Iterable<State>): void {
    if (!this.#lacks) return;
    for (const state of states) {
      if (state.isPresent) continue;
      pack(memoryOf(state), state.layout, state.source!(), 1, `state "${state.name}"`);
      state.isPresent = true;
    }
  }

  /**
   * Gives the memory of lent states back to the system, but for those that programs keep reading. Only while nothing
   * runs.
   */
  giveBack(kept: ReadonlySet<State>, backend: Backend): void {
    if (backend.discard === undefined) return;
    // Neighbours go together, since they share pages.
    let run: { readonly segment: Segment; readonly from: number; to: number } | undefined;
    const end = () => run && backend.discard?.(run.segment, run.from, run.to - run.from);
    for (const state of this.list()) {
      if (!state.isPresent || !isGivenBack(state, kept)) continue;
      const { segment, offset } = state;
      if (run?.segment !== segment || run.to !== offset) {
        end();
        run = { segment, from: offset, to: offset };
      }
      run.to = offset + align(state.bytes);
      state.isPresent = false;
      this.#lacks = true;
    }
    end();
  }

  /**
   * Bytes that this program's states need beyond those already there. Throws where a state is known with another
   * layout.
   */
  missingBytes(program: Program): number {
    let bytes = 0;
    for (const wanted of program.states) {
      const known = this.#states.get(wanted.name);
      if (known === undefined) bytes += align(wanted.place.bytes);
      else agree(program, wanted, known);
    }
    return bytes;
  }

  /** Gives a zero-filled place to every state that is new, one after the other. Returns what undoes it. */
  add(program: Program, backend: Backend): () => void {
    const bytes = this.missingBytes(program);
    if (bytes === 0) return () => {};
    const segment = backend.allocate(bytes);
    const added: string[] = [];
    let offset = 0;
    const fresh = { writtenAt: 0, source: undefined, isPresent: true };
    for (const { name, kind, layout, place } of program.states) {
      if (this.#states.has(name)) continue;
      this.#states.set(name, { name, kind, layout, segment, offset, bytes: place.bytes, ...fresh });
      added.push(name);
      offset += align(place.bytes);
    }
    return () => {
      for (const name of added) this.#states.delete(name);
      backend.free(segment);
    };
  }

  /** The state that a place of region "store" belongs to, and the memory there. */
  resolve(program: Program, place: Place): { state: State; memory: OperandMemory } {
    const owner = program.states.find(
      (s) => place.offset >= s.place.offset && place.offset + place.bytes <= s.place.offset + align(s.place.bytes),
    );
    const state = owner && this.#states.get(owner.name);
    if (owner === undefined || state === undefined)
      throw new BackendError(
        `program "${program.name}": "${place.label}" at ${place.offset} of store lies in no one state; each state has a place of its own`,
      );
    const inside = place.offset - owner.place.offset;
    return { state, memory: { segment: state.segment, offset: state.offset + inside, bytes: place.bytes } };
  }
}

/** Whether a state's memory is given back between runs. */
export function isGivenBack(state: State, kept: ReadonlySet<State>): boolean {
  return state.source !== undefined && state.bytes >= LEAST_GIVEN_BACK && !kept.has(state);
}

function memoryOf({ segment, offset, bytes, layout }: State): Numbers {
  return viewOf(segment, offset, bytes, layout);
}

function agree(program: Program, wanted: StoredState, known: State): void {
  const a = wanted.layout;
  const b = known.layout;
  const same =
    a.dtype === b.dtype &&
    shapeText(a) === shapeText(b) &&
    a.channelStride === b.channelStride &&
    a.sampleStride === b.sampleStride &&
    align(wanted.place.bytes) === align(known.bytes);
  if (!same)
    throw new BackendError(
      `program "${program.name}": state "${wanted.name}" is ${a.dtype} ${shapeText(a)} (${wanted.place.bytes} bytes), but an earlier ` +
        `program of this device has it as ${b.dtype} ${shapeText(b)} (${known.bytes} bytes); give one of them another name, or open a device for each`,
    );
}
