/**
 * The same small piece of work in every environment, as a user would write it: train a network that is large enough for workers, compile
 * it, classify. Gives what came of it as plain data.
 */
import { createClassifier, FoveaError, nn, train } from "fovea";

const SIZE = 28;

function noise(length) {
  const images = new Uint8Array(length * SIZE * SIZE);
  let state = 12345;
  for (let i = 0; i < images.length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    images[i] = state >>> 24;
  }
  const labels = Uint8Array.from({ length }, (_, i) => i % 10);
  return {
    name: "noise",
    length,
    classes: [..."0123456789"],
    shape: [SIZE, SIZE, 1],
    images,
    labels,
    mean: [0.5],
    std: [0.25],
  };
}

/** FNV-1a over the bits of the logits. */
function digestOf(answers) {
  let hash = 2166136261;
  for (const { logits } of answers)
    for (const byte of new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength))
      hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

export async function smoke(options = {}) {
  const notes = [];
  try {
    const choice = { threads: 2, relaxedSimd: false, note: (text) => notes.push(text), ...options };
    const net = nn.sequential(
      nn.conv2d({ in: 1, out: 16, kernel: 5, padding: 2 }),
      nn.relu(),
      nn.maxPool2d(2),
      nn.conv2d({ in: 16, out: 32, kernel: 5, padding: 2 }),
      nn.relu(),
      nn.maxPool2d(2),
      nn.flatten(),
      nn.linear({ in: 32 * 49, out: 10 }),
    );
    const data = noise(options.backend === "interpreter" ? 4 : 64);
    const batch = Math.min(32, data.length);
    const run = await train(net, data, { epochs: 1, batchSize: batch, ...choice });
    const classify = await createClassifier(run.model, { batch, ...choice });
    const pictures = Array.from({ length: batch }, (_, i) =>
      data.images.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE),
    );
    const answers = await classify.all(pictures);
    const { backend, threads } = classify;
    await classify.close();
    return { backend, threads, digest: digestOf(answers), notes: [...new Set(notes)] };
  } catch (error) {
    const kind = error instanceof FoveaError ? error.name : `not a FoveaError: ${error?.name}`;
    return { error: kind, message: String(error?.message ?? error), notes: [...new Set(notes)] };
  }
}
