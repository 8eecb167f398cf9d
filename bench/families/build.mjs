/**
 * Builds the networks that export.py wrote, from their ATen ops, in fovea, and compares logits and the gradients of all parameters.
 * node bench/families/build.mjs FOLDER: a table of families; the first op that is not translated where one is.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileEntry } from "../../dist/compiler/compile.js";
import { Session } from "../../dist/devices/cpu/session.js";
import { permute } from "../../dist/formats/layout.js";
import { Graph, isValue } from "../../dist/graph/graph.js";
import * as ops from "../../dist/ops/index.js";

/** In the largest logit. */
const LOGITS = 1e-3;
/** Of all gradients, as the length of the difference in that of the whole: an activation near its kink may be on either side of it after rounding. */
const GRADIENTS = 3e-2;

class Missing extends Error {}
const missing = (what) => {
  throw new Missing(what);
};

/** Pictures are kept as [height, width, channels]. `last` says that PyTorch sees the channels last too. */
const seen = (value, last = false) => ({ value, last });

function build(nodes, graph, stateOf) {
  const made = new Map();
  const shapes = new Map(nodes.map((node) => [node.name, node.shape]));
  const given = (argument) => {
    if (Array.isArray(argument)) return argument.map(given);
    if (argument?.node === undefined) return argument;
    const value = made.get(argument.node);
    // Only what is read becomes a state.
    return value?.holds === undefined ? value : stateOf(value.holds);
  };
  const axisOf = ({ value, last }, dim, rank) => {
    const at = dim < 0 ? dim + rank : dim;
    if (at === 0) missing("an op along the batch");
    if (rank === 4 && value.shape.length === 3) return last ? at - 1 : [2, 0, 1][at - 1];
    return at - 1;
  };
  const isPicture = (x, rank) => isValue(x?.value) && rank === 4;
  /** A weight or number of any rank beside a picture: [C, 1, 1], [1, C, 1, 1] and scalars. */
  const beside = (operand, like) => {
    if (typeof operand === "number") return operand;
    if (operand.value.batched || operand.weight === undefined) {
      if (operand.last !== like.last && operand.value.shape.length === 3 && like.value.shape.length === 3) missing("two layouts");
      return operand.value;
    }
    const shape = operand.weight;
    const wide = shape.filter((n) => n > 1);
    const isChannels = like.value.shape.length === 3 && !like.last ? shape.length >= 3 && shape.at(-3) > 1 : shape.at(-1) > 1;
    if (wide.length === 0) return ops.reshape(operand.value, []);
    if (wide.length === 1 && isChannels) return ops.reshape(operand.value, wide);
    return missing(`a constant of ${shape.join("x")}`);
  };
  const binary = (op, scalar) => ({ self, other, alpha = 1 }) => {
    if (typeof self === "number") [self, other] = [other, self];
    if (typeof other === "number") return seen(scalar(self.value, other * alpha), self.last);
    const isSelf = self.value.batched && self.weight === undefined;
    const like = isSelf ? self : other;
    if (alpha !== 1) missing("alpha");
    return seen(op(isSelf ? self.value : beside(self, like), isSelf ? beside(other, like) : other.value), like.last);
  };
  const unary = (op) => ({ self, input }) => {
    const x = self ?? input;
    return seen(op(x.value), x.last);
  };
  const pair = (p, standard) => (p === undefined || p.length === 0 ? standard : p.length === 1 ? [p[0], p[0]] : p);
  const flat = (x) => seen(x.value.shape.length === 3 && x.last ? missing("a reshape of channels last") : ops.reshape(x.value, [x.value.shape.reduce((a, b) => a * b, 1)]));
  /** Channels in groups, [N, groups, channels, H, W], become channels again: as they were, or interleaved. */
  const ungrouped = ({ value, groups: [count, each], isSwapped = false }) => {
    const table = Array.from({ length: count * each }, (_, c) => (c % count) * each + Math.floor(c / count));
    return seen(isSwapped ? ops.arrange(value, table) : value);
  };
  const reshaped = (x, shape, from) => {
    const isGrouped = from.length === 4 && shape.length === 5 && shape[1] * shape[2] === from[1] && !x.last;
    if (isGrouped) return { ...x, groups: [shape[1], shape[2]] };
    // Factors of channels, under whatever rank PyTorch multiplies by them.
    if (x.weight !== undefined && !x.value.batched) return { ...x, weight: shape };
    if (x.groups !== undefined && shape.length === 4) return ungrouped(x);
    if (shape.length === 2 && shape[0] === from[0]) return flat(x);
    if (shape.join() === from.join()) return x;
    if (from.length === 2 && shape.length === 4 && shape[2] === 1 && shape[3] === 1)
      return seen(ops.reshape(x.value, [1, 1, shape[1]]));
    return missing(`a reshape of ${from.length} to ${shape.length} axes`);
  };
  const table = {
    conv2d: ({ input, weight, bias, stride, padding, dilation, groups = 1 }) => {
      if (input.last || weight.value.shape.length !== 4) missing("a convolution of computed weights");
      const how = padding === "same" ? "same" : padding === "valid" ? 0 : pair(padding, [0, 0]);
      const window = { stride: pair(stride, [1, 1]), padding: how, dilation: pair(dilation, [1, 1]), groups };
      const y = ops.conv2d(input.value, weight.value, window);
      return seen(bias ? ops.add(y, bias.value) : y);
    },
    batch_norm: ({ input, weight, bias, running_mean: m, running_var: v, eps }) => {
      if (m == null) missing("batch_norm of weights");
      const deviation = ops.sqrt(ops.scale(v.value, 1, eps));
      const factor = weight ? ops.divide(weight.value, deviation) : ops.power(deviation, -1);
      const centred = ops.subtract(input.value, m.value);
      const y = ops.multiply(centred, factor);
      return seen(bias ? ops.add(y, bias.value) : y, input.last);
    },
    linear: ({ input, weight, bias }) => {
      const { shape } = input.value;
      const y =
        shape.length === 1
          ? ops.linear(input.value, weight.value)
          : input.last && shape.length === 3
            ? ops.conv2d(input.value, ops.reshape(weight.value, [1, 1, ...weight.value.shape]))
            : missing(`linear over ${shape.length} axes`);
      return seen(bias ? ops.add(y, bias.value) : y, input.last);
    },
    layer_norm: ({ input, normalized_shape, weight, bias, eps }) => {
      const { value, last } = input;
      if (normalized_shape.length !== 1 || (value.shape.length === 3 && !last)) missing("layer_norm");
      const axes = [value.shape.length - 1];
      const centred = ops.subtract(value, ops.mean(value, { axes, keepDims: true }));
      const spread = ops.mean(ops.square(centred), { axes, keepDims: true });
      const y = ops.multiply(centred, ops.power(ops.scale(spread, 1, eps), -0.5));
      return seen(weight ? ops.add(ops.multiply(y, weight.value), bias.value) : y, last);
    },
    cat: ({ tensors, dim = 0 }, { shape }) => seen(ops.concat(tensors.map((t) => t.value), axisOf(tensors[0], dim, shape.length)), tensors[0].last),
    mean: ({ self, dim, keepdim = false }, _node, rank) => {
      const axes = dim.map((d) => axisOf(self, d, rank));
      const y = ops.mean(self.value, { axes });
      if (!keepdim) return seen(y, axes.length === 1 && self.last);
      return seen(ops.reshape(y, self.value.shape.map((n, a) => (axes.includes(a) ? 1 : n))), self.last);
    },
    adaptive_avg_pool2d: ({ self, output_size }) => seen(ops.adaptiveAvgPool2d(self.value, output_size)),
    avg_pool2d: ({ self, kernel_size, stride, padding, ceil_mode = false, count_include_pad = true }) => {
      const kernel = pair(kernel_size);
      const options = { stride: pair(stride, kernel), padding: pair(padding, [0, 0]), ceil: ceil_mode };
      return seen(ops.avgPool2d(self.value, kernel, { ...options, divisor: count_include_pad ? "window" : "valid" }));
    },
    max_pool2d: ({ self, kernel_size, stride, padding, dilation, ceil_mode = false }) => {
      const kernel = pair(kernel_size);
      const options = { stride: pair(stride, kernel), padding: pair(padding, [0, 0]), dilation: pair(dilation, [1, 1]), ceil: ceil_mode };
      return seen(ops.maxPool2d(self.value, kernel, options));
    },
    flatten: ({ self, start_dim = 0 }) => (start_dim === 1 ? flat(self) : missing(`flatten from axis ${start_dim}`)),
    view: ({ self, size }, { shape }, _rank, from) => reshaped(self, shape ?? size, from),
    squeeze: ({ self }, { shape }, _rank, from) => reshaped(self, shape, from),
    unsqueeze: ({ self }, { shape }, _rank, from) => reshaped(self, shape, from),
    transpose: ({ self, dim0, dim1 }) =>
      self.groups !== undefined && dim0 + dim1 === 3 && dim0 * dim1 === 2 ? { ...self, isSwapped: true } : missing(`transpose ${dim0} ${dim1}`),
    permute: ({ self, dims }, _node, rank) => {
      const order = dims.map((d) => (d < 0 ? d + rank : d)).join();
      if (order === "0,2,3,1" && !self.last) return seen(self.value, true);
      if (order === "0,3,1,2" && self.last) return seen(self.value, false);
      return missing(`permute ${order}`);
    },
    chunk: ({ self, dim = 0 }, { parts }, rank) => {
      const axis = axisOf(self, dim, rank);
      let from = 0;
      return parts.map((shape) => {
        const end = from + shape[(dim + rank) % rank];
        const part = seen(ops.slice(self.value, axis, from, end), self.last);
        from = end;
        return part;
      });
    },
    slice: ({ self, dim = 0, start = 0, end, step = 1 }, { shape }, rank, from) => {
      if (shape.join() === from.join()) return self;
      if (step !== 1) missing("slices with a step");
      const first = start < 0 ? start + from[dim] : start;
      return seen(ops.slice(self.value, axisOf(self, dim, rank), first, first + shape[dim]), self.last);
    },
    pad: ({ self, pad, value = 0, mode = "constant" }, _node, rank) => {
      if (mode !== "constant") missing(`${mode} padding`);
      const [before, after] = [[0, 0, 0], [0, 0, 0]];
      for (let i = 0; i < pad.length / 2; i++) {
        if (pad[2 * i] === 0 && pad[2 * i + 1] === 0) continue;
        const axis = axisOf(self, rank - 1 - i, rank);
        [before[axis], after[axis]] = [pad[2 * i], pad[2 * i + 1]];
      }
      return seen(ops.pad(self.value, before, after, value ?? 0), self.last);
    },
    upsample_bilinear2d: (_arguments, { shape }, _rank, _from, x) => seen(ops.resize(x.value, shape.slice(2), "bilinear")),
    upsample_nearest2d: (_arguments, { shape }, _rank, _from, x) => seen(ops.resize(x.value, shape.slice(2), "nearest")),
    hardtanh: ({ self, min_val = -1, max_val = 1 }) => seen(ops.clip(self.value, { min: min_val, max: max_val }), self.last),
    gelu: ({ self, approximate = "none" }) => seen(ops.gelu(self.value, { approximate }), self.last),
    prelu: ({ self, weight }) => seen(ops.prelu(self.value, weight.value), self.last),
    leaky_relu: ({ self, negative_slope = 0.01 }) => seen(ops.leakyRelu(self.value, { slope: negative_slope }), self.last),
    add: binary(ops.add, (x, n) => ops.scale(x, 1, n)),
    mul: binary(ops.multiply, (x, n) => ops.scale(x, n)),
    sub: binary(ops.subtract, (x, n) => ops.scale(x, 1, -n)),
    div: binary(ops.divide, (x, n) => ops.scale(x, 1 / n)),
    relu: unary(ops.relu),
    relu6: unary(ops.relu6),
    sigmoid: unary(ops.sigmoid),
    tanh: unary(ops.tanh),
    silu: unary(ops.silu),
    mish: unary(ops.mish),
    elu: unary(ops.elu),
    softplus: unary(ops.softplus),
    hardswish: unary(ops.hardSwish),
    hardsigmoid: unary(ops.hardSigmoid),
    pow: ({ self, exponent }) => seen(exponent === 2 ? ops.square(self.value) : ops.power(self.value, exponent), self.last),
    getitem: (a) => a[0][a[1]],
  };
  for (const same of ["dropout", "feature_dropout", "contiguous", "clone",  "detach_", "alias", "to", "identity"]) table[same] = ({ self, input }) => self ?? input;
  for (const [other, name] of [["mean_dim", "mean"], ["reshape", "view"], ["_unsafe_view", "view"], ["split", "chunk"], ["split_with_sizes", "chunk"], ["concat", "cat"], ["concatenate", "cat"], ["constant_pad_nd", "pad"], ["clamp_min", "missing"]])
    if (table[name]) table[other] = table[name];
  let output;
  for (const node of nodes) {
    if (node.op === "placeholder") made.set(node.name, node.holds ? { holds: node.holds } : seen(graph.input("input", { shape: [node.shape[2], node.shape[3], node.shape[1]] })));
    if (node.op === "output") output = given(node.arguments[0]).flat().find((x) => x !== null);
    if (node.op !== "call_function") continue;
    const name = node.target.replace(/^aten\./, "").replace(/\.(.*)$/, "").replace(/_$/, "").replace(/^<built-in function (.*)>$/, "$1");
    const first = Object.values(node.arguments)[0];
    const from = shapes.get(first?.node ?? first?.[0]?.node) ?? [];
    const call = table[name] ?? missing(name);
    const parts = nodes.filter((n) => n.target?.includes("getitem") && n.arguments[0]?.node === node.name).sort((a, b) => a.arguments[1] - b.arguments[1]).map((n) => n.shape);
    const all = Object.fromEntries(Object.entries(node.arguments).map(([key, argument]) => [key, given(argument)]));
    made.set(node.name, call(all, { ...node, parts }, from.length, from, given(first)));
  }
  if (!isPicture(output, 4) && !isValue(output?.value)) missing("an output");
  return output;
}

const toFovea = (data, s) => (s.length === 4 ? permute(data, s, [2, 3, 1, 0]) : s.length === 2 ? permute(data, s, [1, 0]) : data);
const shapeInFovea = (s) => (s.length === 4 ? [s[2], s[3], s[1], s[0]] : s.length === 2 ? [s[1], s[0]] : s);

async function measure({ nodes, tensors }, numbers) {
  let at = 0;
  const kinds = { state: new Map(), gradient: new Map(), picture: new Map(), logits: new Map() };
  for (const tensor of tensors) {
    kinds[tensor.kind].set(tensor.name, { ...tensor, data: numbers.subarray(at, at + tensor.count) });
    at += tensor.count;
  }
  const graph = new Graph();
  const states = new Map();
  const stateOf = (name) => {
    const { shape } = kinds.state.get(name) ?? missing("a constant");
    if (!states.has(name)) states.set(name, { ...seen(graph.state(name, "parameter", shapeInFovea(shape))), weight: shape });
    return states.get(name);
  };
  const output = build(nodes, graph, stateOf);
  const trained = [...kinds.gradient.keys()].filter((name) => states.has(name));
  const { shape, data: expected } = kinds.logits.get("logits");
  const direction = graph.input("direction", { shape: output.value.shape });
  const product = ops.multiply(output.value, direction);
  // A mean over the batch of 2: the sum is twice that.
  const loss = ops.scale(ops.mean(ops.sum(product), { batch: true }), 2);
  const gradients = ops.differentiate(loss, trained.map((name) => states.get(name).value));
  const outputs = { logits: output.value, ...Object.fromEntries(trained.map((name, i) => [`d ${name}`, gradients[i]])) };
  const session = await Session.create({ note: () => {} });
  try {
    const program = await session.load(compileEntry({ name: "family", outputs, assigns: [] }, { target: session.target, winograd: session.winograd, maxBatch: 2 }));
    for (const [name, { value, weight }] of states) {
      const { data } = kinds.state.get(name);
      if (value !== undefined) await session.writeState(name, Float32Array.from(toFovea(data, weight)));
    }
    const slot = await program.acquire();
    const picture = kinds.picture.get("x");
    slot.fill("input", permute(picture.data, picture.shape, [0, 2, 3, 1]));
    const line = Float32Array.from(expected, (_, i) => -1 + (2 * i) / (expected.length - 1));
    const nhwc = (data) => (shape.length === 4 ? permute(data, shape, [0, 2, 3, 1]) : data);
    slot.fill("direction", nhwc(line));
    await slot.run(2);
    const [found, wantedLogits] = [slot.output("logits"), nhwc(expected)];
    const most = wantedLogits.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const logits = wantedLogits.reduce((m, x, i) => Math.max(m, Math.abs(found[i] - x)), 0) / most;
    let [apart, whole] = [0, 0];
    for (const name of trained) {
      const { data, shape: own } = kinds.gradient.get(name);
      const wanted = toFovea(data, own);
      for (const [i, x] of slot.output(`d ${name}`).entries()) {
        apart += (x - wanted[i]) ** 2;
        whole += wanted[i] ** 2;
      }
    }
    slot.release();
    return { logits, gradients: Math.sqrt(apart / whole) };
  } finally {
    await session.close();
  }
}

const folder = process.argv[2];
const rows = [];
for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const family = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const row = { family: family.family, network: family.network, result: "" };
  rows.push(row);
  if (family.error !== undefined) {
    row.result = `not exported: ${family.error}`;
  } else {
    try {
      const bytes = readFileSync(join(folder, file.replace(/json$/, "f32")));
      const { logits, gradients } = await measure(family, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
      const isSame = logits < LOGITS && gradients < GRADIENTS;
      row.result = `${isSame ? "matches" : "DIFFERS"}: logits ${logits.toExponential(1)}, gradients ${gradients.toExponential(1)}`;
    } catch (error) {
      row.result = error instanceof Missing ? `not translated: ${error.message}` : `fails: ${String(error.message).split("\n")[0].slice(0, 160)}`;
    }
  }
  console.log(`| ${row.family} | ${row.network} | ${row.result} |`);
}
const count = (start) => rows.filter(({ result }) => result.startsWith(start)).length;
console.log(`\n${rows.length} families: ${count("matches")} build and match, ${count("DIFFERS")} differ, ${count("not translated")} are not translated, ${count("fails")} fail, ${count("not exported")} were not exported.`);
