/** Lines of text for stages: columns under each other, long ones broken where a reader would break them. */

/** Cells padded to their columns; the last column is broken at spaces where the line is longer than `width`. */
export function aligned(rows: readonly (readonly string[])[], width = Number.POSITIVE_INFINITY, indent = 0): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count - 1 }, (_, i) =>
    Math.max(0, ...rows.map((row) => (i < row.length - 1 ? row[i]!.length : 0))),
  );
  return rows.flatMap((row) => {
    const before = row.slice(0, -1).map((cell, i) => cell.padEnd(widths[i]!));
    const start = [" ".repeat(indent) + before.join("  "), ...(before.length > 0 ? [""] : [])].join("  ");
    return hanging(start, row.at(-1) ?? "", width);
  });
}

/**
 * Text behind `start`, its further lines below where it began, or six columns in where there is little room. It breaks
 * behind blanks, `+` and `,`.
 */
export function hanging(start: string, text: string, width: number): string[] {
  if (start.length + text.length <= width) return [(start + text).trimEnd()];
  const column = width - start.length >= Math.min(36, width / 2) ? start.length : Math.min(start.length, 6);
  const isNarrow = column < start.length;
  const lines = isNarrow ? [start.trimEnd()] : [];
  let open = isNarrow ? " ".repeat(column) : start;
  let isEmpty = true;
  for (const [part] of text.matchAll(/[^ +,]+[ +,]*|[ +,]+/g)) {
    if (!isEmpty && open.length + part.trimEnd().length > width) {
      lines.push(open.trimEnd());
      open = " ".repeat(column);
    }
    open += part;
    isEmpty = false;
  }
  lines.push(open.trimEnd());
  return lines;
}

/** `3,136 B`, `24.5 KiB`: whole bytes up to four digits, so that small buffers can be added up. */
export function byteText(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  if (bytes >= 10_000) return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
  return `${countText(bytes)} B`;
}

export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** `1 step`, `2 steps`. */
export const counted = (count: number, name: string): string => `${countText(count)} ${name}${count === 1 ? "" : "s"}`;

/** Nanoseconds as a reader says them: `300 ns`, `12 us`, `4.1 ms`. */
export function timeText(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${Math.round(nanoseconds)} ns`;
  if (nanoseconds >= 1e6) return `${digits(nanoseconds / 1e6)} ms`;
  return `${digits(nanoseconds / 1e3)} us`;
}

const digits = (value: number): string =>
  value >= 100 ? countText(Math.round(value)) : value >= 10 ? value.toFixed(0) : value.toFixed(1);
