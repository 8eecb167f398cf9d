/** Threads that are refused, for whatever cause: what they would do is done on the calling thread, to the same bits, with one note each. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomGames, storeBytes } from "../go/support/random-store.js";
import { random } from "../support/random.js";

const run = promisify(execFile);
const child = new URL("./refused-threads-child.mjs", import.meta.url).pathname;
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
  ? "--permission"
  : "--experimental-permission";

interface Answer {
  readonly pictures: string;
  readonly positions: string;
  readonly profiled: { readonly threads: number; readonly steps: boolean };
  readonly notes: readonly string[];
}

let folder: string;
let free: Answer;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
  const { integer } = random(7);
  for (const half of ["train", "val"])
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, "pictures", half, name), { recursive: true });
      for (let n = 0; n < 40; n++) {
        const pixels = Uint8Array.from({ length: 192 }, () => integer(0, 255));
        writeFileSync(
          join(folder, "pictures", half, name, `${n}.ppm`),
          Buffer.concat([Buffer.from("P6 8 8 255\n"), pixels]),
        );
      }
    }
  writeFileSync(join(folder, "games.store"), storeBytes(randomGames()));
  free = await answer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function answer(threads = "are there", flags: readonly string[] = []): Promise<Answer> {
  const { FOVEA_THREADS: _t, ...inherited } = process.env;
  const { stdout } = await run(process.execPath, [...flags, child, folder, threads], {
    env: { ...inherited, FOVEA_BACKEND: "wasm" },
    timeout: 5 * 60_000,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

const NOTES = [
  "fovea: worker threads are refused (WHY); pictures are decoded on the calling thread",
  "fovea: worker threads are refused (WHY); positions are encoded on the calling thread",
  "fovea: worker threads are refused (WHY); profiling one thread",
];

test("threads that are there are used", () => {
  expect(free).toMatchObject({ profiled: { threads: 2, steps: true }, notes: [] });
});

test.each<[what: string, why: string, flags: readonly string[]]>([
  ["may not be started", "Access to this API has been restricted", [permission, "--allow-fs-read=*", "--allow-addons"]],
  ["cannot be made", "no threads today", []],
  ["die before they are there", "Cannot find module", []],
])("threads that %s", async (what, why, flags) => {
  const { notes, ...found } = await answer(what, flags);
  expect(found).toEqual({ pictures: free.pictures, positions: free.positions, profiled: { threads: 1, steps: true } });
  // Later Nodes say more.
  expect(notes.map((note) => note.replace(/\(.*\)/, "(WHY)"))).toEqual(NOTES);
  for (const note of notes) expect(note).toContain(`(${why}`);
});
