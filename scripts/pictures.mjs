/**
 * Remakes docs/pictures: `node scripts/pictures.mjs` trains LeNet-5 on MNIST (some 20 seconds) and keeps its report's
 * pictures, with few colours so that they stay small; `node scripts/pictures.mjs RUN` takes those of a run that is there.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { inProject, prepare, runNode, say } from "./prepare.mjs";

const LARGEST = 60_000;
/** Name of the picture, its width and its colours: digits are many, small and grey. */
const PICTURES = [
  ["curves", 1400, 64],
  ["confusion", 800, 64],
  ["wrong", 904, 16],
  ["filters", 800, 64],
];
/** What docs/augmentation.md shows. */
const AUGMENTATION = ["augmentation", 1048, 16];
const AUGMENT = ["--augment", "rotate:15,translate:0.1,cutout:8", "--count", "4"];

if (!(await prepare())) process.exit(1);
const given = process.argv[2];
const temporary = mkdtempSync(join(tmpdir(), "fovea-pictures-"));
try {
  const run = given ?? join(temporary, "run");
  if (given === undefined) {
    const { code } = await runNode([inProject("dist/cli/main.js"), "train", "lenet5", "--data", "mnist", "--out", run]);
    if (code !== 0) process.exit(1);
  }
  const folder = inProject("docs", "pictures");
  mkdirSync(folder, { recursive: true });
  const sheet = join(temporary, "augmentation.png");
  const preview = ["data", "preview", "mnist", ...AUGMENT, "--out", sheet];
  const { code } = await runNode([inProject("dist/cli/main.js"), ...preview]);
  if (code !== 0) process.exit(1);
  for (const [name, width, colours] of [...PICTURES, AUGMENTATION]) {
    const path = join(folder, `${name}.png`);
    await sharp(name === "augmentation" ? sheet : join(run, "report", `${name}.png`))
      .resize({ width, withoutEnlargement: true })
      .png({ palette: true, colours, dither: 0, effort: 10, compressionLevel: 9 })
      .toFile(path);
    const { size } = statSync(path);
    say(`${path}: ${size} bytes`);
    if (size > LARGEST) throw new Error(`${path}: is larger than ${LARGEST} bytes: choose fewer colours or pixels`);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
