/**
 * Dropout: each element is kept or zeroed by a Philox number that is a function of its place, its sample, the step and
 * the seed (see ops/dropout.ts), so that the backward pass makes the same mask again.
 */

import type { KernelBuilder } from "../../codegen/builder/builder.js";
import { defineKernel } from "../../codegen/definition.js";
import type { Reg } from "../../codegen/ir.js";
import type { DropoutAttributes } from "../../graph/attributes.js";
import { elementsNanoseconds } from "../contract/cost.js";
import type { RowLayout } from "../contract/layout.js";
import type { Strategy } from "../contract/strategy.js";
import { philox4x32 } from "../language/philox.js";
import { planWalk, type Site, type Walk, writeWalk, writeWalkTail } from "../language/walk.js";

export const dropoutStrategy: Strategy = {
  name: "dropout",
  ops: ["dropout"],
  fuses: false,
  accepts: () => true,
  cost: elementsNanoseconds,
  lower({ root }, to) {
    const { p, salt } = root.attributes as DropoutAttributes;
    const layout = to.layout(root);
    // Without pads between rows an element's index is its place; a scalar a sample goes one by one.
    const mode = layout.shape.length === 0 ? "single" : layout.channelStride === layout.channels ? "flat" : "rows";
    const { walk, pieces } = planWalk(layout, to.target, mode, true);
    const kernel = to.kernel(dropoutKernel, { walk, p, salt });
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root.inputs[1]!), to.buffer(root)], pieces);
  },
};

interface Dropout extends DropoutAttributes {
  readonly walk: Walk;
}

const dropoutKernel = defineKernel<Dropout>("dropout", {
  operands: [
    ["x", "read"],
    ["key", "read"],
    ["y", "write"],
  ],
  write(k, { walk, p, salt }) {
    writeWalk(k, walk, 1, (sites) => {
      for (const site of sites) {
        const { at, offset, lanes } = site;
        const x = k.load(k.ptrAdd(k.operand("x"), at), offset, lanes);
        const least = k.splatI32(Math.ceil(p * 2 ** 24), lanes);
        const dropped = k.cmpI32("gt", least, randomBits(k, walk.layout, site, salt));
        const kept = k.fmul(x, k.splat(1 / (1 - p), lanes));
        k.store(k.ptrAdd(k.operand("y"), at), offset, k.select(dropped, k.splat(0, lanes), kept));
      }
    });
    writeWalkTail(k, walk, "y");
  },
});

/** 24 random bits for each lane. */
function randomBits(k: KernelBuilder, layout: RowLayout, site: Site, salt: number): Reg {
  const { lanes } = site;
  const element = k.vadd(k.iota(lanes), k.splatInt(firstElement(k, layout, site), lanes));
  const sample = site.sample === undefined ? k.splatI32(0, lanes) : k.splatInt(site.sample, lanes);
  const key = k.operand("key");
  const low = k.vxor(k.broadcastI32(key, 0, lanes), k.splatI32(salt | 0, lanes));
  const high = k.broadcastI32(key, 4, lanes);
  const counter = [element, sample, k.broadcastI32(key, 8, lanes), k.splatI32(0, lanes)] as const;
  return k.vshr(philox4x32(k, counter, [low, high])[0], 8);
}

/** Row-major index of lane 0 in the sample. */
function firstElement(k: KernelBuilder, layout: RowLayout, site: Site): Reg {
  if (site.row === undefined) return k.div(k.add(site.inSample, site.offset), 4);
  const first = k.add(k.mul(site.row, layout.channels), site.offset / 4);
  return site.channel === undefined ? first : k.add(first, k.div(site.channel, 4));
}
