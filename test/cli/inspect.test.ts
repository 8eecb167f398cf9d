import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import * as models from "#fovea/models/index.js";
import { saveModel } from "#fovea/train/model-file-node.js";
import { untrained } from "#fovea/train/trained-model.js";
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
  });

  it("looks at a position of Go, and refuses a picture there", async () => {
    const folder = await prepared("alphago-policy", { filters: 16, layers: 3 });
    const inspect = (...words: string[]) => fovea(["inspect", "model.safetensors", ...words], folder);
    writeFileSync(join(folder, "game.sgf"), "(;GM[1]SZ[19];B[pd];W[dp];B[pp];W[dd])");
    const { stdout, stderr, code } = await inspect("game.sgf", "--move", "3", "--json");
    expect([code, stderr]).toEqual([0, "fovea: wrote game.inspect.html\n"]);
    const { gradCam } = JSON.parse(stdout);
    expect([gradCam.layer, gradCam.height, gradCam.width]).toEqual([expect.stringMatching(/2$/), 19, 19]);
    const html = readFileSync(join(folder, "game.inspect.html"), "utf8");
    const png = Buffer.from(
      /class="heats"><figure><img src="data:image\/png;base64,([^"]+)"/.exec(html)![1]!,
      "base64",
    );
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    // Before move 3 a black stone stands at the upper right star point and a white one at the lower left, and no third.
    const at = (column: number, row: number) => data[((row * 13 + 6) * info.width + column * 13 + 6) * info.channels]!;
    expect([info.width, at(15, 3), at(3, 15), at(15, 15)]).toEqual([247, 25, 245, 110]);
    expect((await inspect("game.sgf", "--move", "9")).stderr).toContain("--move 9: the game has 4 moves");
    const picture = await inspect("disc.png");
    expect([picture.code, picture.stderr]).toEqual([
      2,
      expect.stringContaining("but pictures are height x width x 1 (grey)"),
    ]);
    expect((await inspect("disc.png", "--move", "2")).stderr).toContain("--move: is of a game");
  });
});
