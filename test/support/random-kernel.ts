/**
 * Random kernels over the whole language, each correct by construction: every access stays inside its operand, every
 * integer inside 32 bits, and no bits of a NaN (which differ between machines) reach an integer. An encoder must give
 * the interpreter's bits on all of them.
 */
import { bytesOfElement, type NarrowType } from "#fovea/base/element-type.js";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import type { Range } from "#fovea/codegen/interpreter/interpreter.js";
import type { Kernel, Reg } from "#fovea/codegen/ir.js";
import type { Lanes, Target } from "#fovea/target/target.js";
import { Random } from "./kernels.js";

export interface RandomKernel {
  readonly kernel: Kernel;
  /** "floats", "numbers" (read), "out" (readwrite floats), "counts" (readwrite integers), "narrow" (readwrite elements of 8 and 16 bits), "trace" (write). */
  readonly operands: readonly Uint8Array[];
  readonly range: Range;
}

/** 32-bit words in each operand. */
const WORDS = 192;
const MOST = 6; // of begin, end and batch

interface Int {
  readonly reg: Reg;
  readonly least: number;
  readonly most: number;
}

/** `live`: how many vectors (masks included) a kernel keeps at once, for machines that are short of registers. */
export function randomKernel(seed: number, target: Target, options: { live?: number } = {}): RandomKernel {
  const random = new Random(seed);
  let traced = 0;
  const kernel = buildKernel(
    {
      key: `random ${target.name} ${target.fma} ${seed}`,
      name: `random${seed}`,
      target,
      operands: [
        ["floats", "read"],
        ["numbers", "read"],
        ["out", "readwrite"],
        ["counts", "readwrite"],
        ["narrow", "readwrite"],
        ["trace", "write"],
      ],
    },
    (k) => {
      traced = new Generator(k, random, options.live ?? 7).write();
    },
  );
  const bytes = (a: Float32Array | Int32Array) => new Uint8Array(a.buffer);
  return {
    kernel,
    operands: [
      bytes(random.oddFloats(WORDS)),
      bytes(Int32Array.from({ length: WORDS }, () => (random.chance(0.5) ? random.bits() : random.between(-9, 9)))),
      bytes(random.oddFloats(WORDS)),
      bytes(new Int32Array(WORDS)),
      bytes(Int32Array.from({ length: WORDS }, () => random.bits())),
      bytes(new Int32Array(traced)),
    ],
    range: { begin: random.integer(MOST), end: random.integer(MOST + 1), batch: random.between(1, MOST) },
  };
}

class Generator {
  #vectors: Reg[] = [];
  #ints: Int[] = [];
  /** Words of "trace" in use: half of all values are stored there, each in its place, so that none goes unseen. */
  #traced = 0;
  constructor(
    readonly k: KernelBuilder,
    readonly random: Random,
    readonly live: number,
  ) {}

  /** Returns the number of words in "trace". */
  write(): number {
    const { k, random } = this;
    for (const reg of [k.begin, k.end, k.batch]) this.#ints.push({ reg, least: 0, most: MOST });
    const accumulators = Array.from({ length: random.between(1, 3) }, () => {
      const lanes = this.#lanes();
      return random.chance(0.5) ? k.acc(random.oddFloat(), lanes) : k.var(this.#float(lanes));
    });
    this.#vectors.push(...accumulators);
    this.#block(random.between(5, 25), 0);
    accumulators.forEach((acc, n) => {
      k.store(k.operand("out"), 4 * 16 * n, acc);
    });
    return this.#traced;
  }

  #add(value: Reg): void {
    const { k, random } = this;
    this.#vectors.push(value);
    if (random.chance(0.5)) return;
    const lanes = lanesOf(value);
    const trace = k.operand("trace");
    if (value.type.kind === "mask") k.storeMasked(trace, 4 * this.#traced, k.splat(1, lanes), value);
    else k.store(trace, 4 * this.#traced, value);
    this.#traced += lanes;
  }

  #block(length: number, depth: number): void {
    const [vectors, ints] = [[...this.#vectors], [...this.#ints]];
    for (let n = 0; n < length; n++) {
      if (depth < 3 && this.random.chance(0.12)) this.#structure(depth);
      else this.#statement();
      while (this.#vectors.length > this.live) {
        // A mutable register stays: forgetting it would end its life early, and few would be carried by loops.
        const at = this.#vectors.findIndex((r) => !r.mutable);
        this.#vectors.splice(at < 0 ? 0 : at + this.random.integer(this.#vectors.length - at), 1);
      }
      while (this.#ints.length > 6) this.#ints.splice(this.random.integer(this.#ints.length), 1);
    }
    // What was made here may not have run: it is out of scope afterwards.
    this.#vectors = vectors;
    this.#ints = ints;
  }

  #structure(depth: number): void {
    const { k, random } = this;
    const frame = random.chance(0.3);
    const length = random.between(1, 8);
    switch (random.integer(3)) {
      case 0: {
        const small = this.#ints.filter((i) => i.least >= -2 * MOST && i.most <= 2 * MOST);
        const bound = (): Int => random.pick(small.length > 0 ? small : [this.#constant(2)]);
        const fixed = random.between(-2, 3);
        const from = random.chance(0.4) ? { reg: fixed, least: fixed, most: fixed } : bound();
        const until = random.between(-1, 7);
        const to = random.chance(0.4) ? { reg: until, least: until, most: until } : bound();
        const step = random.pick([1, 1, 1, 2, 3]);
        k.loop(
          from.reg,
          to.reg,
          (index) => {
            const saved = [...this.#ints];
            this.#ints.push({ reg: index, least: from.least, most: Math.max(from.least, to.most - 1) });
            this.#block(length, depth + 1);
            this.#ints = saved;
          },
          { step, frame },
        );
        return;
      }
      case 1:
        k.if(
          random.pick(this.#ints).reg,
          random.pick(["lt", "le", "eq", "ne", "gt", "ge"] as const),
          random.chance(0.5) ? random.between(-2, 6) : random.pick(this.#ints).reg,
          () => this.#block(length, depth + 1),
          random.chance(0.5) ? () => this.#block(random.between(1, 4), depth + 1) : undefined,
        );
        return;
      default: {
        // A pointer that walks along an operand.
        const lanes = this.#lanes();
        const trips = random.between(0, 5);
        const pointer = k.var(k.operand(random.pick(["floats", "out"])), "walk", { frame });
        const sum = k.acc(0, lanes);
        this.#vectors.push(sum);
        k.loop(0, trips, () => {
          k.fmaTo(sum, k.load(pointer, 0, lanes), k.broadcast(pointer, 4, lanes));
          if (random.chance(0.3)) k.updateTo(sum, "pmax", this.#float(lanes));
          k.advance(pointer, 4 * random.between(1, lanes));
        });
        k.store(k.operand("out"), 4 * random.integer(WORDS - 16), sum);
      }
    }
  }

  #statement(): void {
    const { k, random } = this;
    const lanes = this.#lanes();
    const roll = random.integer(20);
    if (roll < 3) this.#intStatement();
    else if (roll < 5) this.#store(lanes);
    else if (roll < 7) this.#change();
    else if (roll < 13) this.#add(this.#newFloat(lanes));
    else if (roll < 17) this.#add(this.#newInts(lanes));
    else this.#add(this.#newMask(lanes));
    if (random.chance(0.05)) k.comment("a comment changes nothing");
  }

  #intStatement(): void {
    const { k, random } = this;
    const a = random.pick(this.#ints);
    const b = random.chance(0.5) ? this.#literal(random.between(-5, 9)) : random.pick(this.#ints);
    const push = (reg: Reg, ...bounds: number[]) => {
      this.#ints.push({ reg, least: Math.min(...bounds), most: Math.max(...bounds) });
    };
    switch (random.integer(9)) {
      case 0:
        if (a.most + b.most < 2 ** 30 && a.least + b.least > -(2 ** 30))
          push(k.add(a.reg, b.reg), a.least + b.least, a.most + b.most);
        return;
      case 1:
        if (a.most - b.least < 2 ** 30 && a.least - b.most > -(2 ** 30))
          push(k.sub(a.reg, b.reg), a.least - b.most, a.most - b.least);
        return;
      case 2: {
        const corners = [a.least * b.least, a.least * b.most, a.most * b.least, a.most * b.most];
        if (Math.max(...corners.map(Math.abs)) < 2 ** 30) push(k.mul(a.reg, b.reg), ...corners);
        return;
      }
      case 3:
        push(k.min(a.reg, b.reg), Math.min(a.least, b.least), Math.min(a.most, b.most));
        return;
      case 4:
        push(k.max(a.reg, b.reg), Math.max(a.least, b.least), Math.max(a.most, b.most));
        return;
      case 5:
        if (a.least >= 0) push(k.div(a.reg, random.pick([1, 2, 3, 4, 7, 100])), 0, a.most);
        return;
      case 6: {
        const by = random.pick([1, 2, 3, 5, 8, 1000]);
        if (a.least >= 0) push(k.mod(a.reg, by), 0, Math.min(a.most, by - 1));
        return;
      }
      case 7: {
        const loaded = k.loadInt(k.operand("numbers"), 4 * random.integer(WORDS));
        push(loaded, -(2 ** 31), 2 ** 31 - 1);
        return;
      }
      default: {
        const v = k.var(a.reg, "v", { frame: random.chance(0.3) });
        if (Math.abs(a.least) < 2 ** 29 && Math.abs(a.most) < 2 ** 29) k.advance(v, 3);
        push(v, a.least, a.most + 3);
        k.storeInt(k.operand("counts"), 4 * random.integer(WORDS), v);
      }
    }
  }

  #store(lanes: Lanes): void {
    const { k, random } = this;
    if (random.chance(0.1)) k.prefetch(k.operand("floats"), 4 * random.between(-5000, 5000));
    if (random.chance(0.25)) this.#storeNarrow(lanes);
    else if (random.chance(0.3)) {
      const [p, offset] = this.#place("counts", lanes);
      k.store(p, offset, this.#intVector(lanes));
    } else if (random.chance(0.4)) {
      const mask = this.#mask(lanes);
      const value = this.#float(lanes);
      const [p, offset] = this.#place("out", lanes);
      k.storeMasked(p, offset, value, mask);
    } else {
      const value = this.#float(lanes);
      const [p, offset] = this.#place("out", lanes);
      k.store(p, offset, value);
    }
  }

  /** Bytes, or halves of what is no NaN, since the bits of those differ. */
  #storeNarrow(lanes: Lanes): void {
    const { k, random } = this;
    const type = random.pick(["f16", "bf16", "i8", "u8"] as const);
    const number = () => {
      const f = this.#float(lanes);
      return k.select(k.cmp("unordered", f, f), k.splat(1, lanes), f);
    };
    const value = type === "i8" || type === "u8" ? this.#intVector(lanes) : number();
    const mask = random.chance(0.5) ? this.#mask(lanes) : undefined;
    const [p, offset] = this.#place("narrow", lanes, bytesOfElement(type));
    if (mask === undefined) k.storeAs(type, p, offset, value);
    else k.storeMaskedAs(type, p, offset, value, mask);
  }

  #loadNarrow(type: NarrowType, lanes: Lanes): Reg {
    const { k, random } = this;
    const mask = random.chance(0.5) ? this.#mask(lanes) : undefined;
    const [p, offset] = this.#place("narrow", lanes, bytesOfElement(type));
    return mask === undefined ? k.loadAs(type, p, offset, lanes) : k.loadMaskedAs(type, p, offset, mask);
  }

  /** Changes a mutable vector in place. */
  #change(): void {
    const { k, random } = this;
    const mutable = this.#vectors.filter((r) => r.mutable);
    if (mutable.length === 0) return;
    const dst = random.pick(mutable);
    const lanes = lanesOf(dst);
    switch (random.integer(4)) {
      case 0:
        k.fmaTo(dst, this.#float(lanes), this.#float(lanes));
        return;
      case 1:
        k.updateTo(dst, random.pick(["fadd", "fsub", "fmul", "pmin", "pmax"] as const), this.#float(lanes));
        return;
      case 2:
        k.set(dst, this.#float(lanes));
        return;
      default:
        k.loadTo(dst, ...this.#place(random.pick(["floats", "out"]), lanes));
    }
  }

  #newFloat(lanes: Lanes): Reg {
    const { k, random } = this;
    const a = this.#float(lanes);
    const b = this.#float(lanes);
    switch (random.integer(19)) {
      case 0:
        return k.fadd(a, b);
      case 1:
        return k.fsub(a, b);
      case 2:
        return k.fmul(a, b);
      case 3:
        return k.fdiv(a, b);
      case 4:
        return k.pmin(a, b);
      case 5:
        return k.pmax(a, b);
      case 6:
        return k.fma(a, b, this.#float(lanes));
      case 7:
        return k.fnma(a, b, this.#float(lanes));
      case 8:
        return k.sqrt(a);
      case 9:
        return random.chance(0.5) ? k.abs(a) : k.neg(a);
      case 10:
        return random.chance(0.5) ? k.round(a) : k.floor(a);
      case 11:
        return random.chance(0.5) ? k.select(this.#mask(lanes), a, b) : k.keep(this.#mask(lanes), a);
      case 12:
        return random.chance(0.5) ? k.reduceAdd(a) : k.reduceMax(a);
      case 13:
        return k.splatLane0(this.#float(this.#lanes()), lanes);
      case 14:
        return k.toFloat(this.#intVector(lanes));
      case 16:
        if (lanes === 1) return k.fadd(a, b);
        return k.shuffle(
          a,
          b,
          Array.from({ length: lanes }, () => random.integer(2 * lanes)),
        );
      case 17:
        return this.#loadNarrow(random.pick(["f16", "bf16"]), lanes);
      case 15: {
        // Any bits but a NaN's or an infinity's.
        const bits = k.vand(this.#intVector(lanes), k.splatI32(0xbfffffff, lanes));
        return k.asFloat(bits);
      }
      default:
        return k.splat(random.oddFloat(), lanes);
    }
  }

  #newInts(lanes: Lanes): Reg {
    const { k, random } = this;
    const a = this.#intVector(lanes);
    const b = this.#intVector(lanes);
    switch (random.integer(15)) {
      case 0:
        return k.vadd(a, b);
      case 1:
        return k.vsub(a, b);
      case 2:
        return k.vmul(a, b);
      case 3:
        return k.umulhi(a, b);
      case 4:
        return k.vand(a, b);
      case 5:
        return k.vor(a, b);
      case 6:
        return k.vxor(a, b);
      case 7:
        return k.vshl(a, random.integer(32));
      case 8:
        return k.vshr(a, random.integer(32));
      case 9: {
        const f = this.#float(lanes);
        const fits = k.cmp("lt", k.abs(f), k.splat(2 ** 31, lanes));
        return k.toInt(k.select(fits, f, k.splat(0, lanes)));
      }
      case 10: {
        const f = this.#float(lanes);
        return k.asInt(k.select(k.cmp("unordered", f, f), k.splat(1, lanes), f));
      }
      case 11:
        return random.chance(0.5) ? k.select(this.#mask(lanes), a, b) : k.keep(this.#mask(lanes), a);
      case 13:
        return this.#loadNarrow(random.pick(["i8", "u8"]), lanes);
      case 12:
        return random.chance(0.5) ? k.iota(lanes) : k.splatLane0(a, this.#lanes());
      default:
        return random.chance(0.5) ? k.splatI32(random.bits(), lanes) : k.splatInt(random.pick(this.#ints).reg, lanes);
    }
  }

  #newMask(lanes: Lanes): Reg {
    const { k, random } = this;
    switch (random.integer(5)) {
      case 0:
        return k.cmp(
          random.pick(["lt", "le", "eq", "ne", "unordered"] as const),
          this.#float(lanes),
          this.#float(lanes),
        );
      case 1:
        return k.cmpI32(random.pick(["eq", "gt"] as const), this.#intVector(lanes), this.#intVector(lanes));
      case 2:
        return k.firstLanes(random.between(-1, lanes + 1), lanes);
      case 3:
        return k.firstLanes(random.pick(this.#ints).reg, lanes);
      default: {
        const [a, b] = [this.#mask(lanes), this.#mask(lanes)];
        return random.pick([() => k.maskAnd(a, b), () => k.maskOr(a, b), () => k.maskAndNot(a, b)])();
      }
    }
  }

  // --- something to compute with: one at hand, or a new one

  #float(lanes: Lanes): Reg {
    const { k, random } = this;
    const found = this.#find("f32", lanes);
    if (found !== undefined) return found;
    if (random.chance(0.15)) return this.#loadNarrow(random.pick(["f16", "bf16"]), lanes);
    const operand = random.pick(["floats", "out"]);
    if (random.chance(0.3)) return k.broadcast(...this.#place(operand, 1), lanes);
    if (random.chance(0.3)) {
      const mask = this.#mask(lanes);
      return k.loadMasked(...this.#place(operand, lanes), mask);
    }
    return k.load(...this.#place(operand, lanes), lanes);
  }
  #intVector(lanes: Lanes): Reg {
    const { k } = this;
    const found = this.#find("i32", lanes);
    if (found !== undefined) return found;
    if (this.random.chance(0.15)) return this.#loadNarrow(this.random.pick(["i8", "u8"]), lanes);
    if (this.random.chance(0.3)) return k.broadcastI32(...this.#place("numbers", 1), lanes);
    return k.loadI32(...this.#place("numbers", lanes), lanes);
  }
  #mask(lanes: Lanes): Reg {
    return (
      this.#find("mask", lanes) ??
      (this.random.chance(0.5)
        ? this.k.firstLanes(this.random.between(0, lanes), lanes)
        : this.k.cmp("lt", this.#float(lanes), this.#float(lanes)))
    );
  }
  #find(kind: "f32" | "i32" | "mask", lanes: Lanes): Reg | undefined {
    const fit = this.#vectors.filter((r) => r.type.kind === kind && lanesOf(r) === lanes);
    return fit.length > 0 && this.random.chance(0.8) ? this.random.pick(fit) : undefined;
  }

  /** A pointer and an offset where `count` elements lie inside the operand; now and then reached through an integer. */
  #place(operand: string, count: number, size = 4): [Reg, number] {
    const { k, random } = this;
    const base = k.operand(operand);
    const index = random.pick(this.#ints);
    if (index.least < -WORDS / 4 || index.most > WORDS / 4 || random.chance(0.4))
      return [base, size * random.between(0, WORDS - count)];
    const offset = size * random.between(-index.least, WORDS - count - index.most);
    return [k.ptrAdd(base, k.mul(index.reg, size)), offset];
  }

  #constant(value: number): Int {
    return { reg: this.k.int(value), least: value, most: value };
  }
  #literal(value: number): { reg: number; least: number; most: number } {
    return { reg: value, least: value, most: value };
  }
  #lanes(): Lanes {
    const widths = ([1, 4, 8, 16] as const).filter((l) => l <= this.k.target.lanes);
    return this.random.chance(0.5) ? this.k.target.lanes : this.random.pick(widths);
  }
}

function lanesOf(r: Reg): Lanes {
  if (!("lanes" in r.type)) throw new Error(`${r.name} is no vector`);
  return r.type.lanes;
}
