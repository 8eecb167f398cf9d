/** What cannot be written at the end is told before the work: before files are read, engines started, networks timed. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const NO_FOLDER = "there is no folder none; create it or write elsewhere";
const NOT_A_FOLDER = "plain is not a folder; name another";

function digits() {
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  return untrained(models.create("lenet5"), { data: { shape: [28, 28, 1], classes, mean: [0], std: [1] } });
}

// Each has something else wrong, which would be told first where the work were begun, or takes long.
it.each<[string[], string]>([
  [["go", "prepare", "none.sgf", "--out", "none/a.store"], `none/a.store: could not be written: ${NO_FOLDER}`],
  [
    ["go", "match", "--engine", "no-engine", "--engine", "no-engine", "--sgf", "plain/games"],
    `plain/games: could not be made: ${NOT_A_FOLDER}`,
  ],
  [["segment", "predict", "no-model", "a.png", "--out", "plain"], `plain: could not be made: ${NOT_A_FOLDER}`],
  [["segment", "eval", "no-model", "--report", "none/a.html"], `none/a.html: could not be written: ${NO_FOLDER}`],
  [["data", "preview", "./no-data", "--out", "plain/a.png"], `plain: could not be made: ${NOT_A_FOLDER}`],
  [["compare", "all", "--out", "plain/a/b"], `plain/a/b: could not be made: ${NOT_A_FOLDER}`],
  [["profile", "vgg16", "--out", "plain"], `plain: could not be made: ${NOT_A_FOLDER}`],
  [["profile", "vgg16", "--svg", "none/a.svg"], `none/a.svg: could not be written: ${NO_FOLDER}`],
  [
    ["inspect", "digits.safetensors", "no-picture.png", "--out", "none/a.html"],
    `none/a.html: could not be written: ${NO_FOLDER}`,
  ],
  [["train", "lenet5", "--data", "./no-data", "--out", "."], ".: already holds plain; name another folder"],
  [["segment", "train", "unet", "--data", "./no-data", "--out", "."], ".: already holds plain; name another folder"],
  [["go", "train", "none.store", "--out", "."], ".: already holds plain; name another folder"],
])("fovea %j", async (args, message) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "plain"), "");
  if (args[0] === "inspect") await saveModel(join(folder, "digits.safetensors"), digits());
  const before = readdirSync(folder, { recursive: true });
  const { code, stdout, stderr } = await fovea(args, folder);
  expect([stdout, stderr, code]).toEqual(["", `fovea: ${message}\n`, 1]);
  expect(readdirSync(folder, { recursive: true })).toEqual(before);
});
