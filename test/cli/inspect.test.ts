import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

/** An untrained network of the zoo, and a picture with a disc. */
async function prepared(name: string, options: models.ModelOptions = {}): Promise<string> {
  const folder = temporaryFolder();
  const model = models.create(name, options);
  const classes = Array.from({ length: model.classes }, (_, i) => `kind ${i}`);
  const [channels, shape] = [model.input.at(-1)!, model.input as readonly [number, number, number]];
  const data = { shape, classes, mean: new Array(channels).fill(0.5), std: new Array(channels).fill(0.25) };
  await saveModel(join(folder, "model.safetensors"), untrained(model, { data }));
  const disc =
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle cx="20" cy="20" r="12" fill="#d40"/></svg>';
  writeFileSync(join(folder, "disc.png"), await sharp(Buffer.from(disc)).png().toBuffer());
  return folder;
}

describe("fovea inspect", () => {
  it("writes a page that stands alone", async () => {
    const folder = await prepared("resnet20", { classes: 3 });
    const { code, stdout, stderr } = await fovea(["inspect", "model.safetensors", "disc.png", "--json"], folder);
    expect([code, stderr]).toEqual([0, "fovea: wrote disc.inspect.html\n"]);
    const { page, gradCam, probability } = JSON.parse(stdout);
    expect([page, gradCam.layer, gradCam.heat.length]).toEqual(["disc.inspect.html", "layer3", 64]);
    expect(probability).toBeGreaterThan(1 / 3 - 1e-6);
    const html = readFileSync(join(folder, page), "utf8");
    expect(html).not.toMatch(/<script|https?:|@import|url\(/);
    const sources = [...html.matchAll(/src="([^"]{0,40})/g)].map(([, source]) => source!);
    expect(sources.every((source) => source.startsWith("data:image/png;base64,"))).toBe(true);
    for (const title of ["Grad-CAM", "Saliency", "Occlusion", "What the layers give", "Filters"])
      expect(html).toContain(title);
    // 3 answers; 16 maps of the first convolution; its 16 filters in colours.
    expect(html.match(/kind \d<\/span><i/g)).toHaveLength(3);
    expect(html).toContain("conv1, channel 15");
    expect(html).toContain("16 filters of 3 × 3, each sees 3 channels");
    expect(html.match(/<img/g)!.length).toBeGreaterThan(100);
    const first = await sharp(Buffer.from(/src="data:image\/png;base64,([^"]+)"/.exec(html)![1]!, "base64")).metadata();
    expect([first.width, first.height]).toEqual([32, 32]);
  });

  it("asks about the class and the layer that are named", async () => {
    const folder = await prepared("resnet20", { classes: 3 });
    const words = [
      "inspect",
      "model.safetensors",
      "disc.png",
      "--class",
      "kind 2",
      "--layer",
      "layer1.1",
      "--no-occlusion",
    ];
    const { stdout } = await fovea([...words, "--json", "--out", "a.html"], folder);
    expect(JSON.parse(stdout)).toMatchObject({ target: 2, gradCam: { layer: "layer1.1", height: 32 } });
    expect(readFileSync(join(folder, "a.html"), "utf8")).not.toContain("Occlusion");
  });

  it("says what it cannot show", async () => {
    const folder = await prepared("resnet20", { classes: 3 });
    writeFileSync(join(folder, "text.png"), "no picture");
    const refusal = async (...words: string[]) => {
      const { stderr, stdout, code } = await fovea(["inspect", "model.safetensors", ...words], folder);
      expect([stdout, code === 0]).toEqual(["", false]);
      return stderr;
    };
    expect(await refusal("text.png")).toContain("text.png: is not a picture");
    expect(await refusal("none.png")).toContain("none.png: no such file");
    expect(await refusal("disc.png", "--layer", "layer1.7")).toContain('there is no such layer; did you mean "layer1.');
    expect(await refusal("disc.png", "--class", "kind 7")).toContain('unknown class "kind 7"');
    expect(await refusal("disc.png", "--at", "1,1")).toContain(
      "--at: is for networks that label pixels; resnet20 is none",
    );
    writeFileSync(join(folder, "game.sgf"), "(;GM[1]SZ[19];B[pd])");
    expect(await refusal("game.sgf")).toContain("game.sgf: is a game of Go, but resnet20 takes pictures");
  });

  it("looks at a position of Go, and refuses what is none", async () => {
    const folder = await prepared("alphago-policy", { filters: 8, layers: 3 });
    const inspect = (...words: string[]) => fovea(["inspect", "model.safetensors", ...words], folder);
    const refusal = async (...words: string[]) => {
      const { stderr, stdout, code } = await inspect(...words);
      expect([stdout, code]).toEqual(["", 2]);
      return stderr;
    };
    writeFileSync(join(folder, "game.sgf"), "(;GM[1]SZ[19];B[pd];W[dp];B[pp];W[dd])");
    const { stdout, stderr, code } = await inspect("game.sgf", "--move", "3", "--data", "game.sgf", "--json");
    expect([code, stderr]).toEqual([0, "fovea: wrote game.inspect.html\n"]);
    const { gradCam, toMove, best, target, removed } = JSON.parse(stdout);
    expect([gradCam.layer, gradCam.height, gradCam.width]).toEqual([expect.stringMatching(/2$/), 19, 19]);
    expect([toMove, best.length, best[0].vertex, removed.length]).toEqual(["black", 5, target, 361]);
    const html = readFileSync(join(folder, "game.inspect.html"), "utf8");
    const [board] = /<svg.*?<\/svg>/s.exec(html)!;
    // Before move 3 a black stone stands at the upper right star point and a white one at the lower left, and no third.
    const stones = [...board.matchAll(/cx="(\d+)" cy="(\d+)" r="14" fill="(#\w+)"/g)].map((match) => match.slice(1));
    expect(stones).toEqual([
      ["490", "130", "#1c1c1c"],
      ["130", "490", "#fafafa"],
    ]);
    for (const text of [
      "What alphago-policy would play before move 3 of game.sgf, black to move.",
      "The move before was D4. In the game black played Q4",
      "Stones taken away",
      ">last move<",
      ">self-atari of 8 or more<",
      "of all weights",
      "Positions that excite a unit most",
      "game 1, move 2",
    ])
      expect(html).toContain(text);
    expect(html).not.toMatch(/<script|@import|url\(/);

    const end = await inspect("game.sgf", "--class", "k10", "--no-occlusion", "--json", "--out", "end.html");
    expect(JSON.parse(end.stdout)).toMatchObject({ toMove: "black", target: "K10" });
    expect(readFileSync(join(folder, "end.html"), "utf8")).not.toContain("Stones taken away");

    expect(await refusal("game.sgf", "--move", "9")).toContain("--move 9: the game has 4 moves, from 1 on");
    expect(await refusal("game.sgf", "--class", "Z20")).toContain("--class Z20: is no point of a 19x19 board");
    expect(await refusal("game.sgf", "--at", "3,3")).toContain("--at: is for networks that label pixels");
    expect(await refusal("disc.png")).toContain(
      "disc.png: is a picture, but alphago-policy plays Go: give a game in SGF",
    );
    writeFileSync(join(folder, "small.sgf"), "(;GM[1]SZ[9];B[cc])");
    const small = await inspect("small.sgf");
    expect([small.code, small.stderr]).toEqual([
      1,
      expect.stringContaining("is played on 9x9, but the network plays 19x19"),
    ]);
  });

  it("looks at a network that labels pixels, about a class and about a pixel", async () => {
    const folder = await prepared("unet", { widths: [3, 4], classes: 3, height: 16, width: 16 });
    const inspect = (...words: string[]) => fovea(["inspect", "model.safetensors", "disc.png", ...words], folder);
    const { stdout, stderr, code } = await inspect("--json");
    expect([code, stderr]).toEqual([0, "fovea: wrote disc.inspect.html\n"]);
    const said = JSON.parse(stdout);
    expect([said.height, said.width, said.gradCam.layer, said.gradCam.height]).toEqual([40, 40, "down1", 20]);
    expect([said.target, said.class]).toEqual([said.label, said.classes[0].class]);
    const html = readFileSync(join(folder, "disc.inspect.html"), "utf8");
    for (const text of [
      `Where it says ${said.class}`,
      'class="swatch"',
      "taken together",
      "its mean probability there",
    ])
      expect(html).toContain(text);

    const pixel = await inspect(
      "--at",
      "10,30",
      "--class",
      "kind 2",
      "--json",
      "--out",
      "pixel.html",
      "--no-occlusion",
    );
    expect(JSON.parse(pixel.stdout)).toMatchObject({ at: [10, 30], target: 2 });
    const page = readFileSync(join(folder, "pixel.html"), "utf8");
    expect(page).toContain("The heat is about kind 2 at row 10, column 30, the pixel in the ring");

    const small = await inspect(
      "--longest-side",
      "20",
      "--at",
      "39,20",
      "--json",
      "--out",
      "small.html",
      "--no-occlusion",
    );
    expect(JSON.parse(small.stdout)).toMatchObject({ at: [19, 10], height: 20, width: 20 });
    expect(readFileSync(join(folder, "small.html"), "utf8")).toContain(
      "The picture is 40 × 40 pixels; it was made smaller to 20 × 20",
    );

    const refusal = async (...words: string[]) => {
      const refused = await inspect(...words);
      expect([refused.stdout, refused.code]).toEqual(["", 2]);
      return refused.stderr;
    };
    expect(await refusal("--class", "kind 9")).toContain('unknown class "kind 9"; did you mean "kind 0"?');
    expect(await refusal("--at", "40,0")).toContain(
      "--at 40,0: lies outside the picture, whose rows are 0 to 39 and columns 0 to 39",
    );
    expect(await refusal("--move", "3")).toContain("--move: is of a game, for networks that play Go; unet is none");
  });
});
