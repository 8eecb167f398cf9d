/**
 * What is measured, a row each. A network is a row for training and rows for inference, on native code and in WebAssembly; a
 * layer is three rows. Every system gets the same numbers (`inputs.mjs`) and must give the same results before it is timed.
 */

/**
 * @typedef {object} Workload
 * @property {string} id            unique; `--only` looks for parts of it
 * @property {string} title
 * @property {"train" | "infer" | "layers"} what
 * @property {"wasm"} [on]          beside systems that compute in WebAssembly, fovea's backend of that name; else on native code
 * @property {number} batch
 * @property {string} [network]     name in fovea's registry; the same in peers/torch_models.py
 * @property {Record<string, unknown>} [options]
 * @property {number} [checkRate]   of training
 * @property {"forward" | "inputGradient" | "weightGradient"} [direction]   of a layer
 * @property {Convolution} [convolution]
 *
 * @typedef {object} Convolution    square kernel, padding that keeps the size at stride 1
 * @property {number} size          height and width of the input
 * @property {number} in
 * @property {number} out
 * @property {number} kernel
 * @property {number} stride
 * @property {number} [groups]
 */

/** The learning rate of the few steps whose losses are compared: deep networks multiply a rounding error at a large one. */
const CHECK_RATE = 0.001;

const network = (id, title, name, options, { train, infer, wasm, checkRate = CHECK_RATE }) => [
  ...train.map((batch) => ({
    id: `${id}-train-${batch}`,
    title: `${title}, ${batch}`,
    what: "train",
    batch,
    checkRate,
    network: name,
    options,
  })),
  ...infer.map((batch) => ({
    id: `${id}-infer-${batch}`,
    title: `${title}, ${batch}`,
    what: "infer",
    batch,
    network: name,
    options,
  })),
  ...wasm.map((batch) => ({
    id: `${id}-wasm-${batch}`,
    title: `${title}, ${batch}`,
    what: "infer",
    on: "wasm",
    batch,
    network: name,
    options,
  })),
];

const layer = (batch, kernel, size, input, output, { stride = 1, groups = 1 } = {}) =>
  ["forward", "inputGradient", "weightGradient"].map((direction) => ({
    id: `conv${kernel}x${kernel}-${size}-${input}-${output}${stride === 1 ? "" : `-s${stride}`}${groups === 1 ? "" : `-g${groups}`}-${direction}`,
    title: `${kernel}x${kernel} ${size}x${size} ${input}->${output}${stride === 1 ? "" : ` stride ${stride}`}${groups === 1 ? "" : ` of ${groups} groups`}, ${spoken[direction]}`,
    what: "layers",
    batch,
    direction,
    convolution: { size, in: input, out: output, kernel, stride, groups },
  }));

const spoken = { forward: "forward", inputGradient: "input gradient", weightGradient: "weight gradient" };

/** Those of the published speed tables; dropout is off, so that all systems compute the same. @type {Workload[]} */
export const WORKLOADS = [
  ...network("lenet5", "LeNet-5 (32x32)", "lenet5", { size: 32 }, { train: [64, 128], infer: [1, 256], wasm: [1, 256], checkRate: 0.05 }),
  ...network("resnet20", "CIFAR ResNet-20", "resnet20", {}, { train: [128], infer: [1, 256], wasm: [1, 256] }),
  ...network("alexnet", "AlexNet", "alexnet", { dropout: 0 }, { train: [16], infer: [1, 16], wasm: [1, 16] }),
  ...network("vgg16", "VGG-16", "vgg16", { dropout: 0 }, { train: [8], infer: [1, 8], wasm: [1, 8] }),
  ...network("resnet18", "ResNet-18", "resnet18", {}, { train: [16], infer: [1, 16], wasm: [1, 16] }),
  // With its first weights gradients are so large that a rate of 1e-6 takes 3% off the loss in four steps.
  ...network("resnet50", "ResNet-50", "resnet50", {}, { train: [16], infer: [1, 16], wasm: [1, 16], checkRate: 1e-6 }),
  // At ten times the rate its loss falls by a quarter in four steps, and Winograd's rounding is seen in the last of them.
  ...network("alphago", "AlphaGo, 192 filters", "alphago-policy", {}, { train: [16], infer: [1, 16], wasm: [1, 16], checkRate: 1e-4 }),
  ...layer(16, 3, 56, 64, 64),
  ...layer(16, 3, 28, 128, 128),
  ...layer(16, 3, 14, 256, 256),
  ...layer(16, 3, 7, 512, 512),
  ...layer(16, 1, 56, 64, 256),
  ...layer(16, 1, 14, 1024, 256),
  ...layer(16, 3, 19, 192, 192),
  // Depthwise, as MobileNet, EfficientNet and ConvNeXt have them, and the groups of RegNet.
  ...layer(16, 3, 112, 32, 32, { groups: 32 }),
  ...layer(16, 3, 56, 96, 96, { groups: 96 }),
  ...layer(16, 3, 56, 96, 96, { groups: 96, stride: 2 }),
  ...layer(16, 5, 28, 240, 240, { groups: 240 }),
  ...layer(16, 7, 14, 384, 384, { groups: 384 }),
  ...layer(16, 3, 28, 104, 104, { groups: 13 }),
];

/** The rows of `--quick` where no others are asked for, on native code: a network of each kind. */
const QUICK = ["lenet5", "resnet20", "resnet18", "alphago"];

/** The table that a row belongs to, and what `--what` asks for. @returns {"train" | "infer" | "wasm" | "layers"} */
export function tableOf({ what, on }) {
  return on ?? what;
}

/** Multiply-adds count two. Of a layer's whole batch; undefined for networks. */
export function operationsOf({ convolution, batch }) {
  if (convolution === undefined) return undefined;
  const side = outputSize(convolution);
  return 2 * batch * side ** 2 * convolution.kernel ** 2 * (convolution.in / convolution.groups) * convolution.out;
}

export function paddingOf({ kernel }) {
  return (kernel - 1) / 2;
}

export function outputSize({ size, kernel, stride }) {
  return Math.floor((size + 2 * ((kernel - 1) / 2) - kernel) / stride) + 1;
}

/** Rows whose id, title or network contains `only`, and of the tables `what` ("train,infer"); of a quick run of several tables without `only`, some networks. */
export function choose({ what, only, quick = false }) {
  const tables = what?.split(",");
  const few = quick && only === undefined && (tables ?? ["train", "infer"]).length > 1;
  return WORKLOADS.filter(
    (w) =>
      (!few || (w.on === undefined && QUICK.some((id) => w.id.startsWith(`${id}-`)))) &&
      (tables === undefined || tables.includes(tableOf(w))) &&
      (only === undefined || [w.id, w.title, w.network ?? ""].some((text) => text.includes(only))),
  );
}
