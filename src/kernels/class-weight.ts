/** The weight of each label's class: labels are compared with every class in turn, and never become an address. */
import { buildKernel } from "../codegen/builder.js";
import { layoutKey } from "./channels.js";
import type { Strategy } from "./strategy.js";
import { planWalk, walk, walkTail } from "./walk.js";

export const classWeightStrategy: Strategy = {
  name: "classWeight",
  ops: ["classWeight"],
  fuses: false,
  accepts: () => true,
  cost: (node) => node.op.cost(node.inputs, node.attributes, node).multiplyAdds / 8,
  lower({ root }, to) {
    const { weights, ignore } = root.attributes as { readonly weights: readonly number[]; readonly ignore: number };
    const layout = to.layout(root);
    const mode = layout.shape.length === 0 ? "single" : layout.channelStride <= 4 ? "packed" : "rows";
    const plan = planWalk(layout, to.target, mode, true);
    const key = `classWeight ${mode} ${layoutKey(layout)} ${weights.join(",")} ${ignore}`;
    const operands = [["label", "read"] as const, ["y", "write"] as const];
    const kernel = to.kernel(key, () =>
      buildKernel({ key, name: "classWeight", target: to.target, operands }, (k) => {
        walk(k, plan, 1, (sites) => {
          for (const { at, offset, lanes, real } of sites) {
            const label = k.loadI32(k.ptrAdd(k.operand("label"), at), offset, lanes);
            const value = k.acc(Number.NaN, lanes);
            const set = (c: number, weight: number) =>
              k.set(value, k.select(k.cmpI32("eq", label, k.splatI32(c, lanes)), k.splat(weight, lanes), value));
            for (const [c, weight] of weights.entries()) set(c, weight);
            set(ignore, 0);
            const kept = real === undefined ? value : k.select(k.firstLanes(real, lanes), value, k.splat(0, lanes));
            k.store(k.ptrAdd(k.operand("y"), at), offset, kept);
          }
        });
        walkTail(k, plan, "y");
      }),
    );
    to.step(kernel, [to.buffer(root.inputs[0]!), to.buffer(root)], plan.pieces);
  },
};
