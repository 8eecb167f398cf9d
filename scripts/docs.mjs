/**
 * Writes anew what documents show as printed: `node scripts/docs.mjs`. In a page of PAGES, all ```js blocks together are one program, and
 * a ```text block right behind one holds what that block prints; a ```console block holds commands (`$ fovea ...`), each
 * with what it prints. The suite runs the same and compares (test/scripts/docs.test.ts).
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

export const PAGES = [
  "docs/coming-from-pytorch.md",
  "docs/your-first-kernel.md",
  "docs/your-first-layer.md",
  "docs/your-first-op.md",
  "docs/your-own-step.md",
];

const root = fileURLToPath(new URL("..", import.meta.url));
const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const MARK = "---- printed by block ";

/** A page with what its blocks print now. Throws where a block fails. */
export function refreshed(markdown) {
  const blocks = [...markdown.matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const printed = blocks.length === 0 ? [] : runBlocks(blocks);
  let block = 0;
  return markdown
    .replace(/```js\n[\s\S]*?```(\n+```text\n[\s\S]*?```)?/g, (all, text) => {
      const now = printed[block++];
      if (text === undefined) return all;
      return `${all.slice(0, -text.length)}\n\n\`\`\`text\n${now}\n\`\`\``;
    })
    .replace(/```console\n([\s\S]*?)```/g, (_, body) => {
      const commands = body.split("\n").filter((line) => line.startsWith("$ "));
      return `\`\`\`console\n${commands.map((line) => `${line}\n${runCommand(line)}\n`).join("")}\`\`\``;
    });
}

/** What each block prints, in one process, as a module in the project's folder. */
function runBlocks(blocks) {
  const code = blocks.map((text, i) => `${text}\nconsole.log("${MARK}${i}");`).join("\n");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-"], {
    cwd: root,
    input: code,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the blocks of a page fail:\n${stderr}`);
  return blocks.map((_, i) => {
    const start = i === 0 ? 0 : stdout.indexOf(`${MARK}${i - 1}\n`) + `${MARK}${i - 1}\n`.length;
    return stdout.slice(start, stdout.indexOf(`${MARK}${i}\n`)).trimEnd();
  });
}

function runCommand(line) {
  const [name, ...words] = line.slice(2).split(" ");
  if (name !== "fovea") throw new Error(`${line}: a page's commands are fovea's`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout.trimEnd();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const page of PAGES) {
    const file = new URL(`../${page}`, import.meta.url);
    const before = readFileSync(file, "utf8");
    const after = refreshed(before);
    if (after !== before) writeFileSync(file, after);
    console.log(`${page}: ${after === before ? "as it was" : "written anew"}`);
  }
}
