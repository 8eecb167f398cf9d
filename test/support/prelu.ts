/**
 * An op of a user's own, written against the public entries alone: PReLU (He, Zhang, Ren, Sun 2015), y = x where x > 0, else a x, with a slope a
 * for each channel that is learned. Its gradient for x is another op of the user's, that for a is made of the package's.
 */
import { nn, type Op, ops, registerElementwise, registerOp, registerStrategy, type Value } from "#fovea/index.js";
import {
  cleaned,
  defineKernel,
  planWalk,
  type Reg,
  type Walk,
  writeWalk,
  writeWalkTail,
} from "#fovea/index-kernels.js";

export const preluGrad: Op = registerOp({
  name: "my.preluGrad",
  infer: ([x]) => x!,
  reference: ([x, a, dy]) => ({
    shape: x!.shape,
    data: x!.data.map((value, i) => dy!.data[i]! * (value > 0 ? 1 : a!.data[i % a!.data.length]!)),
  }),
  traits: { elementwise: true },
});

export const prelu: Op = registerOp({
  name: "my.prelu",
  infer: ([x]) => x!,
  // dx = dy or a dy; da = the sum of dy x over what is not above 0
  gradient({ inputs: [x, a], upstream, wanted }) {
    const negative = ops.subtract(x!, ops.relu(x!));
    return [
      wanted[0] ? ops.call(preluGrad, [x!, a!, upstream]) : undefined,
      wanted[1] ? ops.channelSums(ops.multiply(upstream, negative)) : undefined,
    ];
  },
  reference: ([x, a]) => ({
    shape: x!.shape,
    data: x!.data.map((value, i) => (value > 0 ? value : value * a!.data[i % a!.data.length]!)),
  }),
  traits: { elementwise: true, fusible: true },
});

export class PRelu extends nn.Module {
  readonly slope: nn.Parameter;
  constructor(channels: number) {
    super();
    this.slope = new nn.Parameter([channels], { kind: "constant", value: 0.25 });
  }
  override forward(x: Value): Value {
    return ops.call(prelu, [x, this.slope.in(x)]);
  }
}

/** Vector code for the op, so that it is computed as convolutions are stored. */
export function registerPreluCode(): void {
  registerElementwise(prelu, {
    emit(k, [x, a], _attributes, lanes) {
      return k.select(k.cmp("lt", k.splat(0, lanes), x!), x!, k.fmul(x!, a!));
    },
    keepsZero: () => true,
    registers: 1,
  });
}

/** A strategy for its gradient, with loops of its own: one element a turn where channels are few, vectors of channels otherwise. */
export function registerPreluGradStrategy(): void {
  registerStrategy({
    name: "my.preluGrad",
    ops: [preluGrad.name],
    fuses: false,
    accepts: ({ batched, shape }) => batched && shape.length > 0,
    cost: ({ shape }) => shape.reduce((a, b) => a * b, 1) / 4,
    lower({ root }, to) {
      const [x, a, dy] = root.inputs;
      const layout = to.layout(root);
      const { walk, pieces } = planWalk(layout, to.target, layout.channels > 4 ? "rows" : "single", false);
      const kernel = to.kernel(gradKernel, { walk });
      to.step(
        kernel,
        [x!, a!, dy!, root].map((value) => to.buffer(value)),
        pieces,
      );
    },
  });
}

const gradKernel = defineKernel<{ readonly walk: Walk }>("my.preluGrad", {
  operands: [
    ["x", "read"],
    ["a", "read"],
    ["dy", "read"],
    ["dx", "write"],
  ],
  write(k, { walk }) {
    writeWalk(k, walk, 1, (sites) => {
      for (const { at, offset, inSample, channel, lanes, real } of sites) {
        const load = (name: string, place: Reg | undefined) =>
          k.load(place === undefined ? k.operand(name) : k.ptrAdd(k.operand(name), place), offset, lanes);
        const one = walk.mode === "single" ? k.mod(inSample, 4 * walk.layout.channels) : channel;
        const [x, dy, a] = [load("x", at), load("dy", at), load("a", one)];
        const dx = k.select(k.cmp("lt", k.splat(0, lanes), x), dy, k.fmul(dy, a));
        // pad lanes of every stored value are +0
        const isWhole = real === undefined || walk.mode === "rows";
        k.store(k.ptrAdd(k.operand("dx"), at), offset, isWhole ? dx : cleaned(k, dx, real));
      }
    });
    writeWalkTail(k, walk, "dx");
  },
});
