/**
 * Register allocation by linear scan (Poletto and Sarkar, 1999) over the intervals of `liveness.ts`, without spills: a
 * kernel that does not fit is refused, with the place where it is widest. Intervals are single ranges, so the scan needs
 * exactly as many registers as are alive at the widest point.
 */
import { KernelError } from "../errors.js";
import type { Instr, Kernel, Reg } from "./ir.js";
import { type Interval, type Liveness, liveness, type ReadModel } from "./liveness.js";

export type RegisterFile = "int" | "vector" | "mask";

/** What an encoder tells the allocator about its machine and its selection of instructions. */
export interface RegisterModel extends ReadModel {
  /** Register numbers of each file, in the order in which to take them. */
  readonly files: Readonly<Record<RegisterFile, readonly number[]>>;
  fileOf(reg: Reg): RegisterFile | "frame";
  /** Registers that the instruction needs for itself, beside its arguments and its result. */
  temporaries(i: Instr): Partial<Readonly<Record<RegisterFile, number>>>;
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
  temporaries(i: Instr, file: RegisterFile): readonly number[];
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

export function allocate(kernel: Kernel, body: readonly Instr[], model: RegisterModel): Allocation {
  const live = liveness(body, model);
  const requests = collect(live, model);
  refuseOverflow(kernel, live, requests, model);

  const places = new Map<number, number>();
  const temporaries = new Map<Instr, Record<RegisterFile, number[]>>();
  const used = { int: new Set<number>(), vector: new Set<number>(), mask: new Set<number>() };
  for (const file of FILES) {
    const free = new Set(model.files[file]);
    let active: { end: number; register: number }[] = [];
    for (const request of requests.filter((r) => r.file === file).sort((a, b) => a.start - b.start || a.end - b.end)) {
      active = active.filter((a) => {
        if (a.end >= request.start) return true;
        free.add(a.register);
        return false;
      });
      const register = choose(request, free, places, live, model);
      free.delete(register);
      used[file].add(register);
      active.push({ end: request.end, register });
      if (request.reg) places.set(request.reg.id, register);
      else if (request.temporaryOf) {
        const known = temporaries.get(request.temporaryOf) ?? { int: [], vector: [], mask: [] };
        known[file].push(register);
        temporaries.set(request.temporaryOf, known);
      }
    }
  }

  const slots = new Map<number, number>();
  for (const { reg } of live.intervals) if (model.fileOf(reg) === "frame") slots.set(reg.id, slots.size);
  return {
    place: (reg) => {
      const place = places.get(reg.id);
      if (place === undefined) throw new KernelError(`kernel "${kernel.name}": register "${reg.name}" has no place`);
      return place;
    },
    slot: (reg) => slots.get(reg.id),
    slots: slots.size,
    temporaries: (i, file) => temporaries.get(i)?.[file] ?? [],
    used,
  };
}

/** How many registers of each file are alive at the widest point. */
export function pressureOf(body: readonly Instr[], model: RegisterModel): Pressure {
  const requests = collect(liveness(body, model), model);
  return {
    int: widest(requests, "int").count,
    vector: widest(requests, "vector").count,
    mask: widest(requests, "mask").count,
  };
}

export const FILES: readonly RegisterFile[] = ["int", "vector", "mask"];

function collect(live: Liveness, model: RegisterModel): Request[] {
  const requests: Request[] = [];
  for (const { reg, start, end } of live.intervals) {
    const file = model.fileOf(reg);
    if (file !== "frame") requests.push({ file, start, end, reg });
  }
  for (const [i, n] of live.numberOf)
    for (const [file, count] of Object.entries(model.temporaries(i)) as [RegisterFile, number][])
      for (let k = 0; k < count; k++) requests.push({ file, start: 2 * n, end: 2 * n + 1, temporaryOf: i });
  return requests;
}

function choose(
  request: Request,
  free: ReadonlySet<number>,
  places: ReadonlyMap<number, number>,
  live: Liveness,
  model: RegisterModel,
): number {
  if (request.reg) {
    const fixed = model.fixed.get(request.reg.id);
    if (fixed !== undefined && free.has(fixed)) return fixed;
    const writer = live.order[request.start >> 1];
    if (writer && request.start >= 0)
      for (const wish of model.preferences(writer)) {
        const place = places.get(wish.id);
        if (place !== undefined && free.has(place) && model.fileOf(wish) === request.file) return place;
      }
  }
  for (const register of model.files[request.file]) if (free.has(register)) return register;
  throw new KernelError("register allocation: no register is free, though the count said so");
}

function widest(requests: readonly Request[], file: RegisterFile): { count: number; position: number } {
  const changes: [position: number, change: number][] = [];
  for (const r of requests) if (r.file === file) changes.push([r.start, 1], [r.end + 1, -1]);
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let now = 0;
  let most = { count: 0, position: 0 };
  for (const [position, change] of changes) {
    now += change;
    if (now > most.count) most = { count: now, position };
  }
  return most;
}

function refuseOverflow(kernel: Kernel, live: Liveness, requests: readonly Request[], model: RegisterModel): void {
  for (const file of FILES) {
    const available = model.files[file].length;
    const { count, position } = widest(requests, file);
    if (count <= available) continue;
    const names = aliveAt(live.intervals, model, file, position);
    const where = live.order[Math.max(position, 0) >> 1];
    throw new KernelError(
      `kernel "${kernel.name}": needs ${count} ${file} registers at once, but ${kernel.target.name} has ${available}; ` +
        `widest at instruction ${position >> 1} (${where?.op ?? "entry"}), where ${names} are alive: ` +
        (file === "int" ? "keep cold ones in the frame or hold fewer" : "choose a smaller tile"),
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
