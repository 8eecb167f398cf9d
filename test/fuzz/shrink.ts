/** Makes a failing network smaller as long as it fails alike: fewer layers, smaller extents, plainer parameters. */
import type { Layer, Network } from "./network.js";

/** `fails`: whether a candidate shows the same fault. Stops when nothing smaller does, or after `milliseconds`. */
export async function shrink(
  network: Network,
  fails: (candidate: Network) => Promise<boolean>,
  milliseconds = 30_000,
): Promise<Network> {
  const end = Date.now() + milliseconds;
  let least = network;
  for (let before: Network | undefined; before !== least; ) {
    before = least;
    for (const make of [withoutLayers, plainerRun, smallerInput, plainerLayers]) {
      for (let next = 0; ; ) {
        // What was made smaller has candidates of its own, from the same place on.
        const candidate = [...make(least)][next];
        if (candidate === undefined || Date.now() >= end) break;
        if (JSON.stringify(candidate) !== JSON.stringify(least) && (await fails(candidate))) least = candidate;
        else next++;
      }
    }
    if (Date.now() >= end) break;
  }
  return least;
}

/** Without the last layers, then without each one, whose readers read what it read. */
function* withoutLayers(network: Network): Iterable<Network> {
  const { layers } = network;
  for (let count = Math.ceil(layers.length / 2); count < layers.length; count++) {
    yield pruned({ ...network, layers: layers.slice(0, count) });
  }
  for (let at = layers.length - 1; at >= 0; at--) {
    for (const into of new Set(layers[at]!.of.length === 0 ? [0] : layers[at]!.of)) {
      const moved = (i: number) => (i === at + 1 ? into : i > at + 1 ? i - 1 : i);
      const rest = layers.filter((_, i) => i !== at).map((layer) => ({ ...layer, of: layer.of.map(moved) }));
      if (rest.length > 0)
        yield pruned({ ...network, layers: rest, ...(network.read && { read: network.read.map(moved) }) });
    }
  }
}

/** Without `read` of values that are gone. */
function pruned(network: Network): Network {
  const { read, ...others } = network;
  const rest = read?.filter((i) => i <= network.layers.length) ?? [];
  return rest.length === 0 ? others : { ...others, read: rest };
}

function* plainerRun(network: Network): Iterable<Network> {
  const { batches } = network;
  if (network.run === "train") {
    const { optimizer: _optimizer, techniques: _techniques, loss: _loss, ...others } = network;
    yield { ...others, run: "gradients" };
    if (network.techniques !== undefined) yield { ...network, techniques: {} };
    yield { ...network, optimizer: { name: "sgd", lr: 0.5 } };
  }
  if (network.run === "gradients") yield { ...network, run: "predict" };
  for (const name of [
    "read",
    "strategies",
    "scratch",
    "threads",
    "prepares",
    "preparesInScratch",
    "winograd",
    "infinities",
  ] as const) {
    if (network[name] === undefined) continue;
    const { [name]: _gone, ...others } = network;
    yield others;
  }
  for (const batch of batches) if (batches.length > 1) yield { ...network, batches: [batch] };
  for (const least of [1, 2]) yield { ...network, batches: batches.map((batch) => Math.min(batch, least)) };
}

function* smallerInput(network: Network): Iterable<Network> {
  for (const extent of smaller(network.input)) yield { ...network, input: extent as number[] };
}

/** Every number in a layer's parameters halved, lowered by one, or at its least; every option left out. */
function* plainerLayers(network: Network): Iterable<Network> {
  for (const [at, layer] of network.layers.entries()) {
    const { layer: name, of, ...parameters } = layer;
    const changed = (next: Record<string, unknown>): Network => {
      const layers: Layer[] = [...network.layers];
      layers[at] = { layer: name, of, ...next };
      return { ...network, layers };
    };
    for (const plain of simpler(parameters)) yield changed(plain as Record<string, unknown>);
  }
}

function* smaller(extents: readonly number[]): Iterable<readonly number[]> {
  for (const [i, extent] of extents.entries()) {
    for (const less of new Set([1, extent >> 1, extent - 1])) {
      if (less >= 1 && less < extent) yield extents.map((n, k) => (k === i ? less : n));
    }
  }
}

function* simpler(value: unknown): Iterable<unknown> {
  if (typeof value === "number") {
    for (const less of new Set([0, 1, Math.trunc(value / 2), value - 1]))
      if (Math.abs(less) < Math.abs(value)) yield less;
  } else if (Array.isArray(value)) {
    if (value.length > 4) yield value.slice(0, value.length >> 1);
    for (const [i, item] of value.entries()) {
      for (const less of simpler(item)) yield value.map((other, k) => (k === i ? less : other));
    }
  } else if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    for (const [i] of entries.entries()) yield Object.fromEntries(entries.filter((_, k) => k !== i));
    for (const [i, [key, item]] of entries.entries()) {
      for (const less of simpler(item)) yield Object.fromEntries(entries.map((e, k) => (k === i ? [key, less] : e)));
    }
  }
}
