/** One case of `npm run fuzz -- networks`: draws a network, tries it, and shrinks and prints one that fails. */
import { type AttemptOptions, attempt, type Failure } from "./attempt.js";
import { drawNetwork } from "./draw.js";
import type { Network } from "./network.js";
import { shrink } from "./shrink.js";

export interface Finding {
  /** Equal for the same fault, as far as can be told. */
  readonly title: string;
  /** The fault, and a program that shows it. */
  readonly text: string;
}

export interface Tried {
  readonly findings: readonly Finding[];
  /** Whether the seed gave a legal network. */
  readonly isLegal: boolean;
}

const shrunk = new Map<string, Finding>();

export async function trySeed(seed: number, options: AttemptOptions = {}): Promise<Tried> {
  const network = drawNetwork(seed);
  const failures = await attempt(network, options);
  if (failures === undefined) return { findings: [], isLegal: false };
  const findings: Finding[] = [];
  for (const kind of new Set(failures.map(kindOf))) {
    findings.push(await found(network, failures.find((f) => kindOf(f) === kind)!, options));
  }
  return { findings, isLegal: true };
}

/** What a fault is told by: what is thrown, without its numbers. That numbers are wrong has many causes, which only a small case tells apart. */
const kindOf = ({ stage, message }: Failure): string =>
  `${stage}: ${message
    .split("\n", 1)[0]!
    .replace(/: run \d.*|y at.*/, "")
    .replace(/(wrong numbers|other bits).*/, "$1")
    .replace(/-?\d[\d.e+-]*/g, "N")
    .slice(0, 160)}`;

async function found(network: Network, failure: Failure, options: AttemptOptions): Promise<Finding> {
  const kind = kindOf(failure);
  const isThrown = failure.stage !== "compare";
  const known = shrunk.get(kind);
  if (known !== undefined && isThrown) return known;
  const all = options.machines?.includes("interpreter") ?? true;
  // An encoder fails without a run; numbers of one machine are looked at there.
  const machines =
    failure.machine === "any" ? options.machines : [failure.machine, ...(all && !isThrown ? ["interpreter"] : [])];
  const again = async (candidate: Network) =>
    (await attempt(candidate, machines === undefined ? {} : { machines }))?.find((f) => kindOf(f) === kind);
  const least = await shrink(network, async (candidate) => (await again(candidate)) !== undefined);
  const last = (await again(least)) ?? failure;
  const layers = least.layers.map((layer) => (layer.layer === "op" ? layer["op"] : layer.layer)).join(", ");
  const title = isThrown ? kind : `${kind}: ${layers}`;
  const finding = { title, text: `${title}\n${program(least, last, network.seed, machines)}` };
  shrunk.set(kind, finding);
  return finding;
}

/** A test that fails. */
function program(
  network: Network,
  { machine, stage, message }: Failure,
  seed: number,
  machines: readonly string[] | undefined,
): string {
  const { layers, ...others } = network;
  return `// seed ${seed}, ${stage} on ${machine}: ${message.split("\n", 1)[0]!.slice(0, 300)}
// test/found.test.ts; run it with npx vitest run test/found.test.ts
import { expect, it } from "vitest";
import { attempt } from "./fuzz/attempt.js";

it("is right", async () => {
  const layers = [
${layers.map((layer) => `    ${JSON.stringify(layer)},\n`).join("")}  ];
  const network = { ...${JSON.stringify(others)}, layers };
  expect(await attempt(network as never, ${JSON.stringify(machines === undefined ? {} : { machines })})).toEqual([]);
});`;
}
