/**
 * The residual block (He, Zhang, Ren, Sun, "Deep residual learning for image recognition", 2015, equation 1):
 *
 *     y = relu(main(x) + shortcut(x))
 *
 * The shortcut is the identity unless a module is given; its parameters are named `downsample`, as in torchvision.
 */
import type { Value } from "../../graph/graph.js";
import { Module } from "../../nn/index.js";
import { add, avgPool2d, pad, relu } from "../../ops/index.js";

export class Residual extends Module {
  constructor(
    readonly main: Module,
    readonly shortcut?: Module,
  ) {
    super();
  }

  override children(): ReturnType<Module["children"]> {
    const main = this.main.children();
    return this.shortcut === undefined ? main : [...main, ["downsample", this.shortcut]];
  }

  override forward(x: Value): Value {
    return relu(add(this.main.forward(x), this.shortcut === undefined ? x : this.shortcut.forward(x)));
  }
}

/**
 * Shortcut of kind A of the paper: every second pixel of every second row, and channels of zeros, as many before as
 * behind those that there are. It has no parameters.
 */
export class SubsampleAndPad extends Module {
  constructor(
    readonly stride: number,
    /** Channels, more by an even number than its input has. */
    readonly out: number,
  ) {
    super();
  }

  override forward(x: Value): Value {
    const sampled = avgPool2d(x, 1, { stride: this.stride });
    const zeros = (this.out - x.shape[2]!) / 2;
    return pad(sampled, [0, 0, zeros], [0, 0, zeros]);
  }
}
