/**
 * What a kernel does when it holds more values at once than its target has registers: some wait in the frame. An int or
 * a pointer is worked on there as it is, since every instruction takes those from memory. A vector or a mask is stored
 * behind each assignment and loaded in front of each read, into a register of that one instruction; a constant is made
 * anew instead.
 *
 * At the widest place go those that are read and written least often, as counted by the loops around. Every turn moves
 * out values that the instruction at that place does not touch, so it narrows there, and there are always such: an
 * instruction has three arguments, a result and two temporaries at most.
 */
import { FILES, type RegisterFile, type RegisterModel, type Requests } from "../allocate.js";
import { type Instr, type Kernel, PTR, type Reg, writes } from "../ir.js";
import type { Loop } from "../liveness.js";
import type { Selection } from "./select.js";

/** Eight bytes each. */
const SLOTS_OF_A_VECTOR = 8;

/** How much more an instruction counts for each loop around it. */
const TRIPS = 8;

/** The pointer of loads and stores of what waits in the frame; their offsets count from its first byte. */
export function framePointer(kernel: Kernel): Reg {
  return { id: kernel.registerCount + 1, type: PTR, name: "frame", mutable: false, inFrame: false };
}

/** What waits in the frame, and the code that it takes. */
export interface Spilled {
  readonly selection: Selection;
  readonly ints: ReadonlySet<number>;
  /** Frame slots of vectors and masks; those of ints come behind them. */
  readonly slots: number;
}

/** `planOf` gives what the allocator would see of a selection whose ints in the set are in the frame. */
export function spill(
  kernel: Kernel,
  selection: Selection,
  planOf: (selection: Selection, ints: ReadonlySet<number>) => { requests: Requests; model: RegisterModel },
): Spilled {
  const weights = weightsOf(selection);
  const first = kernel.registerCount + 2; // behind the operand table and the frame: the registers of single instructions
  const ints = new Set<number>();
  const vectors = new Map<number, number>();
  for (;;) {
    const result = new Rewriter(selection, vectors, framePointer(kernel), first).selection();
    const { requests, model } = planOf(result, ints);
    const files = FILES.filter((file) => requests.widest[file].count > model.files[file].length);
    if (files.length === 0) {
      const slots = SLOTS_OF_A_VECTOR * vectors.size;
      return { selection: result, ints, slots };
    }
    for (const file of files) {
      for (const { id } of victims(file, requests, model, result, weights, first)) {
        if (file === "int") ints.add(id);
        else vectors.set(id, vectors.size);
      }
    }
  }
}

/** Who leaves its register at the widest place: as many as are too many there. */
function victims(
  file: RegisterFile,
  requests: Requests,
  model: RegisterModel,
  selection: Selection,
  weights: ReadonlyMap<number, number>,
  first: number,
): Reg[] {
  const { position, count } = requests.widest[file];
  const here = requests.live.order[position >> 1];
  const touched = here === undefined || file === "int" ? [] : [...selection.reads(here), writes(here)];
  const weight = (reg: Reg) => weights.get(reg.id) ?? 0;
  return requests.byFile[file]
    .filter(({ start, end }) => start <= position && position <= end)
    .flatMap(({ reg }) => reg ?? [])
    .filter((reg) => reg.id < first && !touched.some((other) => other?.id === reg.id))
    .sort((a, b) => weight(a) - weight(b) || a.id - b.id)
    .slice(0, count - model.files[file].length);
}

/** By register id: how often it is read and assigned. */
function weightsOf(selection: Selection): Map<number, number> {
  const weights = new Map<number, number>();
  const walk = (block: readonly Instr[], weight: number): void => {
    const count = (reg: Reg) => weights.set(reg.id, (weights.get(reg.id) ?? 0) + weight);
    for (const i of block) {
      for (const reg of selection.reads(i)) count(reg);
      const dst = writes(i);
      if (dst !== undefined) count(dst);
      if (i.op === "loop") {
        count(i.index);
        walk(i.body, weight * TRIPS);
      } else if (i.op === "if") {
        walk(i.body, weight);
        walk(i.otherwise, weight);
      }
    }
  };
  walk(selection.body, 1);
  return weights;
}

/** Writes a selection with loads and stores around what touches spilled vectors and masks. */
class Rewriter {
  #next: number;
  readonly #from: Selection;
  readonly #vectors: ReadonlyMap<number, number>;
  readonly #frame: Reg;
  readonly #reads = new Map<Instr, readonly Reg[]>();
  /** The loop that a rewritten one was made of. */
  readonly #loops = new Map<Loop, Loop>();
  /** What makes a spilled constant, by its register. */
  readonly #constants = new Map<number, Instr>();

  constructor(from: Selection, vectors: ReadonlyMap<number, number>, frame: Reg, first: number) {
    this.#from = from;
    this.#vectors = vectors;
    this.#frame = frame;
    this.#next = first;
  }

  selection(): Selection {
    if (this.#vectors.size === 0) return this.#from;
    const from = this.#from;
    const original = (loop: Loop) => this.#loops.get(loop) ?? loop;
    return {
      body: this.#block(from.body),
      folded: from.folded,
      reads: (i) => this.#reads.get(i) ?? from.reads(i),
      isInnermost: (loop) => from.isInnermost(original(loop)),
      countsOnly: (loop) => from.countsOnly(original(loop)),
      copiesBound: (loop) => from.copiesBound(original(loop)),
    };
  }

  #block(block: readonly Instr[]): Instr[] {
    const out: Instr[] = [];
    for (const i of block) {
      if (i.op === "loop") {
        const loop = { ...i, body: this.#block(i.body) };
        this.#loops.set(loop, i);
        out.push(loop);
      } else if (i.op === "if") {
        out.push({ ...i, body: this.#block(i.body), otherwise: this.#block(i.otherwise) });
      } else this.#write(i, out);
    }
    return out;
  }

  #write(i: Instr, out: Instr[]): void {
    const own = new Map<number, Reg>(); // this instruction's registers for what it reads
    for (const reg of this.#from.reads(i)) {
      if (!this.#vectors.has(reg.id) || own.has(reg.id)) continue;
      const copy = this.#copyOf(reg);
      own.set(reg.id, copy);
      const constant = this.#constants.get(reg.id);
      if (constant !== undefined) out.push({ ...constant, dst: copy } as Instr);
      else this.#push(out, { op: "load", dst: copy, at: this.#place(reg) }, []);
    }
    const dst = writes(i);
    const isSpilled = dst !== undefined && this.#vectors.has(dst.id);
    if (own.size === 0 && !isSpilled) {
      out.push(i);
      return;
    }
    if (isSpilled && !dst.mutable && (i.op === "splat" || i.op === "iota")) {
      this.#constants.set(dst.id, i);
      return;
    }
    const result = isSpilled ? this.#copyOf(dst) : dst;
    const reads = this.#from.reads(i).map((reg) => own.get(reg.id) ?? reg);
    this.#push(out, withRegisters(i, own, result), reads);
    if (isSpilled) this.#push(out, { op: "store", src: result!, at: this.#place(dst) }, [result!]);
  }

  #push(out: Instr[], i: Instr, reads: readonly Reg[]): void {
    this.#reads.set(i, reads);
    out.push(i);
  }
  #copyOf(reg: Reg): Reg {
    return { ...reg, id: this.#next++, mutable: false };
  }
  #place(reg: Reg) {
    return { ptr: this.#frame, offset: 8 * SLOTS_OF_A_VECTOR * this.#vectors.get(reg.id)! };
  }
}

/** Where an instruction names the vectors and masks that it reads. */
const ARGUMENTS = ["src", "a", "b", "c", "mask"] as const;

function withRegisters(i: Instr, own: ReadonlyMap<number, Reg>, dst: Reg | undefined): Instr {
  const fields: Record<string, unknown> = { ...i };
  for (const field of ARGUMENTS) {
    const reg = fields[field] as Reg | number | undefined;
    if (typeof reg === "object") fields[field] = own.get(reg.id) ?? reg;
  }
  delete fields["reads"];
  if (dst !== undefined) fields["dst"] = dst;
  return fields as unknown as Instr;
}
