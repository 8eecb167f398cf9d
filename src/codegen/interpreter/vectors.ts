/**
 * What the vector instructions of the kernel language mean, lane by lane.
 *
 * Sums, differences, products, quotients and square roots are taken in float64 and rounded to float32 by the store into
 * a Float32Array. Rounding twice is harmless here: a float64 has 53 bits, and 2 * 24 + 2 = 50 suffice for these five
 * operations (Figueroa, "When is double rounding innocuous?", 1995); only fused multiply-add needs care, in `fma.ts`.
 */

import type { CompareFloat, Instr, Reg } from "../ir.js";
import { type Machine, reader, type Step } from "./machine.js";

export function vectorStep(m: Machine, i: Instr): Step {
  const { floats: f, ints: n, scalars, owner } = m;
  if (!("dst" in i)) return storeStep(m, i);
  const lanes = lanesOf(i.dst);
  const d = m.slot(i.dst);
  switch (i.op) {
    case "set": {
      const s = m.slot(i.src);
      return () => n.copyWithin(d, s, s + lanes);
    }
    case "load":
      return () => {
        const word = m.locate(i, i.at, lanes, "read");
        const memory = m.memory[owner[i.at.ptr.id]!]!;
        for (let l = 0; l < lanes; l++) n[d + l] = memory[word + l]!;
      };
    case "loadmask": {
      const mask = m.slot(i.mask);
      return () => {
        const memory = m.memory[owner[i.at.ptr.id]!]!;
        for (let l = 0; l < lanes; l++) n[d + l] = n[mask + l] === 0 ? 0 : memory[m.locate(i, i.at, 1, "read", l)]!;
      };
    }
    case "broadcast":
      return () => {
        const word = m.locate(i, i.at, 1, "read");
        n.fill(m.memory[owner[i.at.ptr.id]!]![word]!, d, d + lanes);
      };
    case "splat":
      if (i.dst.type.kind === "i32") return () => n.fill(i.value, d, d + lanes);
      return () => f.fill(i.value, d, d + lanes);
    case "splatlane0": {
      const s = m.slot(i.src);
      return () => n.fill(n[s]!, d, d + lanes);
    }
    case "splatint":
      return () => n.fill(scalars[i.src.id]!, d, d + lanes);
    case "iota":
      return () => {
        for (let l = 0; l < lanes; l++) n[d + l] = l;
      };
    case "float2": {
      const [a, b] = [m.slot(i.a), m.slot(i.b)];
      switch (i.kind) {
        case "fadd":
          return each(lanes, (l) => {
            f[d + l] = f[a + l]! + f[b + l]!;
          });
        case "fsub":
          return each(lanes, (l) => {
            f[d + l] = f[a + l]! - f[b + l]!;
          });
        case "fmul":
          return each(lanes, (l) => {
            f[d + l] = f[a + l]! * f[b + l]!;
          });
        case "fdiv":
          return each(lanes, (l) => {
            f[d + l] = f[a + l]! / f[b + l]!;
          });
        case "pmin":
          return each(lanes, (l) => {
            n[d + l] = f[b + l]! < f[a + l]! ? n[b + l]! : n[a + l]!;
          });
        case "pmax":
          return each(lanes, (l) => {
            n[d + l] = f[a + l]! < f[b + l]! ? n[b + l]! : n[a + l]!;
          });
      }
      break;
    }
    case "float1": {
      const a = m.slot(i.a);
      switch (i.kind) {
        case "fsqrt":
          return each(lanes, (l) => {
            f[d + l] = Math.sqrt(f[a + l]!);
          });
        case "fabs":
          return each(lanes, (l) => {
            n[d + l] = n[a + l]! & 0x7fffffff;
          });
        case "fneg":
          return each(lanes, (l) => {
            n[d + l] = n[a + l]! ^ 0x80000000;
          });
        case "fround":
          return each(lanes, (l) => {
            f[d + l] = roundToEven(f[a + l]!);
          });
        case "ffloor":
          return each(lanes, (l) => {
            f[d + l] = Math.floor(f[a + l]!);
          });
      }
      break;
    }
    case "fma": {
      const [a, b, c] = [m.slot(i.a), m.slot(i.b), m.slot(i.c)];
      const { fma } = m;
      if (i.negate)
        return each(lanes, (l) => {
          f[d + l] = fma(-f[a + l]!, f[b + l]!, f[c + l]!);
        });
      return each(lanes, (l) => {
        f[d + l] = fma(f[a + l]!, f[b + l]!, f[c + l]!);
      });
    }
    case "intvec2": {
      const [a, b] = [m.slot(i.a), m.slot(i.b)];
      const apply = INT_VECTOR[i.kind];
      return each(lanes, (l) => {
        n[d + l] = apply(n[a + l]!, n[b + l]!);
      });
    }
    case "intshift": {
      const a = m.slot(i.a);
      if (i.kind === "vshl")
        return each(lanes, (l) => {
          n[d + l] = n[a + l]! << i.by;
        });
      return each(lanes, (l) => {
        n[d + l] = n[a + l]! >>> i.by;
      });
    }
    case "convert": {
      const a = m.slot(i.a);
      if (i.kind === "asInt" || i.kind === "asFloat") return () => n.copyWithin(d, a, a + lanes);
      if (i.kind === "toFloat")
        return each(lanes, (l) => {
          f[d + l] = n[a + l]!;
        });
      return each(lanes, (l) => {
        const x = f[a + l]!;
        if (!(Math.abs(x) < 2 ** 31)) m.fail(i, `lane ${l} is ${x}: toInt needs a number between -2^31 and 2^31`);
        n[d + l] = roundToEven(x);
      });
    }
    case "reduce": {
      const s = m.slot(i.src);
      const width = lanesOf(i.src);
      const fold = new Float32Array(width);
      return () => {
        for (let l = 0; l < width; l++) fold[l] = f[s + l]!;
        for (let half = width / 2; half >= 1; half /= 2) {
          for (let l = 0; l < half; l++) {
            const upper = fold[l + half]!;
            if (i.kind === "fadd") fold[l] = fold[l]! + upper;
            else if (fold[l]! < upper) fold[l] = upper;
          }
        }
        f[d] = fold[0]!;
      };
    }
    case "shuffle": {
      const places = i.indices.map((index) => (index < lanes ? m.slot(i.a) + index : m.slot(i.b) + index - lanes));
      return each(lanes, (l) => {
        n[d + l] = n[places[l]!]!;
      });
    }
    case "cmpfloat": {
      const [a, b] = [m.slot(i.a), m.slot(i.b)];
      const holds = COMPARE_FLOAT[i.kind];
      return each(lanes, (l) => {
        n[d + l] = holds(f[a + l]!, f[b + l]!) ? -1 : 0;
      });
    }
    case "cmpint": {
      const [a, b] = [m.slot(i.a), m.slot(i.b)];
      if (i.kind === "eq")
        return each(lanes, (l) => {
          n[d + l] = n[a + l] === n[b + l] ? -1 : 0;
        });
      return each(lanes, (l) => {
        n[d + l] = n[a + l]! > n[b + l]! ? -1 : 0;
      });
    }
    case "firstlanes": {
      const count = reader(m, i.count);
      return () => {
        const first = count();
        for (let l = 0; l < lanes; l++) n[d + l] = l < first ? -1 : 0;
      };
    }
    case "mask2": {
      const [a, b] = [m.slot(i.a), m.slot(i.b)];
      const apply = MASK[i.kind];
      return each(lanes, (l) => {
        n[d + l] = apply(n[a + l]!, n[b + l]!);
      });
    }
    case "select": {
      const [mask, a, b] = [m.slot(i.mask), m.slot(i.a), m.slot(i.b)];
      return each(lanes, (l) => {
        n[d + l] = n[mask + l] === 0 ? n[b + l]! : n[a + l]!;
      });
    }
    case "keep": {
      const [mask, a] = [m.slot(i.mask), m.slot(i.a)];
      return each(lanes, (l) => {
        n[d + l] = n[mask + l] === 0 ? 0 : n[a + l]!;
      });
    }
    default:
      break;
  }
  return m.fail(i, "the interpreter does not know this instruction");
}

function storeStep(m: Machine, i: Instr): Step {
  const { ints: n, owner } = m;
  if (i.op === "prefetch") return () => {};
  if (i.op === "store") {
    const lanes = lanesOf(i.src);
    const s = m.slot(i.src);
    return () => {
      const word = m.locate(i, i.at, lanes, "write");
      const memory = m.memory[owner[i.at.ptr.id]!]!;
      for (let l = 0; l < lanes; l++) memory[word + l] = n[s + l]!;
    };
  }
  if (i.op === "storemask") {
    const lanes = lanesOf(i.src);
    const [s, mask] = [m.slot(i.src), m.slot(i.mask)];
    return () => {
      const memory = m.memory[owner[i.at.ptr.id]!]!;
      for (let l = 0; l < lanes; l++) if (n[mask + l] !== 0) memory[m.locate(i, i.at, 1, "write", l)] = n[s + l]!;
    };
  }
  return m.fail(i, "the interpreter does not know this instruction");
}

function each(lanes: number, lane: (l: number) => void): Step {
  return () => {
    for (let l = 0; l < lanes; l++) lane(l);
  };
}

function lanesOf(r: Reg): number {
  return "lanes" in r.type ? r.type.lanes : 0;
}

/** The nearest integer, ties to even; keeps the sign of zero, infinities and NaN. */
export function roundToEven(x: number): number {
  const below = Math.floor(x);
  const part = x - below;
  const nearest = part < 0.5 ? below : part > 0.5 || below % 2 !== 0 ? below + 1 : below;
  return nearest === 0 && (x < 0 || Object.is(x, -0)) ? -0 : nearest;
}

/** High 32 bits of the unsigned product, by 16-bit halves. */
export function multiplyHighUnsigned(a: number, b: number): number {
  const [aHigh, aLow] = [a >>> 16, a & 0xffff];
  const [bHigh, bLow] = [b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16); // below 2^32
  const carry = (middle & 0xffff) + aLow * bHigh; // below 2^32
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) | 0;
}

const INT_VECTOR = {
  vadd: (a: number, b: number) => a + b,
  vsub: (a: number, b: number) => a - b,
  vmul: Math.imul,
  umulhi: multiplyHighUnsigned,
  vand: (a: number, b: number) => a & b,
  vor: (a: number, b: number) => a | b,
  vxor: (a: number, b: number) => a ^ b,
};

const MASK = {
  and: (a: number, b: number) => a & b,
  or: (a: number, b: number) => a | b,
  andnot: (a: number, b: number) => a & ~b,
};

const COMPARE_FLOAT: Record<CompareFloat, (a: number, b: number) => boolean> = {
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  unordered: (a, b) => Number.isNaN(a) || Number.isNaN(b),
};
