/** A profile as text: a table for each program in the order of the layers, totals, and what belongs to no layer. */
import type { Profile, ProgramProfile } from "../../../analysis/profile/profile-node.js";
import type { Pass, ProfileFigures, ProfileRow } from "../../../analysis/profile/rows.js";
import { isInside } from "../../options/network-argument.js";
import { table } from "../../terminal/output.js";

export interface ProfileTextOptions {
  /** Only rows of this layer and those inside it, whatever they do. */
  readonly layer?: string | undefined;
  /** Rows that take little time, too. */
  readonly all?: boolean;
}

/** Of all time: what is less is gathered in one line. */
const SMALL = 0.002;
const COMPUTES = 30;
/** Of a processor: with less, times cannot be believed. */
const ENOUGH = 0.9;

const WORDS: Readonly<Record<Pass, string>> = {
  forward: "forward",
  backward: "backward",
  packing: "packing of weights",
  update: "update",
  loss: "loss and metrics",
  other: "other ops",
};

export const HEAD = [
  "layers",
  "pass",
  "computes",
  "strategy",
  "ms",
  "share",
  "GFLOP/s",
  "MB",
  "ops/byte",
  "of roofline",
] as const;

export function profileText(title: string, profile: Profile, options: ProfileTextOptions = {}): string {
  const parts = [headOf(title, profile)];
  for (const program of profile.programs) {
    const rows = tableRows(program, options).map((row) =>
      row.map((cell, i) => (i === 2 ? clipped(cell, COMPUTES) : cell)),
    );
    parts.push("", sentence(program), "", table([...HEAD], rows));
  }
  return [...parts, "", ...legend(profile)].join("\n");
}

export function profileMarkdown(title: string, profile: Profile, options: ProfileTextOptions = {}): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const parts = [`### ${title}`, "", headOf(title, profile)];
  for (const program of profile.programs) {
    parts.push("", sentence(program), "", line(HEAD), line(HEAD.map((_, i) => (i < 4 ? "---" : "--:"))));
    parts.push(...tableRows(program, options).map(line));
  }
  return [...parts, "", ...legend(profile)].join("\n");
}

function headOf(title: string, { input, machine }: Profile): string {
  const { backend, threads, gflops, gigabytesPerSecond } = machine;
  return (
    `${title}: takes ${input.join("x")}. ${backend} on ${threads} ${threads === 1 ? "thread" : "threads"}: ` +
    `at most ${gflops.toFixed(0)} GFLOP/s and ${gigabytesPerSecond.toFixed(1)} GB/s, which meet at ` +
    `${(gflops / gigabytesPerSecond).toFixed(1)} operations a byte.`
  );
}

function sentence({ what, batch, total, repeats, preparation, rows }: ProgramProfile): string {
  const steps = rows.reduce((sum, row) => sum + row.steps.length, 0);
  const once = preparation.reduce((sum, row) => sum + row.milliseconds, 0);
  const before = once > 0 && what === "infer" ? ` Made once, before the first batch: ${time(once)} ms.` : "";
  return (
    `${what === "infer" ? "Inference" : "Training"} at batch ${batch}: ${time(total.milliseconds)} ms in ${steps} ${steps === 1 ? "step" : "steps"}, ` +
    `medians of ${repeats} ${repeats === 1 ? "run" : "runs"}.${before}`
  );
}

function tableRows(program: ProgramProfile, { layer, all = false }: ProfileTextOptions): string[][] {
  const { rows, total, passes } = program;
  const isLayer = ({ pass }: { pass: Pass }) => pass === "forward" || pass === "backward";
  if (layer !== undefined)
    return inLayerOrder(rows)
      .filter((row) => row.layers.some((path) => isInside(path, layer)))
      .map(rowCells);
  const inLayers = inLayerOrder(rows.filter(isLayer));
  const shown = all ? inLayers : inLayers.filter(({ share }) => share >= SMALL);
  const small = inLayers.filter((row) => !shown.includes(row));
  return [
    ...shown.map(rowCells),
    ...(small.length === 0 ? [] : [[`${small.length} smaller`, "", "", "", ...figureCells(added(small))]]),
    ...passes.filter((pass) => !isLayer(pass)).map((pass) => [WORDS[pass.pass], "", "", "", ...figureCells(pass)]),
    ...passes.filter(isLayer).map((pass) => [`all ${pass.pass}`, "", "", "", ...figureCells(pass)]),
    ["total", "", "", "", ...figureCells(total)],
  ];
}

/** By the layer that they begin with, as the forward pass comes to it; within a layer as they run. */
function inLayerOrder(rows: readonly ProfileRow[]): ProfileRow[] {
  const forward = rows.filter(({ pass }) => pass === "forward");
  const order = new Map([...new Set([...forward, ...rows].map(({ layer }) => layer))].map((layer, i) => [layer, i]));
  return rows
    .map((row, i) => ({ row, i }))
    .sort((a, b) => order.get(a.row.layer)! - order.get(b.row.layer)! || a.i - b.i)
    .map(({ row }) => row);
}

const rowCells = (row: ProfileRow): string[] => [
  row.layers.length === 0 ? "(network)" : layerNames(row.layers),
  row.isAgain ? `${row.pass} again` : row.pass,
  row.computes,
  row.strategy,
  ...figureCells(row),
];

type Shown = Pick<ProfileFigures, "milliseconds" | "share" | "bytes"> & Partial<ProfileFigures>;

function figureCells({
  milliseconds,
  share,
  operations,
  gflops,
  bytes: moved,
  intensity,
  ofRoofline,
}: Shown): string[] {
  const has = operations !== undefined && operations > 0;
  return [
    time(milliseconds),
    `${(100 * share).toFixed(1)}%`,
    has ? gflops!.toFixed(1) : "",
    megabytes(moved),
    has ? intensity!.toFixed(1) : "",
    ofRoofline === undefined ? "" : `${(100 * ofRoofline).toFixed(0)}%`,
  ];
}

function added(rows: readonly ProfileRow[]): Shown {
  const sum = (of: (row: ProfileRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  return { milliseconds: sum((r) => r.milliseconds), share: sum((r) => r.share), bytes: sum((r) => r.bytes) };
}

/** `layer1.0.{conv1,bn1} + relu`: neighbours of one block share its path. */
export function layerNames(paths: readonly string[]): string {
  const groups: { readonly block: string; readonly names: string[] }[] = [];
  for (const path of paths) {
    const at = path.lastIndexOf(".");
    const [block, name] = [path.slice(0, at + 1), path.slice(at + 1)];
    const last = groups.at(-1);
    if (last !== undefined && block !== "" && last.block === block) last.names.push(name);
    else groups.push({ block, names: [name] });
  }
  return groups
    .map(({ block, names }) => (names.length === 1 ? `${block}${names[0]}` : `${block}{${names.join(",")}}`))
    .join(" + ");
}

const time = (milliseconds: number): string =>
  milliseconds >= 100
    ? milliseconds.toFixed(1)
    : milliseconds >= 10
      ? milliseconds.toFixed(2)
      : milliseconds.toFixed(3);

const megabytes = (bytes: number): string => {
  const value = bytes / 1e6;
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
};

const clipped = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`;

function legend({ programs }: Profile): string[] {
  const rows = programs.flatMap((program) => program.rows);
  const beyond = rows.some(({ ofRoofline }) => ofRoofline > 1);
  const least = Math.min(...programs.map(({ processorShare }) => processorShare));
  const uses = (name: string) => rows.some(({ strategy }) => strategy.startsWith(name));
  const fewer = [
    ...(uses("winograd") ? ["Winograd's convolutions"] : []),
    ...(uses("routed") ? ["gradients that go through a max pool to its maxima alone"] : []),
  ].join(" and ");
  return [
    "MB are the operands of the steps, each moved once; operations are two a multiply-add; the roofline is the least time for both.",
    ...(least < ENOUGH
      ? [
          `Others are using this machine: the threads had ${(100 * least).toFixed(0)}% of a processor each, so that some times may be too long.`,
        ]
      : []),
    ...(beyond
      ? [
          `More than 100%: what lies in a cache comes faster than from memory${fewer === "" ? "" : `, and ${fewer} do less than the operations of the direct form, which are counted`}.`,
        ]
      : []),
  ];
}
