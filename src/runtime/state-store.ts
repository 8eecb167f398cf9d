/**
 * The persistent store of a session: each state has one place for all programs, found by its name. A program's own
 * offsets in region "store" are translated here.
 */
import type { Place, Program, StoredState } from "../compile/program.js";
import { BackendError } from "../errors.js";
import { shapeText } from "../graph/value.js";
import type { Layout } from "../kernels/layout.js";
import type { Backend, OperandMemory, Segment } from "./backend.js";

export interface State {
  readonly name: string;
  readonly kind: StoredState["kind"];
  readonly layout: Layout;
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: number;
  /** The session's clock when it was last written. */
  writtenAt: number;
}

const round64 = (bytes: number) => Math.ceil(bytes / 64) * 64;

export class StateStore {
  readonly #states = new Map<string, State>();

  get(name: string): State | undefined {
    return this.#states.get(name);
  }

  list(): State[] {
    return [...this.#states.values()];
  }

  get bytes(): number {
    return this.list().reduce((sum, state) => sum + round64(state.bytes), 0);
  }

  /** Bytes that this program's states need beyond those already there. Throws where a state is known with another layout. */
  missingBytes(program: Program): number {
    let bytes = 0;
    for (const wanted of program.states) {
      const known = this.#states.get(wanted.name);
      if (known === undefined) bytes += round64(wanted.place.bytes);
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
    for (const { name, kind, layout, place } of program.states) {
      if (this.#states.has(name)) continue;
      this.#states.set(name, { name, kind, layout, segment, offset, bytes: place.bytes, writtenAt: 0 });
      added.push(name);
      offset += round64(place.bytes);
    }
    return () => {
      for (const name of added) this.#states.delete(name);
      backend.free(segment);
    };
  }

  /** The state that a place of region "store" belongs to, and the memory there. */
  resolve(program: Program, place: Place): { state: State; memory: OperandMemory } {
    const owner = program.states.find(
      (s) => place.offset >= s.place.offset && place.offset + place.bytes <= s.place.offset + round64(s.place.bytes),
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

function agree(program: Program, wanted: StoredState, known: State): void {
  const a = wanted.layout;
  const b = known.layout;
  const same =
    a.dtype === b.dtype &&
    shapeText(a) === shapeText(b) &&
    a.channelStride === b.channelStride &&
    a.sampleStride === b.sampleStride &&
    round64(wanted.place.bytes) === round64(known.bytes);
  if (!same)
    throw new BackendError(
      `program "${program.name}": state "${wanted.name}" is ${a.dtype} ${shapeText(a)} (${wanted.place.bytes} bytes), but an earlier ` +
        `program of this session has it as ${b.dtype} ${shapeText(b)} (${known.bytes} bytes); use a session of its own`,
    );
}
