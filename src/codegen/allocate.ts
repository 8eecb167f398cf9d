/**
 * Register allocation by linear scan (Poletto and Sarkar, 1999) over the intervals of `liveness.ts`. Intervals are
 * single ranges, so the scan needs exactly as many registers as are alive at the widest point. An encoder asks `fits`
 * first and moves values to the frame until that is so.
 */
import { KernelError } from "../base/errors.js";
import type { Instr, Kernel, Reg } from "./ir.js";
import { type Interval, type Liveness, liveness, type ReadModel } from "./liveness.js";

export type RegisterFile = "int" | "vector" | "mask";

/** What an encoder tells the allocator about its machine and its selection of instructions. */
export interface RegisterModel extends ReadModel {
  /** Register numbers of each file, in the order in which to take them. */
  readonly files: Readonly<Record<RegisterFile, readonly number[]>>;
  fileOf(reg: Reg): RegisterFile | "frame";
  /** How many vector registers the instruction needs for itself, beside its arguments and its result. */
  temporaries(i: Instr): number;
  /** Registers whose place the result would like to take, best first. */
  preferences(i: Instr): readonly Reg[];
  /** Where the arguments lie at entry, by register id. */
  readonly fixed: ReadonlyMap<number, number>;
}

export interface Allocation {
  /** The register number that holds `reg`, which must not be in the frame. */
  place(reg: Reg): number;
  /** The frame slot of `reg`, or undefined where it is in a register. */
  slot(reg: Reg): number | undefined;
  readonly slots: number;
  /** The vector registers that the instruction has for itself. */
  temporaries(i: Instr): readonly number[];
  readonly used: Readonly<Record<RegisterFile, ReadonlySet<number>>>;
}

export type Pressure = Readonly<Record<RegisterFile, number>>;

interface Request {
  readonly file: RegisterFile;
  readonly start: number;
  readonly end: number;
  readonly reg?: Reg;
  readonly temporaryOf?: Instr;
}

/** What the scan needs to know of a body: made once, asked whether it fits, and allocated. */
export interface Requests {
  readonly live: Liveness;
  readonly byFile: Readonly<Record<RegisterFile, readonly Request[]>>;
  readonly widest: Readonly<Record<RegisterFile, Width>>;
}

interface Width {
  readonly count: number;
  readonly position: number;
}

/** Of a file of any machine. */
const MOST_REGISTERS = 32;
const NOWHERE = -1;

export const FILES: readonly RegisterFile[] = ["int", "vector", "mask"];

export function requestsOf(body: readonly Instr[], model: RegisterModel): Requests {
  const live = liveness(body, model);
  const byFile: Record<RegisterFile, Request[]> = { int: [], vector: [], mask: [] };
  for (const { reg, start, end } of live.intervals) {
    const file = model.fileOf(reg);
    if (file !== "frame") byFile[file].push({ file, start, end, reg });
  }
  for (let n = 0; n < live.order.length; n++) {
    const i = live.order[n]!;
    for (let k = model.temporaries(i); k > 0; k--)
      byFile.vector.push({ file: "vector", start: 2 * n, end: 2 * n + 1, temporaryOf: i });
  }
  const positions = 2 * live.order.length + 2;
  const width = (file: RegisterFile) => widest(byFile[file], positions);
  return { live, byFile, widest: { int: width("int"), vector: width("vector"), mask: width("mask") } };
}

/** Whether there are enough registers at the widest point of each file. */
export function fits({ widest }: Requests, model: RegisterModel): boolean {
  return FILES.every((file) => widest[file].count <= model.files[file].length);
}

/** `taken`: the frame's first slots, which something else lies in. @throws KernelError where `fits` says no. */
export function allocate(kernel: Kernel, requests: Requests, model: RegisterModel, taken = 0): Allocation {
  const { live } = requests;
  refuseOverflow(kernel, requests, model);

  const ids = live.intervals.reduce((most, { reg }) => Math.max(most, reg.id + 1), 0);
  const places = new Int32Array(ids).fill(NOWHERE); // by register id
  const temporaries = new Map<Instr, number[]>();
  const used = { int: new Set<number>(), vector: new Set<number>(), mask: new Set<number>() };
  for (const file of FILES) {
    const inOrder = [...requests.byFile[file]].sort((a, b) => a.start - b.start || a.end - b.end);
    const scan = new Scan(model.files[file]);
    for (const request of inOrder) {
      scan.expire(request.start);
      const register = choose(request, scan.free, places, live, model);
      scan.take(register, request.end);
      used[file].add(register);
      if (request.reg) places[request.reg.id] = register;
      else if (request.temporaryOf) {
        const known = temporaries.get(request.temporaryOf);
        if (known === undefined) temporaries.set(request.temporaryOf, [register]);
        else known.push(register);
      }
    }
  }

  const slots: (number | undefined)[] = []; // by register id
  let slotCount = taken;
  for (const { reg } of live.intervals) if (model.fileOf(reg) === "frame") slots[reg.id] = slotCount++;
  return {
    place: (reg) => {
      const place = places[reg.id];
      if (place === undefined || place === NOWHERE)
        throw new KernelError(`kernel "${kernel.name}": register "${reg.name}" has no place`);
      return place;
    },
    slot: (reg) => slots[reg.id],
    slots: slotCount,
    temporaries: (i) => temporaries.get(i) ?? [],
    used,
  };
}

/** How many registers of each file are alive at the widest point. */
export function pressureOf({ widest }: Requests): Pressure {
  return { int: widest.int.count, vector: widest.vector.count, mask: widest.mask.count };
}

/** The registers of one file while the scan goes by: which are free, and until when the others are taken. */
class Scan {
  /** By register number: 1 where it is free. */
  readonly free = new Uint8Array(MOST_REGISTERS);
  readonly #taken: number[] = [];
  readonly #until = new Int32Array(MOST_REGISTERS);

  constructor(registers: readonly number[]) {
    for (const register of registers) this.free[register] = 1;
  }
  /** Frees what is not read at `position` or later. */
  expire(position: number): void {
    const taken = this.#taken;
    let kept = 0;
    for (let n = 0; n < taken.length; n++) {
      const register = taken[n]!;
      if (this.#until[register]! >= position) taken[kept++] = register;
      else this.free[register] = 1;
    }
    taken.length = kept;
  }
  take(register: number, until: number): void {
    this.free[register] = 0;
    this.#until[register] = until;
    this.#taken.push(register);
  }
}

function choose(request: Request, free: Uint8Array, places: Int32Array, live: Liveness, model: RegisterModel): number {
  if (request.reg) {
    const fixed = model.fixed.get(request.reg.id);
    if (fixed !== undefined && free[fixed] === 1) return fixed;
    const writer = live.order[request.start >> 1];
    if (writer && request.start >= 0)
      for (const wish of model.preferences(writer)) {
        const place = places[wish.id];
        if (place !== undefined && place !== NOWHERE && free[place] === 1 && model.fileOf(wish) === request.file)
          return place;
      }
  }
  for (const register of model.files[request.file]) if (free[register] === 1) return register;
  throw new KernelError("register allocation: no register is free, though the count said so");
}

/** The first position at which the most are alive; `positions` is more than any. Counts the changes from -1 upward. */
function widest(requests: readonly Request[], positions: number): Width {
  const changes = new Int32Array(positions + 2);
  for (const { start, end } of requests) {
    changes[start + 1]!++;
    changes[end + 2]!--;
  }
  let now = 0;
  let count = 0;
  let position = 0;
  for (let p = 0; p < changes.length; p++) {
    now += changes[p]!;
    if (now > count) {
      count = now;
      position = p - 1;
    }
  }
  return { count, position };
}

/** An encoder's fault: it is to move values to the frame first. */
function refuseOverflow(kernel: Kernel, { live, widest }: Requests, model: RegisterModel): void {
  for (const file of FILES) {
    const available = model.files[file].length;
    const { count, position } = widest[file];
    if (count <= available) continue;
    const names = aliveAt(live.intervals, model, file, position);
    const where = live.order[Math.max(position, 0) >> 1];
    throw new KernelError(
      `kernel "${kernel.name}": needs ${count} ${file} registers at once, but ${kernel.target.name} has ${available}; ` +
        `widest at instruction ${position >> 1} (${where?.op ?? "entry"}), where ${names} are alive`,
    );
  }
}

function aliveAt(intervals: readonly Interval[], model: RegisterModel, file: RegisterFile, position: number): string {
  const names = new Map<string, number>();
  for (const { reg, start, end } of intervals)
    if (model.fileOf(reg) === file && start <= position && position <= end)
      names.set(reg.name, (names.get(reg.name) ?? 0) + 1);
  return [...names].map(([name, n]) => (n > 1 ? `${n} ${name}` : name)).join(", ");
}
