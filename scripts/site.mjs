/**
 * `npm run docs`: the documentation as a site, in docs/site/.vitepress/dist. It needs no network once it is built, and any web server serves it.
 * `npm run docs -- --base /fovea/` builds it for a sub-path, `npm run docs -- --serve` shows it on this machine.
 * `--out` names another folder for it.
 *
 * Its tools, VitePress and TypeDoc, are installed into docs/site at the first run.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { inProject, prepare, run, runNode, say } from "./prepare.mjs";
import { writeApi } from "./site/api.mjs";
import { contents } from "./site/contents.mjs";
import { copyPages } from "./site/pages.mjs";

const SITE = inProject("docs", "site");
const PAGES = join(SITE, ".pages");
const options = {
  base: { type: "string", default: "/" },
  out: { type: "string", default: join(SITE, ".vitepress", "dist") },
  serve: { type: "boolean", default: false },
};
const { base, out, serve } = parseArgs({ options }).values;
if (!/^\/(.*\/)?$/.test(base)) throw new Error(`--base is ${base}; expected a path that begins and ends with /`);

const done =
  (await prepare()) &&
  (await installTools()) &&
  (await writePages()) &&
  (await vitepress("build", "--outDir", resolve(out)));
if (done) say(`The site is in ${out}.`);
process.exitCode = done && (!serve || (await vitepress("preview"))) ? 0 : 1;

async function installTools() {
  const versions = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).packages : {});
  const wanted = versions(join(SITE, "package-lock.json"));
  const present = versions(join(SITE, "node_modules", ".package-lock.json"));
  const same = ([path, { version, optional }]) =>
    path === "" || (present[path] === undefined ? optional === true : present[path].version === version);
  if (Object.entries(wanted).every(same)) return true;
  say("Installing VitePress and TypeDoc into docs/site ...");
  const { code } = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: SITE,
    shell: process.platform === "win32",
  });
  return code === 0;
}

async function writePages() {
  rmSync(PAGES, { recursive: true, force: true });
  copyPages(
    contents().flatMap(({ pages }) => pages),
    PAGES,
  );
  cpSync(join(SITE, "index.md"), join(PAGES, "index.md"));
  writeLicences();
  return writeApi(join(PAGES, "api"));
}

/** The licences of what the built site contains: Vue and VitePress with what their pages load, and the typeface Inter. */
function writeLicences() {
  const code = ["vitepress", "vue", "@vueuse/core", "minisearch", "mark.js", "focus-trap", "tabbable"];
  const folders = [
    ...code.map((name) => join(SITE, "node_modules", name)),
    inProject("node_modules", "@expo-google-fonts", "inter"),
  ];
  const texts = folders.map((folder) => {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    const { name, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} (${license})\n\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8")}`;
  });
  mkdirSync(join(PAGES, "public"), { recursive: true });
  writeFileSync(join(PAGES, "public", "licences.txt"), texts.join(`\n${"-".repeat(80)}\n`));
}

async function vitepress(command, ...args) {
  const program = join(SITE, "node_modules", "vitepress", "bin", "vitepress.js");
  const { code } = await runNode([program, command, SITE, "--base", base, ...args]);
  return code === 0;
}
