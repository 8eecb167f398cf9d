/**
 * The networks of the table with the ops of TensorFlow.js, in the form that suits it best: NHWC, bias and relu melted into
 * convolutions and products, batch norm folded into the weights before. `create(tf, workload, parameters)` gives a
 * function from the input's tensor to the logits'; the tensors of the weights are kept for it.
 */
import { fromFile } from "../numbers.mjs";

const EPSILON = 1e-5; // of batch norm

/** @param {Map<string, {shape: number[], data: Float32Array}>} parameters   in the files' layout, by torchvision's names */
export function create(tf, { network, options = {} }, parameters) {
  const build = NETWORKS[network];
  if (build === undefined) throw new Error(`no ${network} was written for TensorFlow.js`);
  return build(new Layers(tf, parameters), options);
}

/** TensorFlow.js with every tensor that is made from numbers noted in `made`, so that it can be disposed of. */
export function noting(tf, made) {
  const noted = (make) => (...numbers) => {
    const tensor = make(...numbers);
    made.push(tensor);
    return tensor;
  };
  return { ...tf, tensor1d: noted(tf.tensor1d), tensor2d: noted(tf.tensor2d), tensor4d: noted(tf.tensor4d) };
}

/** A layer is a function of a tensor; each keeps its weights as tensors, made once. */
class Layers {
  constructor(tf, parameters) {
    this.tf = tf;
    this.parameters = parameters;
  }

  /** By names without ".weight" and ".bias"; `norm` is the batch norm behind it. */
  conv(name, { stride = 1, pad = 0, norm, relu = true } = {}) {
    const { tf } = this;
    const { shape, data } = this.#get(`${name}.weight`);
    const [out, input, height, width] = shape;
    let filter = fromFile(shape, data);
    let bias = this.parameters.get(`${name}.bias`)?.data;
    if (norm !== undefined) {
      const [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map(
        (part) => this.#get(`${norm}.${part}`).data,
      );
      const factors = gamma.map((g, c) => g / Math.sqrt(variance[c] + EPSILON));
      filter = filter.map((weight, i) => weight * factors[i % out]);
      bias = beta.map((b, c) => b - mean[c] * factors[c]);
    }
    const call = {
      filter: tf.tensor4d(filter, [height, width, input, out]),
      bias: bias && tf.tensor1d(bias),
      strides: stride,
      pad: pad === 0 ? "valid" : pad,
      dimRoundingMode: pad === 0 ? undefined : "floor",
      activation: relu ? "relu" : "linear",
    };
    return (x) => tf.fused.conv2d({ x, ...call });
  }

  /** `from`: height, width and channels of the image that is flattened, in the order of channels first. */
  linear(name, { relu = false, from } = {}) {
    const { tf } = this;
    const { shape, data } = this.#get(`${name}.weight`);
    const [out, inputs] = shape;
    const matrix = tf.tensor2d(from === undefined ? fromFile(shape, data) : channelsLast(data, shape, from), [inputs, out]);
    const bias = tf.tensor1d(this.#get(`${name}.bias`).data);
    const activation = relu ? "relu" : "linear";
    return (x) => tf.fused.matMul({ a: tf.reshape(x, [-1, inputs]), b: matrix, bias, activation });
  }

  maxPool(size, stride, pad = 0) {
    const { tf } = this;
    return pad === 0 ? (x) => tf.maxPool(x, size, stride, "valid") : (x) => tf.maxPool(x, size, stride, pad, "floor");
  }

  meanOfImage() {
    return (x) => this.tf.mean(x, [1, 2]);
  }

  /** One number a point and a bias for each. */
  positionBias(name) {
    const { tf } = this;
    const bias = tf.tensor1d(this.#get(`${name}.bias`).data);
    return (x) => tf.add(tf.reshape(x, [-1, bias.size]), bias);
  }

  /** `convolutions` in a row, the input or `shortcut` of it added, relu. */
  residual(convolutions, shortcut = (x) => x) {
    const { tf } = this;
    const inner = sequence(convolutions);
    return (x) => tf.relu(tf.add(inner(x), shortcut(x)));
  }

  /** Every second row and column, with zeros for the channels that are new. */
  subsample(more) {
    const { tf } = this;
    return (x) =>
      tf.pad(tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, 2, 2, 1]), [[0, 0], [0, 0], [0, 0], [more / 2, more / 2]]);
  }

  has(name) {
    return this.parameters.has(`${name}.weight`);
  }

  channelsOf(name) {
    return this.#get(`${name}.weight`).shape[0];
  }

  #get(name) {
    const found = this.parameters.get(name);
    if (found === undefined) throw new Error(`no parameter ${name} in the workload`);
    return found;
  }
}

const sequence = (layers) => (x) => layers.reduce((value, layer) => layer(value), x);

/** A matrix [out, channels x height x width] as [height x width x channels, out]. */
function channelsLast(data, [out, inputs], [height, width, channels]) {
  const turned = new Float32Array(data.length);
  const pixels = height * width;
  for (let o = 0; o < out; o++)
    for (let c = 0; c < channels; c++)
      for (let p = 0; p < pixels; p++) turned[(p * channels + c) * out + o] = data[o * inputs + c * pixels + p];
  return turned;
}

function lenet5(l, { size = 28 }) {
  return sequence([
    l.conv("conv1", { pad: size === 28 ? 2 : 0 }),
    l.maxPool(2, 2),
    l.conv("conv2"),
    l.maxPool(2, 2),
    l.linear("fc1", { relu: true, from: [5, 5, 16] }),
    l.linear("fc2", { relu: true }),
    l.linear("fc3"),
  ]);
}

function alexnet(l) {
  return sequence([
    l.conv("features.0", { stride: 4, pad: 2 }),
    l.maxPool(3, 2),
    l.conv("features.3", { pad: 2 }),
    l.maxPool(3, 2),
    l.conv("features.6", { pad: 1 }),
    l.conv("features.8", { pad: 1 }),
    l.conv("features.10", { pad: 1 }),
    l.maxPool(3, 2),
    l.linear("classifier.1", { relu: true, from: [6, 6, 256] }),
    l.linear("classifier.4", { relu: true }),
    l.linear("classifier.6"),
  ]);
}

function vgg16(l) {
  const layers = [];
  let index = 0;
  for (const times of [2, 2, 3, 3, 3]) {
    for (let n = 0; n < times; n++, index += 2) layers.push(l.conv(`features.${index}`, { pad: 1 }));
    layers.push(l.maxPool(2, 2));
    index++;
  }
  return sequence([
    ...layers,
    l.linear("classifier.0", { relu: true, from: [7, 7, 512] }),
    l.linear("classifier.3", { relu: true }),
    l.linear("classifier.6"),
  ]);
}

/** The stages of a residual network; the stride is on the first 3x3, as torchvision has it. */
function stages(l, blocks) {
  return blocks.flatMap((count, stage) =>
    Array.from({ length: count }, (_, n) => {
      const name = `layer${stage + 1}.${n}`;
      const stride = stage > 0 && n === 0 ? 2 : 1;
      const bottleneck = l.has(`${name}.conv3`);
      const convolutions = (bottleneck ? [1, 3, 1] : [3, 3]).map((kernel, i, all) =>
        l.conv(`${name}.conv${i + 1}`, {
          stride: i === (bottleneck ? 1 : 0) ? stride : 1,
          pad: (kernel - 1) / 2,
          norm: `${name}.bn${i + 1}`,
          relu: i < all.length - 1,
        }),
      );
      return l.residual(convolutions, shortcut(l, name, stride));
    }),
  );
}

function shortcut(l, name, stride) {
  const projection = `${name}.downsample.0`;
  if (l.has(projection)) return l.conv(projection, { stride, norm: `${name}.downsample.1`, relu: false });
  return stride === 1 ? undefined : l.subsample(l.channelsOf(`${name}.conv1`) / 2);
}

const resnet = (blocks) => (l) =>
  sequence([
    l.conv("conv1", { stride: 2, pad: 3, norm: "bn1" }),
    l.maxPool(3, 2, 1),
    ...stages(l, blocks),
    l.meanOfImage(),
    l.linear("fc"),
  ]);

const resnet20 = (l) =>
  sequence([l.conv("conv1", { pad: 1, norm: "bn1" }), ...stages(l, [3, 3, 3]), l.meanOfImage(), l.linear("linear")]);

function alphago(l) {
  const hidden = Array.from({ length: 12 }, (_, i) => l.conv(`conv${i + 1}`, { pad: i === 0 ? 2 : 1 }));
  return sequence([...hidden, l.conv("conv13", { relu: false }), l.positionBias("position")]);
}

const NETWORKS = {
  lenet5,
  alexnet,
  vgg16,
  resnet18: resnet([2, 2, 2, 2]),
  resnet50: resnet([3, 4, 6, 3]),
  resnet20,
  "alphago-policy": alphago,
};
