/** `--module`: networks of one's own on the command line, what is wrong with their files, and runs that name code. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import nodeModule from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { events, fovea } from "../support/cli.js";
import { writePictureFolder } from "../support/picture-folder.js";
import { temporaryFolder } from "../support/temporary.js";

const NET = `import { nn } from "fovea";
export const input = [28, 28, 1];
export default ({ classes = 10, channels = 1 }) => nn.sequential({
  conv: nn.conv2d({ in: channels, out: 4, kernel: 5, stride: 4 }), relu: nn.relu(), flatten: nn.flatten(),
  fc: nn.linear({ in: 144, out: classes }),
});
export const tower = nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 784, out: 10 }) });
`;

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** A project with a compiler that Node 20 can read TypeScript by. */
function typescriptFolder(files: Readonly<Record<string, string>>): string {
  const folder = folderWith({ "package.json": '{ "type": "commonjs" }', ...files });
  symlinkSync(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(folder, "node_modules"), "junction");
  return folder;
}

const QUICK = ["--data", "mnist", "--epochs", "1", "--batch-size", "500", "--no-report", "--json"];

describe("a network of one's own", () => {
  it("learns as one of the zoo does, to the bit", async () => {
    const folder = folderWith({
      "net.mjs": `import { models } from "fovea"; export default () => models.create("lenet5").module;`,
    });
    const same = ["--lr", "0.03", "--weight-decay", "0.0005", ...QUICK];
    const own = await fovea(["train", "--module", "./net.mjs", ...same, "--out", "own"], folder);
    const zoo = await fovea(["train", "lenet5", ...same, "--out", "zoo"], folder);
    expect(own.stderr).toBe("");
    const lossOf = ({ stdout }: { readonly stdout: string }) =>
      events(stdout)
        .filter(({ event }) => event === "epoch")
        .map(({ train, test }) => [train, test]);
    expect(lossOf(own)).toHaveLength(1);
    expect(lossOf(own)).toEqual(lossOf(zoo));
  });

  it("is summarised, compared and printed by its file", async () => {
    const folder = folderWith({ "net.mjs": NET });
    const run = (...words: string[]) => fovea(words, folder);
    const summary = JSON.parse((await run("summary", "--module", "net.mjs", "--json")).stdout);
    expect([summary.network, summary.input, summary.parameters]).toEqual(["net.mjs", [28, 28, 1], 104 + 1450]);
    const more = await run(
      "summary",
      "--module",
      "net.mjs",
      "--option",
      "classes=3",
      "--option",
      "channels=3",
      "--json",
    );
    expect(JSON.parse(more.stdout).parameters).toBe(304 + 435);
    const tower = await run("summary", "--module", "./net.mjs#tower", "--json");
    expect(JSON.parse(tower.stdout)).toMatchObject({ network: "net.mjs#tower", parameters: 7850 });
    const { stdout } = await run("compare", "mlp", "--module", "net.mjs", "--module", "net.mjs#tower", "--no-time");
    expect(
      stdout
        .split("\n")
        .slice(1, 4)
        .map((row) => row.split(/ {2,}/)[0]),
    ).toEqual(["mlp", "net.mjs", "net.mjs#tower"]);
    expect((await run("print", "--module", "net.mjs", "--stage", "graph")).stdout).toContain("conv");
  });

  it("is a definition, too, as registerModel takes it, with options of its own", async () => {
    const definition = `import { nn } from "fovea";
export default { name: "wide", description: "", parameters: 0, defaults: { classes: 10, width: 32 }, input: () => [28, 28, 1],
  classes: ({ classes }) => classes,
  build: ({ classes, width }) => nn.sequential({ f: nn.flatten(), a: nn.linear({ in: 784, out: width }), b: nn.linear({ in: width, out: classes }) }) };`;
    const folder = folderWith({ "wide.mjs": definition });
    const { stdout } = await fovea(["summary", "--module", "wide.mjs", "--option", "width=2", "--json"], folder);
    expect(JSON.parse(stdout).parameters).toBe(785 * 2 + 30);
    const wrong = await fovea(["summary", "--module", "wide.mjs", "--option", "widht=2"], folder);
    expect(wrong.stderr).toContain('unknown option of wide.mjs "widht"; did you mean "width"?');
  });

  it("is a class, and takes what pictures of a folder are where it does not say it", async () => {
    const folder = folderWith({
      "net.mjs": `import { nn } from "fovea";
export class Net extends nn.Module {
  constructor({ classes, height, width, channels }) { super(); this.flatten = nn.flatten(); this.fc = nn.linear({ in: height * width * channels, out: classes }); }
  forward(x) { return this.fc.forward(this.flatten.forward(x)); }
}`,
    });
    await writePictureFolder(join(folder, "pictures"), { classes: 3, train: 8, test: 4, sizeOf: () => [12, 16] });
    const words = ["train", "--module", "net.mjs#Net", "--data", "pictures", "--epochs", "1", "--no-report", "--json"];
    const { stdout, stderr } = await fovea([...words, "--out", "run"], folder);
    expect(stderr).toBe("");
    const config = JSON.parse(readFileSync(join(folder, "run/config.json"), "utf8"));
    expect(config.options).toEqual({ classes: 3, height: 12, width: 16, channels: 3 });
    expect(events(stdout).at(-1)).toMatchObject({ event: "end" });
    const said = await fovea(["eval", "run", "--module", "net.mjs#Net", "--json"], folder);
    expect(JSON.parse(said.stdout).samples).toBe(12);
  });

  it("is given pictures as it says that it takes them, where its function does not read what the data has", async () => {
    const folder = folderWith({
      "net.mjs": NET.replace("{ classes = 10, channels = 1 }", "{ classes }").replace("in: channels", "in: 1"),
    });
    await writePictureFolder(join(folder, "pictures"), { classes: 3, train: 8, test: 4, sizeOf: () => [40, 30] });
    const words = [
      "train",
      "--module",
      "net.mjs",
      "--data",
      "pictures",
      "--size",
      "28",
      "--epochs",
      "1",
      "--no-report",
    ];
    const { code, stderr } = await fovea([...words, "--out", "run"], folder);
    expect([code, stderr]).toEqual([0, ""]);
    expect(JSON.parse(readFileSync(join(folder, "run/config.json"), "utf8")).options).toEqual({ classes: 3 });
  });

  it("labels pixels where its loss says so", async () => {
    const folder = folderWith({
      "net.mjs": `import { nn } from "fovea";
export default ({ classes = 2, channels = 1 }) => {
  const net = nn.sequential({ conv: nn.conv2d({ in: channels, out: classes, kernel: 3, padding: 1 }) });
  net.loss = { kind: "pixelCrossEntropy", classes };
  return net;
};`,
    });
    const run = (...words: string[]) => fovea([...words, "--module", "net.mjs", "--json"], folder);
    const trained = await run("segment", "train", "--data", "scenes", "--epochs", "1", "--out", "run");
    expect([trained.code, trained.stderr]).toEqual([0, ""]);
    const measured = JSON.parse((await run("segment", "eval", "run")).stdout);
    const epochs = events(trained.stdout).filter(({ event }) => event === "epoch") as { test: { accuracy: number } }[];
    expect(measured.pixelAccuracy).toBeCloseTo(epochs.at(-1)!.test.accuracy, 6);
    expect((await run("train", "--resume", "run")).stderr).toContain(
      "is a run of segment train; go on with fovea segment train",
    );
  });

  it("says what training would see", async () => {
    const folder = folderWith({ "net.mjs": NET });
    const words = [
      "data",
      "preview",
      "mnist",
      "--module",
      "net.mjs",
      "--augment",
      "padCrop:2",
      "--count",
      "1",
      "--json",
    ];
    const { stdout, stderr } = await fovea(words, folder);
    expect([stderr, JSON.parse(stdout).target]).toEqual(["", [28, 28, 1]]);
  });

  it("is TypeScript, with imports by the names that its files will have, in a project as npm makes it", async () => {
    const folder = typescriptFolder({
      "net.ts": `import { type nn as Nn, nn } from "fovea";\nimport { Out } from "./size.js";\nexport const input: readonly number[] = [28, 28, 1];
class Net extends nn.Module {
  readonly fc: Nn.Module;
  constructor(private readonly out: Out) { super(); this.fc = nn.linear({ in: 784, out: this.out }); }
  readonly flatten = nn.flatten();
  override forward = (x: Parameters<Nn.Module["forward"]>[0]) => this.fc.forward(this.flatten.forward(x));
}
export default new Net(Out.Few);`,
      "size.ts": "export enum Out { Few = 7 }",
    });
    const { stdout, stderr } = await fovea(["summary", "--module", "net.ts", "--json"], folder);
    expect(stderr).toBe("");
    expect(JSON.parse(stdout).parameters).toBe(785 * 7);
  });

  it("is a module in JavaScript though npm's package.json says CommonJS", async () => {
    const folder = folderWith({
      "package.json": '{ "type": "commonjs" }',
      "net.js": `import { OUT } from "./size.js"; import { nn } from "fovea"; export const input = [28, 28, 1];
export default nn.sequential({ flatten: nn.flatten(), fc: nn.linear({ in: 784, out: OUT }) });`,
      "size.js": "export const OUT = 3;",
    });
    const { stdout, stderr } = await fovea(["summary", "--module", "net.js", "--json"], folder);
    expect([stderr, JSON.parse(stdout).parameters]).toEqual(["", 785 * 3]);
  });
});

describe("what is wrong with the file is said", () => {
  const cases: readonly (readonly [name: string, file: string, text: string | undefined, said: string])[] = [
    ["no file", "./none.mjs", undefined, "--module ./none.mjs: no such file"],
    ["no code", "./net.py", "", "--module ./net.py: expected a file of code, one that ends in .ts, .mts, .js, .mjs"],
    ["no export", "./net.mjs", "", '--module ./net.mjs: exports nothing; add "export default" to its network'],
    [
      "no default",
      "./net.mjs",
      "export const input = [1, 1, 1]; export const big = 1;",
      "--module ./net.mjs: has no default export; name another, such as --module ./net.mjs#big (exported: big, input)",
    ],
    ["no such export", "./net.mjs#towr", NET, 'unknown export of ./net.mjs "towr"; did you mean "tower"?'],
    ["no name", "./net.mjs#", NET, "--module ./net.mjs#: name an export behind #, such as ./net.mjs#default"],
    ["no network", "./net.mjs", "export default 7;", "--module ./net.mjs: is 7, expected a module, a function of"],
    ["a promise", "./net.mjs", "export default Promise.resolve(7);", "await it: export default await ..."],
    [
      "a function that gives nothing",
      "./net.mjs",
      "export const input = [28, 28, 1]; export default () => {};",
      '--module ./net.mjs: makes undefined of {"height":28,"width":28,"channels":1}, expected a module; give it back with return',
    ],
    [
      "a function that throws",
      "./net.mjs",
      'export const input = [28, 28, 1]; export default () => { throw new RangeError("no room"); };',
      '--module ./net.mjs: throws for {"height":28,"width":28,"channels":1}: no room',
    ],
    ["it throws", "./net.mjs", '\n\nthrow new Error("boom");', "throws while it is imported, line 3: boom"],
    [
      "a syntax error",
      "./net.mjs",
      "export default (;",
      "--module ./net.mjs: is not valid code, line 1: Unexpected token",
    ],
    ["a missing package", "./net.mjs", 'import "no-such-package";', "imports what is not there: Cannot find package"],
    [
      "no input",
      "./net.mjs",
      'import { nn } from "fovea"; export default nn.relu();',
      'does not say what it takes; add "export const input = [height, width, channels];" to the file',
    ],
    [
      "a wrong input",
      "./net.mjs",
      "export const input = [28, 28]; export default 1;",
      "--module ./net.mjs: its export input is [28, 28], expected [height, width, channels]",
    ],
    [
      "layers that do not fit",
      "./net.mjs",
      'import { nn } from "fovea"; export const input = [28, 28, 3]; export default nn.conv2d({ in: 1, out: 4, kernel: 3 });',
      "conv2d: in 1 does not fit its input 28x28x3, expected 28x28x1; set in to 3, or out of the layer before to 1",
    ],
  ];
  it.each(cases)("%s", async (_, file, text, said) => {
    const folder = folderWith(text === undefined ? {} : { [file.slice(2).replace(/#.*/, "")]: text });
    const { code, stdout, stderr } = await fovea(["summary", "--module", file], folder);
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/^fovea: [^\n]*\n$/);
    expect([stdout, code === 1 || code === 2]).toEqual(["", true]);
  });

  it.skipIf("stripTypeScriptTypes" in nodeModule)(
    "TypeScript where nothing reads it, with the command that helps",
    async () => {
      const folder = folderWith({ "net.ts": NET });
      const { stderr } = await fovea(["summary", "--module", "net.ts"], folder);
      expect(stderr).toContain(
        "reads no TypeScript, and no compiler is installed beside the file; use Node 22.13 or later",
      );
      expect(stderr).toContain('"npx esbuild net.ts --bundle --packages=external --format=esm --outfile=net.js"');
    },
  );

  it("a syntax error in TypeScript, and in a file that it imports", async () => {
    const folder = typescriptFolder({
      "net.ts": 'import "./part.ts";',
      "part.ts": "const a: number = 1;\nexport default (;",
    });
    for (const file of ["net.ts", "part.ts"]) {
      const { stderr } = await fovea(["summary", "--module", file], folder);
      expect(stderr).toMatch(new RegExp(`^fovea: --module ${file}: is not valid code: part.ts, line 2: .+\n$`));
    }
  });

  it("another copy of fovea, of the file's project or of a package that it imports", async () => {
    const copy = "export class Module { forward(x) { return x; } }";
    const pack = (name: string) =>
      JSON.stringify({ name, type: "module", exports: { ".": "./index.js", "./package.json": "./package.json" } });
    const folder = folderWith({ "net.mjs": `import { Module } from "fovea"; export default new Module();` });
    for (const name of ["fovea", "blocks"]) {
      mkdirSync(join(folder, "node_modules", name), { recursive: true });
      writeFileSync(join(folder, "node_modules", name, "package.json"), pack(name));
      writeFileSync(join(folder, "node_modules", name, "index.js"), copy);
    }
    const { stderr } = await fovea(["summary", "--module", "net.mjs"], folder);
    expect(stderr).toContain("--module net.mjs: imports another copy of fovea (");
    expect(stderr).toMatch(/node_modules.fovea\) than this command's \(.*npm install fovea-cli@/);
    renameSync(join(folder, "node_modules/fovea"), join(folder, "node_modules/other"));
    writeFileSync(join(folder, "net.mjs"), `import { Module } from "blocks"; export default new Module();`);
    const inside = await fovea(["summary", "--module", "net.mjs"], folder);
    expect(inside.stderr).toContain("--module net.mjs: imports another copy of fovea than");
  });

  it("a network of the zoo beside it, and its file in place of a network", async () => {
    const folder = folderWith({ "net.mjs": NET });
    const run = async (...words: string[]) => (await fovea(words, folder)).stderr;
    expect(await run("summary", "lenet5", "--module", "net.mjs")).toBe(
      "fovea: --module net.mjs: another network is named, lenet5; leave one of the two out\n",
    );
    expect(await run("summary", "./net.mjs")).toBe(
      "fovea: ./net.mjs: is code, not a network; to run it, name it by --module ./net.mjs\n",
    );
    expect(await run("train", "--module", "net.mjs", "--data", "mnist", "--changed-module")).toContain(
      "--changed-module: is of a run that --resume names",
    );
  });

  it("fewer classes than the data has", async () => {
    const folder = folderWith({ "net.mjs": NET.replace("out: classes", "out: 4") });
    const { stderr, code } = await fovea(["train", "--module", "net.mjs", ...QUICK], folder);
    expect(stderr).toBe(
      "fovea: mnist test: has 10 classes, but the network tells 4 apart; set its option classes to 10, or give its last layer as many outputs\n",
    );
    expect(code).toBe(1);
  });
});

describe("a run of it", () => {
  let folder: string;
  const run = (...words: string[]) => fovea(words, folder);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "fovea-module-"));
    writeFileSync(join(folder, "net.mjs"), NET);
    const { stderr } = await run("train", "--module", "./net.mjs", ...QUICK);
    expect(stderr).toBe("");
    return () => rmSync(folder, { recursive: true, force: true });
  });

  it("records the file from its folder on, the export, and the file's SHA-256", () => {
    const { network, module } = JSON.parse(readFileSync(join(folder, "runs/net-mnist/config.json"), "utf8"));
    const sha256 = createHash("sha256").update(NET).digest("hex");
    expect([network, module]).toEqual(["net.mjs", { path: "../../net.mjs", export: "default", sha256 }]);
    // Where files lie on this machine is nobody's business.
    expect(readFileSync(join(folder, "runs/net-mnist/checkpoint.safetensors"), "latin1")).not.toContain(folder);
  });

  it("is opened by naming the file again, by its folder and by its model", async () => {
    const measured = JSON.parse((await run("eval", "runs/net-mnist", "--module", "net.mjs", "--json")).stdout);
    const file = await run(
      "eval",
      "runs/net-mnist/best.safetensors",
      "--module",
      "net.mjs",
      "--data",
      "mnist",
      "--json",
    );
    expect(measured.accuracy).toBeGreaterThan(0.8);
    expect(JSON.parse(file.stdout).accuracy).toBe(measured.accuracy);
    const { stdout } = await run("summary", "runs/net-mnist", "--module", "net.mjs", "--json");
    expect(JSON.parse(stdout).parameters).toBe(1554);
  });

  it("runs no code by itself, and says which flag names it", async () => {
    const flag = "its network is code, default of net.mjs, which runs where you name it: add --module ./net.mjs\n";
    for (const words of [
      ["eval", "runs/net-mnist"],
      ["summary", "runs/net-mnist"],
      ["train", "--resume", "runs/net-mnist"],
    ]) {
      expect(await run(...words)).toMatchObject({ code: 2, stderr: `fovea: runs/net-mnist: ${flag}` });
    }
    const { stderr } = await run("eval", "runs/net-mnist/model.safetensors", "--data", "mnist");
    expect(stderr).toContain(
      "is of the network net.mjs, which is not of the zoo; if it is your own, name its file: --module FILE",
    );
  });

  it("goes on with the same file alone, unless another is allowed", async () => {
    const changed = join(folder, "changed.mjs");
    writeFileSync(changed, `${NET}\n// changed`);
    const resume = (...words: string[]) =>
      run("train", "--resume", "runs/net-mnist", "--no-report", "--json", ...words);
    const refused = await resume("--module", "changed.mjs");
    expect(refused.stderr).toMatch(
      /^fovea: --module changed.mjs: the file has changed since the run was begun \(SHA-256 is .*--changed-module\n$/,
    );
    expect((await resume("--module", "changed.mjs", "--changed-module")).code).toBe(0);
    expect((await resume("--module", "net.mjs")).code).toBe(0);
    const measured = await run("eval", "runs/net-mnist", "--module", "changed.mjs", "--json");
    expect([measured.code, measured.stderr]).toEqual([0, expect.stringContaining("the file has changed since")]);
  });

  it("says what is missing where the file has gone", async () => {
    renameSync(join(folder, "net.mjs"), join(folder, "moved.mjs"));
    const { stderr } = await run("eval", "runs/net-mnist");
    expect(stderr).toContain("default of net.mjs, which is not there; name the file that it is now: --module FILE");
    expect((await run("eval", "runs/net-mnist", "--module", "moved.mjs", "--json")).code).toBe(0);
    renameSync(join(folder, "moved.mjs"), join(folder, "net.mjs"));
  });

  it("of a stranger runs nothing, whatever its configuration says", async () => {
    const trap = join(folder, "runs/net-mnist/trap.mjs");
    const sprung = join(folder, "sprung");
    writeFileSync(
      trap,
      `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(sprung)}, ""); ${NET}`,
    );
    const path = join(folder, "runs/net-mnist/config.json");
    const before = readFileSync(path, "utf8");
    const config = JSON.parse(before);
    for (const module of [
      { path: "trap.mjs", export: "default", sha256: createHash("sha256").update(readFileSync(trap)).digest("hex") },
      { path: trap, export: "default", sha256: "" },
      { path: `data:text/javascript,${readFileSync(trap, "utf8")}`, export: "default", sha256: "" },
      { path: "trap.mjs'; rm -rf .; '\u001b[2J", export: "de\nfault", sha256: "" },
    ]) {
      for (const network of ["net.mjs", "lenet5"]) {
        writeFileSync(path, JSON.stringify({ ...config, network, module }));
        for (const words of [
          ["predict", "runs/net-mnist", "a.png"],
          ["train", "--resume", "runs/net-mnist"],
        ]) {
          const { code, stderr } = await run(...words);
          expect([code, existsSync(sprung)]).toEqual([2, false]);
          expect(stderr).toMatch(/^fovea: [\x20-\x7e]*\n$/);
        }
      }
    }
    writeFileSync(path, before);
  });
});
