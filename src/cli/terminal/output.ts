/** What commands write: text for people, or with --json one JSON object a line for programs. */
import { basename, relative } from "node:path";
import { jsonText, onOneLine, printable } from "../../base/text.js";
import { EXIT } from "./errors.js";

export class Output {
  readonly json: boolean;

  constructor(json: boolean) {
    this.json = json;
  }

  /** Where text and progress for people go: beside the JSON, if there is any. */
  get stream(): NodeJS.WriteStream {
    return this.json ? process.stderr : process.stdout;
  }

  /** A line for people. */
  say(line = ""): void {
    if (!this.json) process.stdout.write(`${printable(line)}\n`);
  }

  /** A line for programs. */
  event(event: Readonly<Record<string, unknown>>): void {
    if (this.json) process.stdout.write(`${jsonText(event)}\n`);
  }

  /** What both should know and is no result. */
  note(text: string): void {
    process.stderr.write(`${printable(text)}\n`);
  }
}

/** Names and values in two columns. */
export function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}

/** Rows under a head; numbers to the right. */
export function table(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const rows = cells.map((row) => row.map(onOneLine));
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const isNumber = (text: string) => /^[\d,.]*%?$/.test(text);
  const right = head.map((_, i) => rows.every((row) => isNumber(row[i]!)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}

export const percent = (part: number): string => `${(100 * part).toFixed(2)}%`;

export const seconds = (value: number): string => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} s`;

export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(2)} GiB`;
  if (value >= 2 ** 20) return `${(value / 2 ** 20).toFixed(1)} MiB`;
  return `${Math.ceil(value / 1024)} KiB`;
}

/** How this command line was called, for lines that a reader is to copy. */
export function invocation(argv = process.argv, environment = process.env): string {
  const script = argv[1] ?? "fovea";
  if (basename(script) === "main.js") return `node ${relative(process.cwd(), script)}`;
  return environment["npm_command"] === "exec" ? "npx fovea" : "fovea";
}

/** A path as a shell takes it. */
export const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replace(/'/g, `'\\''`)}'`;

/**
 * A reader that has gone (`fovea ... | head`) is no error: what is computed is on disk, and the rest is not missed. An
 * output that takes no more (a full disk) is told once; the command goes on, since what it keeps may lie elsewhere, and
 * ends with 1.
 */
export function outliveReaders(): void {
  for (const [name, stream] of [
    ["standard output", process.stdout],
    ["standard error", process.stderr],
  ] as const) {
    let told = false;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED" || told) return;
      told = true;
      process.on("exit", () => {
        process.exitCode ||= EXIT.failed;
      });
      if (stream === process.stderr) return;
      process.stderr.write(`fovea: ${name} cannot be written: ${whyUnwritable(error)}\n`);
    });
  }
}

function whyUnwritable({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOSPC") return "no space is left on the device";
  if (code === "EIO") return "the terminal or device is gone";
  return printable(message);
}
