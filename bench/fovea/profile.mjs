/**
 * `npm run bench -- --profile`: where a program's time goes, step by step. Each step's pieces are cut as a team of
 * `threads` would cut them, but all shares run on this thread, one after the other: their sum is the step's work, the
 * largest is what a team waits for at the next barrier. Steps between two barriers add up a thread.
 */
import { nativePieces } from "./resident.mjs";
import { compileWorkload, numbersOf, TIMED_RATE } from "./programs.mjs";

/** Microseconds of each step, medians of `repeats` runs of the whole program. */
export async function profile(workload, folder, { threads = 2, repeats = 60, backend } = {}) {
  const { target, load } = await nativePieces(backend);
  const started = performance.now();
  const { program, graph } = compileWorkload(workload, target);
  const compileMs = performance.now() - started;
  const resident = await load(program, numbersOf(workload, folder), TIMED_RATE);
  const steps = program.steps.map((step, n) => ({
    n,
    label: step.label,
    kernel: program.kernels[step.kernel].name,
    barrier: step.barrier,
    pieces: resident.pieces(n, workload.batch),
    shares: Array.from({ length: threads }, () => []),
  }));
  const warm = Math.ceil(repeats / 10) + 2;
  for (let repeat = -warm; repeat < repeats; repeat++) {
    for (const step of steps) {
      for (let t = 0; t < threads; t++) {
        const begin = Math.floor((step.pieces * t) / threads);
        const end = Math.floor((step.pieces * (t + 1)) / threads);
        if (begin === end) continue;
        const before = process.hrtime.bigint();
        resident.run(step.n, begin, end, workload.batch);
        const after = process.hrtime.bigint();
        if (repeat >= 0) step.shares[t].push(Number(after - before) / 1000);
      }
    }
  }
  const rows = steps.map(({ shares, ...step }) => {
    const times = shares.map((list) => (list.length === 0 ? 0 : median(list)));
    return { ...step, times, us: times.reduce((a, b) => a + b, 0) };
  });
  attributeOperations(rows, graph, workload.batch);
  return { rows, team: teamTime(rows, threads), alone: sum(rows.map((r) => r.us)), compileMs, program, target };
}

/** What a team needs at best: for each run of steps without a barrier, the thread that has most to do. */
function teamTime(rows, threads) {
  let total = 0;
  let level = new Array(threads).fill(0);
  for (const { barrier, times } of rows) {
    if (barrier) {
      total += Math.max(...level);
      level = new Array(threads).fill(0);
    }
    for (let t = 0; t < threads; t++) level[t] += times[t];
  }
  return total + Math.max(...level);
}

/** A label's operations go to its longest step: packing and adding up partial sums are not what the op is for. */
function attributeOperations(rows, graph, batch) {
  const longest = new Map();
  for (const row of rows) {
    const known = longest.get(row.label);
    if (known === undefined || row.us > known.us) longest.set(row.label, row);
  }
  for (const [label, row] of longest) {
    const [path, ops] = label.includes(" ") ? [label.slice(0, label.lastIndexOf(" ")), label.slice(label.lastIndexOf(" ") + 1)] : ["", label];
    const node = graph.values.find((v) => v.path === path && v.op.name === ops.split("+")[0]);
    if (node === undefined) continue;
    const { multiplyAdds } = node.op.cost(node.inputs, node.attributes, node);
    const samples = node.batched || node.inputs.some((i) => i.batched) ? batch : 1;
    if (multiplyAdds > 0) row.gflops = (2 * multiplyAdds * samples) / row.us / 1000;
  }
}

export function profileText(workload, { rows, team, alone, compileMs, program, target }) {
  const lines = [
    `${workload.title} (${workload.what}), ${target.name}: ${rows.length} steps, ${program.kernels.length} kernels, ` +
      `compiled in ${compileMs.toFixed(0)} ms; ${alone.toFixed(0)} us on one thread, ` +
      `${team.toFixed(0)} us on two at best (barriers and waking not counted)`,
    "",
    `    ${"step".padEnd(58)} ${"kernel".padEnd(24)} ${"pieces".padStart(6)} ${"us".padStart(8)} ${"share".padStart(6)} ${"slower half".padStart(11)} ${"GFLOP/s".padStart(8)}`,
  ];
  for (const { n, label, kernel, barrier, pieces, us, times, gflops } of rows) {
    lines.push(
      `${barrier ? "|" : " "}${String(n).padStart(2)} ${fit(label, 58)} ${fit(kernel, 24)} ${String(pieces).padStart(6)} ${us.toFixed(1).padStart(8)} ` +
        `${((100 * us) / alone).toFixed(1).padStart(5)}% ${Math.max(...times).toFixed(1).padStart(11)} ${gflops === undefined ? "" : gflops.toFixed(0).padStart(8)}`,
    );
  }
  const kinds = new Map();
  for (const { kernel, us } of rows) kinds.set(kernel, (kinds.get(kernel) ?? 0) + us);
  lines.push("", "by kernel:");
  for (const [kernel, us] of [...kinds].sort((a, b) => b[1] - a[1]))
    lines.push(`    ${fit(kernel, 40)} ${us.toFixed(1).padStart(9)} us ${((100 * us) / alone).toFixed(1).padStart(5)}%`);
  return lines.join("\n");
}

function fit(text, width) {
  return (text.length > width ? `${text.slice(0, width - 3)}...` : text).padEnd(width);
}

function median(list) {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
}

function sum(list) {
  return list.reduce((a, b) => a + b, 0);
}
