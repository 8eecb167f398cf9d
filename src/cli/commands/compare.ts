/** `fovea compare`: accuracy, operations, memory and time of several networks, as pictures and as a table. */
import { availableParallelism, freemem } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { CANZIANI } from "../../analysis/compare/families.js";
import {
  BATCHES,
  BUDGET_MS,
  type ComparedNetwork,
  type Comparison,
  compareNetworks,
} from "../../analysis/compare/measure.js";
import { comparisonRows } from "../../analysis/compare/table.js";
import { OptionError } from "../../base/errors.js";
import { BACKEND_NAMES, type BackendName } from "../../devices/machine-options.js";
import { checkFolderWritable } from "../../host/atomic-write-node.js";
import { list } from "../../models/index.js";
import { oneOf, repeated, wholeOf } from "../options/arguments.js";
import { DEVICE } from "../options/machine.js";
import { MODULE, ownNetwork } from "../own/own-network.js";
import { EXIT } from "../terminal/errors.js";
import { bytes, Output, quoted, table } from "../terminal/output.js";
import { Progress, showCount } from "../terminal/progress.js";
import { StopRequest } from "../terminal/stop.js";

interface Flags {
  readonly canziani?: boolean;
  readonly module?: readonly string[];
  readonly out: string;
  readonly batches?: readonly number[];
  readonly quick?: boolean;
  readonly time: boolean;
  readonly threads?: number;
  readonly device?: string;
  readonly backend?: BackendName;
  readonly json?: boolean;
}

const QUICK = { batches: [1, 4, 16], budgetMs: 100 } as const;

export function compareCommand(program: Command): void {
  program
    .command("compare")
    .summary("compare networks: accuracy, operations, memory and time")
    .description(
      "Compares networks as Canziani, Paszke and Culurciello (2017) do: published accuracy against operations, measured time a " +
        "picture against operations and against the batch size, and planned memory against the batch size. Writes each picture " +
        "as SVG and PNG, and compare.csv. Ctrl-C keeps what was measured.",
    )
    .argument("[networks...]", "networks by name (`fovea models` lists them), or all")
    .option("--canziani", `the networks of that paper: ${CANZIANI.join(", ")}`)
    .option(MODULE[0], `${MODULE[1]}; may be repeated`, repeated)
    .option("--out <folder>", "where the pictures and the table go", "compare")
    .option("--batches <list>", `batch sizes, ascending (default: ${BATCHES.join(",")})`, batchList)
    .option("--quick", `batch sizes ${QUICK.batches.join(", ")} and a short measurement`)
    .option("--no-time", "measure no time")
    .option(...DEVICE)
    .option("--threads <n>", "worker threads (default: all processors)", wholeOf("--threads", 1))
    .option("--backend <name>", `${BACKEND_NAMES.join(", ")} (default: the fastest)`, oneOf("--backend", BACKEND_NAMES))
    .option("--json", "one JSON object a network and batch size on standard output, for programs")
    .helpOption("-h, --help", "show this")
    .addHelpText(
      "after",
      `
Examples:
  $ fovea compare alexnet vgg16 resnet18 resnet50 squeezenet1_1 --quick
  $ fovea compare --canziani --out canziani
  $ fovea compare resnet20 resnet56 resnet110 --out cifar --batches 1,8,64
  $ fovea compare all --no-time`,
    )
    .action(async (names: string[], flags: Flags) => {
      process.exitCode = await compare(names, flags);
    });
}

function batchList(text: string): readonly number[] {
  const sizes = text.split(",").map(wholeOf("--batches", 1));
  if (sizes.some((size, i) => i > 0 && size <= sizes[i - 1]!))
    throw new OptionError(`--batches ${text}: expected ascending numbers, such as 1,4,16`);
  return sizes;
}

async function compare(asked: readonly string[], flags: Flags): Promise<number> {
  await checkFolderWritable(flags.out);
  const output = new Output(flags.json ?? false);
  const known = asked.length === 1 && asked[0] === "all" ? list().map(({ name }) => name) : asked;
  const own: string[] = [];
  for (const module of flags.module ?? []) own.push((await ownNetwork(module)).name);
  const names = [...(flags.canziani ? CANZIANI : []), ...known, ...own];
  const batches = flags.batches ?? (flags.quick ? QUICK.batches : BATCHES);
  const budgetMs = !flags.time ? 0 : flags.quick ? QUICK.budgetMs : BUDGET_MS;
  const { threads, backend, device } = flags;
  const progress = new Progress({ total: names.length * batches.length, label: "comparing", unit: "measurements" });
  const stop = new StopRequest(() =>
    progress.log("stopping after the measurement under way; a second Ctrl-C ends at once"),
  );
  let done = 0;
  try {
    const comparison = await compareNetworks(names, {
      ...(threads === undefined ? {} : { threads }),
      ...(backend === undefined ? {} : { backend }),
      ...(device === undefined ? {} : { device }),
      batches,
      budgetMs,
      mostBytes: freemem() * 0.8,
      note: (text) => progress.log(text),
      onProgress: ({ network, batch }) => progress.update(done++, { network, batch: String(batch) }),
      signal: stop.abort,
    });
    progress.stop();
    const { writeComparison } = await import("../../analysis/compare/write-node.js");
    const written = await writeComparison(comparison, flags.out);
    for (const row of comparisonRows(comparison)) output.event(row);
    output.say(comparisonText(comparison));
    output.say();
    output.note(`fovea: wrote ${quoted(join(flags.out, "compare.csv"))} and ${written.length - 1} pictures beside it`);
    return comparison.stopped ? stop.exitCode : EXIT.ok;
  } finally {
    progress.stop();
    stop.release();
  }
}

/** A row a network: figures at its smallest and largest batch. */
export function comparisonText({ networks, backend, threads }: Comparison): string {
  const sizes = [...new Set(networks.flatMap(({ batches }) => batches.map(({ batch }) => batch)))].sort(
    (a, b) => a - b,
  );
  const shown = sizes.length > 1 ? [sizes[0]!, sizes.at(-1)!] : sizes;
  const isTimed = networks.some(({ batches }) => batches.some((b) => b.millisecondsAPicture !== undefined));
  const at = ({ batches }: ComparedNetwork, size: number) => batches.find(({ batch }) => batch === size);
  const head = [
    "network",
    "top-1",
    "multiply-adds",
    "parameters",
    ...shown.map((size) => `memory at ${size}`),
    ...(isTimed ? shown.map((size) => `ms a picture at ${size}`) : []),
  ];
  const rows = networks.map((network) => [
    network.name,
    network.published === undefined ? "" : `${network.published.top1.toFixed(2)}%`,
    showCount(network.multiplyAdds),
    showCount(network.parameters),
    ...shown.map((size) => {
      const memory = at(network, size)?.memoryBytes;
      return memory === undefined ? "" : bytes(memory);
    }),
    ...(isTimed
      ? shown.map((size) => {
          const time = at(network, size)?.millisecondsAPicture;
          return time === undefined ? "" : time >= 1000 ? showCount(time) : time.toPrecision(3);
        })
      : []),
  ]);
  const on = isTimed ? [`Measured on ${backend}, ${threads} of ${availableParallelism()} processors.`] : [];
  return [table(head, rows), ...(on.length === 0 ? [] : ["", ...on])].join("\n");
}
