/**
 * A residual network with squeeze-and-excitation (Hu, Shen and Sun 2018), small enough for digits:
 *
 *     npx fovea train --module examples/own-network/net.ts --data mnist --epochs 3
 *     npx fovea eval runs/net-mnist --module examples/own-network/net.ts
 */
import { nn, ops, type Value } from "fovea";

/** Weighs the channels by what the whole picture holds of each. */
class SqueezeExcite extends nn.Module {
  readonly squeeze: nn.Linear;
  readonly excite: nn.Linear;

  constructor(channels: number, reduction = 4) {
    super();
    this.squeeze = nn.linear({ in: channels, out: channels / reduction });
    this.excite = nn.linear({ in: channels / reduction, out: channels });
  }

  override forward(x: Value): Value {
    const means = ops.mean(x, { axes: ["height", "width"] });
    return ops.multiply(x, ops.sigmoid(this.excite.forward(ops.relu(this.squeeze.forward(means)))));
  }
}

const convNorm = (from: number, to: number, stride = 1) =>
  nn.sequential({
    conv: nn.conv2d({ in: from, out: to, kernel: 3, stride, padding: 1, bias: false }),
    norm: nn.batchNorm2d({ channels: to }),
  });

class Block extends nn.Module {
  readonly first: nn.Module;
  readonly second: nn.Module;
  readonly gate: nn.Module;
  readonly shortcut: nn.Module | undefined;

  constructor(from: number, to: number) {
    super();
    this.first = convNorm(from, to, to / from);
    this.second = convNorm(to, to);
    this.gate = new SqueezeExcite(to);
    if (from !== to) this.shortcut = nn.conv2d({ in: from, out: to, kernel: 1, stride: to / from });
  }

  override forward(x: Value): Value {
    const residue = this.gate.forward(this.second.forward(ops.relu(this.first.forward(x))));
    return ops.relu(ops.add(this.shortcut?.forward(x) ?? x, residue));
  }
}

export const input = [28, 28, 1];

export default ({ classes = 10, channels = 1 }: { classes?: number; channels?: number }) =>
  nn.sequential({
    stem: convNorm(channels, 16, 2),
    relu: nn.relu(),
    tower: nn.sequential(new Block(16, 16), new Block(16, 32), new Block(32, 32)),
    pool: nn.globalAvgPool2d(),
    classifier: nn.linear({ in: 32, out: classes }),
  });
