/** Activations of straight pieces and their gradients as vector code. */
import type { KernelBuilder } from "../../../codegen/builder/builder.js";
import type { Reg } from "../../../codegen/ir.js";
import type { ClipAttributes, LeakyReluAttributes } from "../../../graph/attributes.js";
import type { Lanes } from "../../../target/target.js";
import { binary, type PointwiseOp, unary } from "./code.js";

/** pmin and pmax give their first argument where it is NaN. */
function clip(k: KernelBuilder, x: Reg, { min, max }: ClipAttributes, lanes: Lanes): Reg {
  const above = min === undefined ? x : k.pmax(x, k.splat(min, lanes));
  return max === undefined ? above : k.pmin(above, k.splat(max, lanes));
}

/** dy where x is inside the bounds, else 0. */
function inside(k: KernelBuilder, x: Reg, dy: Reg, { min, max, flatAtBounds }: ClipAttributes, lanes: Lanes): Reg {
  const kind = flatAtBounds ? "lt" : "le";
  const zero = k.splat(0, lanes);
  const above = min === undefined ? dy : k.select(k.cmp(kind, k.splat(min, lanes), x), dy, zero);
  return max === undefined ? above : k.select(k.cmp(kind, x, k.splat(max, lanes)), above, zero);
}

export const RECTIFIERS: Readonly<Record<string, PointwiseOp>> = {
  relu: unary((k, x, lanes) => k.pmax(x, k.splat(0, lanes))),
  // From the output y: y > 0 where x is.
  reluGrad: binary((k, y, dy, lanes) => {
    const zero = k.splat(0, lanes);
    return k.select(k.cmp("lt", zero, y), dy, zero);
  }),

  clip: {
    emit: (k, [x], attributes, lanes) => clip(k, x!, attributes as ClipAttributes, lanes),
    keepsZero(attributes) {
      const { min = 0, max = 0 } = attributes as ClipAttributes;
      return min <= 0 && max >= 0;
    },
  },
  clipGrad: {
    emit: (k, [x, dy], attributes, lanes) => inside(k, x!, dy!, attributes as ClipAttributes, lanes),
    keepsZero: () => true,
  },

  leakyRelu: {
    emit(k, [x], attributes, lanes) {
      const { slope } = attributes as LeakyReluAttributes;
      return k.select(k.cmp("lt", k.splat(0, lanes), x!), x!, k.fmul(x!, k.splat(slope, lanes)));
    },
    keepsZero: (attributes) => (attributes as LeakyReluAttributes).slope >= 0,
  },
  leakyReluGrad: {
    emit(k, [x, dy], attributes, lanes) {
      const { slope } = attributes as LeakyReluAttributes;
      return k.select(k.cmp("lt", k.splat(0, lanes), x!), dy!, k.fmul(dy!, k.splat(slope, lanes)));
    },
    keepsZero: (attributes) => (attributes as LeakyReluAttributes).slope >= 0,
  },

  hardSwish: unary((k, x, lanes) => {
    const share = k.fma(x, k.splat(1 / 6, lanes), k.splat(0.5, lanes));
    return k.fmul(x, clip(k, share, { min: 0, max: 1 }, lanes));
  }),
  // 0 up to -3, x / 3 + 1/2 from there to 3, 1 from 3 on
  hardSwishGrad: binary((k, x, dy, lanes) => {
    const c = (value: number) => k.splat(value, lanes);
    const between = k.fmul(dy, k.fma(x, c(1 / 3), c(0.5)));
    const above = k.select(k.cmp("lt", x, c(3)), between, dy);
    return k.select(k.cmp("le", x, c(-3)), c(0), above);
  }),
};
