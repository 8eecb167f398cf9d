/**
 * Draws docs/pictures/floors.svg: `node scripts/floors.mjs`. The boxes are the folders of src/, each above all that it imports; arrows are
 * the imports between folders, without those that follow from others. The suite compares the file (test/docs/floors.test.ts).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const src = fileURLToPath(new URL("../src/", import.meta.url));
export const PICTURE = fileURLToPath(new URL("../docs/pictures/floors.svg", import.meta.url));

/**
 * What each folder does, in the words of a reader who has none of the others yet, and the column that it is drawn in. Its row follows
 * from the imports.
 */
const FOLDERS = {
  cli: [1, "commands and terminal"],
  go: [0, "play and study Go"],
  segmentation: [2, "label pixels"],
  analysis: [1, "look inside"],
  run: [1, "a training on disk"],
  train: [1, "steps, optimisers, loop"],
  model: [1, "trained networks, predictions"],
  devices: [0, "compile and run entries"],
  compiler: [0, "graph to program"],
  kernels: [0, "op to loops"],
  codegen: [0, "loops to machine code"],
  target: [0, "what each machine is"],
  models: [1, "registered networks"],
  nn: [1, "layers, losses, tracing"],
  ops: [1, "shape, gradient, meaning"],
  graph: [1, "values, differentiation"],
  data: [2, "data sets, augmentation"],
  formats: [2, "bytes of files"],
};

/** Drawn as bars across the bottom, one below the other. */
const BARS = {
  host: "files, threads, event loop",
  base: "errors, options, random numbers, texts: any folder may import it",
};

/** What any folder may import; an arrow to it says nothing. */
const FOUNDATION = "base";

/** For each folder of src/ the folders that its files import from. */
export function foldersOf(root = src) {
  const folders = new Map();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(root.length).replaceAll("\\", "/");
    const folder = path.split("/")[0];
    if (!entry.isFile() || !path.includes("/") || !path.endsWith(".ts") || folder === FOUNDATION) continue;
    const to = folders.get(folder) ?? new Set();
    folders.set(folder, to);
    const text = readFileSync(join(root, path), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = posix.join(posix.dirname(path), specifier).split("/")[0];
      if (target !== folder && target !== FOUNDATION) to.add(target);
    }
  }
  return folders;
}

/** How many folders at most lie between a folder and those that import nothing: 0 at the bottom. */
function heights(folders) {
  const known = new Map();
  const heightOf = (folder) => {
    if (!known.has(folder)) known.set(folder, Math.max(-1, ...[...folders.get(folder)].map(heightOf)) + 1);
    return known.get(folder);
  };
  for (const folder of folders.keys()) heightOf(folder);
  return known;
}

/** The imports that do not follow from others. */
export function arrowsOf(folders) {
  const reaches = (from, to) => folders.get(from).has(to) || [...folders.get(from)].some((next) => reaches(next, to));
  return [...folders].flatMap(([from, all]) =>
    [...all].filter((to) => ![...all].some((via) => via !== to && reaches(via, to))).map((to) => [from, to]),
  );
}

const BOX = { width: 190, height: 46 };
const GAP = { x: 64, y: 30 };
const MARGIN = 44;

/** The picture. @throws Error where a folder has no caption yet. */
export function drawFloors(folders = foldersOf()) {
  const unknown = [...folders.keys()].find((folder) => !(folder in FOLDERS) && !(folder in BARS));
  if (unknown !== undefined) throw new Error(`src/${unknown}: scripts/floors.mjs has no caption for it`);
  const arrows = arrowsOf(folders);
  const width = 2 * MARGIN + 3 * BOX.width + 2 * GAP.x;
  const depth = Math.max(...heights(folders).values());
  const places = new Map();
  for (const [folder, height] of heights(folders)) {
    if (folder in BARS) continue;
    const [column] = FOLDERS[folder];
    places.set(folder, {
      column,
      x: MARGIN + column * (BOX.width + GAP.x),
      y: rowAt(depth - height),
      width: BOX.width,
    });
  }
  Object.keys(BARS).forEach((name, i) => {
    places.set(name, { x: MARGIN, y: rowAt(depth + 1 + i), width: width - 2 * MARGIN });
  });
  const height = rowAt(depth + 1 + Object.keys(BARS).length);
  const boxes = [...places].map(([name, place]) => box(name, BARS[name] ?? FOLDERS[name][1], place));
  const lines = arrows.map(([from, to], i) => arrow(places.get(from), places.get(to), i, [...places.values()]));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Inter, system-ui, sans-serif" font-size="14">
<title>The folders of src/, each above those that it imports</title>
<style>
  .page { fill: #ffffff } .box { fill: #f1f5f9; stroke: #64748b } .name { fill: #0f172a; font-weight: 600 }
  .caption { fill: #475569; font-size: 12px } .arrow { fill: none; stroke: #94a3b8; stroke-width: 1.5 } .head { fill: #94a3b8 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #1b1b1f } .box { fill: #1e293b; stroke: #94a3b8 } .name { fill: #f8fafc }
    .caption { fill: #cbd5e1 } .arrow { stroke: #7c8ba1 } .head { fill: #7c8ba1 }
  }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>
<rect class="page" width="${width}" height="${height}" rx="8"/>
${lines.join("\n")}
${boxes.join("\n")}
</svg>
`;
}

const rowAt = (row) => MARGIN / 2 + row * (BOX.height + GAP.y);

function box(name, caption, { x, y, width }) {
  const middle = x + width / 2;
  return `<g><rect class="box" x="${x}" y="${y}" width="${width}" height="${BOX.height}" rx="6"/><text class="name" text-anchor="middle" x="${middle}" y="${y + 20}">${name}</text><text class="caption" text-anchor="middle" x="${middle}" y="${y + 37}">${caption}</text></g>`;
}

/** Down within a column; along the gap between two; into a bar along the gap beside the column. */
function arrow(from, to, number, places) {
  const path = (d) => `<path class="arrow" marker-end="url(#head)" d="${d}"/>`;
  const middle = from.y + BOX.height / 2;
  const shift = (number % 3) * 7 - 7;
  if (to.column === from.column) return path(`M${from.x + BOX.width / 2} ${from.y + BOX.height}V${to.y}`);
  if (to.column === undefined) {
    if (from.column !== 0) return path(`M${from.x + BOX.width / 2} ${from.y + BOX.height}V${to.y}`);
    return path(`M${from.x} ${middle}H${from.x - MARGIN / 2}V${to.y + BOX.height / 2}H${to.x}`);
  }
  const side = to.column > from.column ? 1 : -1;
  const isFree = !places.some(({ column, y }) => column === to.column && y >= from.y && y < to.y);
  const start = from.x + (side > 0 ? BOX.width : 0);
  const end = to.x + (side > 0 ? 0 : BOX.width);
  // A box is entered from above where none of its column is in the way.
  if (isFree) return path(`M${start} ${middle}H${to.x + BOX.width / 2}V${to.y}`);
  return path(`M${start} ${middle}H${(start + end) / 2 + shift}V${to.y + BOX.height / 2}H${end}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  writeFileSync(PICTURE, drawFloors());
  console.log(PICTURE);
}
