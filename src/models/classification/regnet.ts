/**
 * RegNet (Radosavovic, Kosaraju, Girshick, He, Dollar, "Designing network design spaces", 2020): bottlenecks of grouped
 * convolutions whose widths follow a line; RegNetY with squeeze-and-excitation, RegNetX without. Names and initial
 * values are torchvision's.
 */
import type { Value } from "../../graph/graph.js";
import { flatten, globalAvgPool2d, linear, Module, relu, SqueezeExcitation, sequential } from "../../nn/index.js";
import { add } from "../../ops/index.js";
import { convNorm } from "../blocks.js";
import { defineModel } from "../definition.js";
import { imageClassifier } from "../image-classifier.js";
import { checkSize, constant, gaussian, IMAGENET_SCALING } from "../parts.js";

interface Row {
  readonly name: string;
  /** Of the four stages. */
  readonly widths: readonly number[];
  readonly blocks: readonly number[];
  /** Channels of a group. */
  readonly group: number;
  readonly excites: boolean;
  readonly parameters: number;
}

const ROWS: readonly Row[] = [
  {
    ...{ name: "regnet_x_400mf", widths: [32, 64, 160, 400], blocks: [1, 2, 7, 12], group: 16 },
    ...{ excites: false, parameters: 5_495_976 },
  },
  {
    ...{ name: "regnet_y_400mf", widths: [48, 104, 208, 440], blocks: [1, 3, 6, 6], group: 8 },
    ...{ excites: true, parameters: 4_344_144 },
  },
  {
    ...{ name: "regnet_y_800mf", widths: [64, 144, 320, 784], blocks: [1, 3, 8, 2], group: 16 },
    ...{ excites: true, parameters: 6_432_512 },
  },
  {
    ...{ name: "regnet_y_1_6gf", widths: [48, 120, 336, 888], blocks: [2, 6, 17, 2], group: 24 },
    ...{ excites: true, parameters: 11_202_430 },
  },
];
const STEM = 32;

class Bottleneck extends Module {
  readonly proj: Module | undefined;
  readonly f: Module;
  readonly activation = relu();

  constructor(inputs: number, out: number, stride: number, { group, excites }: Row) {
    super();
    this.proj = inputs === out && stride === 1 ? undefined : convNorm({ in: inputs, out, kernel: 1, stride });
    this.f = sequential({
      a: convNorm({ in: inputs, out, kernel: 1, activation: relu }),
      b: convNorm({ in: out, out, stride, groups: out / group, activation: relu }),
      // Of the channels that the block reads, not of its own.
      ...(excites && { se: new SqueezeExcitation({ channels: out, squeeze: Math.round(inputs / 4) }) }),
      c: convNorm({ in: out, out, kernel: 1 }),
    });
  }

  override forward(x: Value): Value {
    return this.activation.forward(add(this.proj === undefined ? x : this.proj.forward(x), this.f.forward(x)));
  }
}

function trunk(row: Row): Module {
  const stages = row.widths.map((out, i): [string, Module] => {
    const inputs = i === 0 ? STEM : row.widths[i - 1]!;
    const blocks = Array.from({ length: row.blocks[i]! }, (_, b): [string, Module] => [
      `block${i + 1}-${b}`,
      b === 0 ? new Bottleneck(inputs, out, 2, row) : new Bottleneck(out, out, 1, row),
    ]);
    return [`block${i + 1}`, sequential(Object.fromEntries(blocks))];
  });
  return sequential(Object.fromEntries(stages));
}

export const regnets = ROWS.map((row) =>
  defineModel({
    name: row.name,
    description: `RegNet${row.name[7]!.toUpperCase()} of ${row.name.slice(9).replace("_", ".").toUpperCase()}: grouped bottlenecks${row.excites ? " with squeeze-and-excitation" : ""}; 224x224`,
    defaults: { classes: 1000, size: 224 },
    parameters: row.parameters,
    input: ({ size }) => [size, size, 3],
    classes: ({ classes }) => classes,
    scaling: IMAGENET_SCALING,
    training: { batchSize: 32, lr: 0.0125, weightDecay: 5e-5 },
    build({ classes, size }) {
      checkSize(row.name, size, 32);
      return imageClassifier({
        features: sequential({
          stem: convNorm({ in: 3, out: STEM, stride: 2, activation: relu }),
          trunk_output: trunk(row),
        }),
        head: (outputs) =>
          sequential({
            avgpool: globalAvgPool2d(),
            flatten: flatten(),
            fc: linear({ in: row.widths.at(-1)!, out: outputs, weightInit: gaussian(0.01), biasInit: constant(0) }),
          }),
        classes,
      });
    },
  }),
);
