/** Names of classes and files that a terminal, a page, a picture or a table would obey come out as text, from every command. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { fovea } from "../support/cli.js";
import { jpegOf } from "../support/picture-folder.js";
import { temporaryFolder } from "../support/temporary.js";

const CLASSES = ["\x1b]0;owned\x07red", "<img src=x onerror=alert(1)>\"'&amp;", "=cmd|'x'!A0\u202egnp.\n\x9b2Jb"];

/** All files below a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}

const UNSAFE = /(?![\n\t])[\p{Cc}\u202e]/u;
const isText = (path: string) => /\.(html|svg|csv|json|jsonl|md)$/.test(path);

it("shows hostile names as text", async () => {
  const folder = temporaryFolder();
  for (const [label, name] of CLASSES.entries()) {
    for (const half of ["train", "val"]) {
      // A file system takes no slash and no NUL.
      const path = join(folder, "pics", half, name.replaceAll("/", "_"));
      mkdirSync(path, { recursive: true });
      for (let i = 0; i < 6; i++) writeFileSync(join(path, `${i}\x1b[5m.jpg`), await jpegOf(20, 20, label, i));
    }
  }
  for (const name of ["a", CLASSES[0]!]) {
    mkdirSync(join(folder, "bad", name), { recursive: true });
    writeFileSync(join(folder, "bad", name, "broken\x1b[2J.jpg"), "no picture");
    for (let i = 0; i < 3; i++) writeFileSync(join(folder, "bad", name, `${i}.jpg`), await jpegOf(20, 20, 1, i));
  }
  const commands = [
    ["data", "./pics"],
    ["data", "./bad"],
    ["data", "preview", "./pics", "--out", "preview.png"],
    [
      "train",
      "resnet20",
      "--data",
      "./pics",
      "--size",
      "16",
      "--epochs",
      "1",
      "--batch-size",
      "6",
      "--max-broken",
      "9",
      "--out",
      "run",
    ],
    ["eval", "run"],
    ["eval", "run", "--json"],
    [
      "predict",
      "run",
      join("pics/val", CLASSES[0]!, "0\x1b[5m.jpg"),
      join("pics/val", CLASSES[2]!, "0\x1b[5m.jpg"),
      "none\x1b[0m.jpg",
    ],
    ["predict", "run", join("pics/val", CLASSES[1]!.replaceAll("/", "_"), "0\x1b[5m.jpg"), "--json"],
    ["inspect", "run", join("pics/val", CLASSES[2]!, "0\x1b[5m.jpg"), "--out", "look.html"],
    ["summary", "\x1b[31mnetwork"],
    ["train", "--\x1b[31moption"],
  ];
  for (const command of commands) {
    const { stdout, stderr, code } = await fovea(command, folder);
    expect([command[0], stdout.match(UNSAFE), stderr.match(UNSAFE)]).toEqual([command[0], null, null]);
    expect([command, stderr, code === 0 || /bad|none|network|option/.test(command.join())]).toEqual([
      command,
      stderr,
      true,
    ]);
    expect(stderr).not.toMatch(/should not happen|report could not be written/);
  }
  const texts = filesIn(join(folder, "run")).concat(join(folder, "look.html")).filter(isText);
  expect(texts.map((path) => path.slice(folder.length))).toEqual(
    expect.arrayContaining(["/run/report.html", "/run/config.json", "/run/log.jsonl", "/look.html"]),
  );
  for (const path of texts) {
    const text = readFileSync(path, "utf8");
    expect([path, text.match(UNSAFE)]).toEqual([path, null]);
    if (path.endsWith(".html")) expect([path, /<img src=x/.test(text)]).toEqual([path, false]);
  }
});
