/** Small parts of a report's page: sections, tables, and numbers as readers want them. */
import { escapeXml as escaped } from "./figure.js";
import { type ReportData, trainingSeconds } from "./report-data.js";

export function section(title: string, content: string, note = ""): string {
  if (content === "") return "";
  const below = note === "" ? "" : `<p class="soft">${escaped(note)}</p>`;
  return `<section><h2>${escaped(title)}</h2>${below}${content}</section>`;
}

export const percent = (part: number) => `${(100 * part).toFixed(2)}%`;
export const count = (value: number) =>
  value < 10 && !Number.isInteger(value) ? value.toPrecision(2) : Math.round(value).toLocaleString("en");
export const times = (n: number) => (n === 1 ? "once" : `${n} times`);

export function time(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Columns from `numbersFrom` on are numbers, to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], numbersFrom = 0): string {
  const cells = (row: readonly string[], tag: "th" | "td") =>
    row.map((text, i) => `<${tag}${i >= numbersFrom ? ' class="number"' : ""}>${escaped(text)}</${tag}>`).join("");
  const body = rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("");
  return `<div class="scroll"><table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export function definitions(rows: readonly (readonly [string, string])[]): string {
  return `<dl>${rows.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join("")}</dl>`;
}

export function machineRows({ machine, history }: Pick<ReportData, "machine" | "history">): [string, string][] {
  const { processor, cores, memoryBytes, system, node, backend, threads, plannedBytes } = machine;
  const seconds = trainingSeconds(history);
  const tests = history.reduce((sum, { testSeconds }) => sum + testSeconds, 0);
  const rows: [string, string][] = [
    ["processor", processor],
    ["cores", String(cores)],
    ["memory", `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ["system", system],
    ["Node.js", node],
    ["backend", `${backend}, ${threads} ${threads === 1 ? "thread" : "threads"}`],
    ["memory of the training", `${(plannedBytes / 2 ** 20).toFixed(1)} MiB`],
  ];
  if (history.length > 0)
    rows.push(
      ["time of training", time(seconds)],
      ["of an epoch", time(seconds / history.length)],
      ["time of testing", time(tests)],
    );
  return rows;
}
