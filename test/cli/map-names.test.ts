/** `--map`: weights whose names are others, on every command that reads them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { parseTensors } from "#fovea/formats/tensors.js";
import { encodeModel } from "#fovea/model/model-file.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";
import { fovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

/** LeNet-5 twice in one file, as a student and its teacher; the first convolution is called the stem. */
async function twice(folder: string): Promise<void> {
  const data = { shape: [28, 28, 1], classes: [..."0123456789"], mean: [0], std: [1] } as const;
  const all = [1, 2].flatMap((seed) => {
    const bytes = Buffer.concat(encodeModel(untrained(create("lenet5"), { data, seed })));
    const prefix = seed === 1 ? "student." : "teacher.";
    return [...parseTensors(bytes).tensors].map(
      ([name, tensor]) => [prefix + name.replace("conv1", "stem"), tensor] as const,
    );
  });
  await writeSafetensorsFile(join(folder, "twice.safetensors"), all);
}

it("reads weights of a network that labels pixels", async () => {
  const folder = temporaryFolder();
  const options = { classes: 2, channels: 3, widths: [4, 4], height: 8, width: 8 };
  const model = untrained(create("unet", options), {
    data: { shape: [8, 8, 3], classes: ["a", "b"], mean: [0, 0, 0], std: [1, 1, 1] },
  });
  const { tensors } = parseTensors(Buffer.concat(encodeModel(model)));
  await writeSafetensorsFile(
    join(folder, "unet.safetensors"),
    [...tensors].map(([name, tensor]) => [`net.my.${name}`, tensor] as const),
  );
  const network = ["--network", "unet", "--option", "widths=4,4"];
  const unnamed = await fovea(["segment", "predict", "unet.safetensors", "no-such.png"], folder);
  expect(unnamed.stderr).toContain("say which network they belong to, option network");
  const map = ["--map", "net.my="];
  const right = await fovea(["segment", "predict", "unet.safetensors", "no-such.png", ...network, ...map], folder);
  expect(right.stderr).toContain("no-such.png: no such file");
});

it("reads such a file with summary, predict, eval and train, and says what to do without it", async () => {
  const folder = temporaryFolder();
  writePictures(folder);
  await twice(folder);
  const map = ["--map", "student.=", "--map", "student.stem=conv1"];
  const file = ["./twice.safetensors", "--network", "lenet5"];
  const plain = await fovea(["summary", ...file], folder);
  expect([plain.code, plain.stderr]).toEqual([
    1,
    expect.stringContaining('the network is in it more than once, under "student." and "teacher."; choose one'),
  ]);
  const summary = await fovea(["summary", ...file, ...map, "--json"], folder);
  expect([summary.stderr, JSON.parse(summary.stdout).parameters]).toEqual(["", 61_706]);
  const evaluated = await fovea(["eval", ...file, ...map, "--data", "./digits", "--json"], folder);
  expect([evaluated.stderr, evaluated.code]).toEqual(["", 0]);
  const weights = ["--weights", "./twice.safetensors", ...map];
  const train = ["train", "lenet5", "--data", "./digits", "--epochs", "1", "--no-report", "--out", "run", ...weights];
  const trained = await fovea(train, folder);
  expect([trained.stderr, trained.code]).toEqual(["", 0]);
  expect(JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8")).map).toEqual({
    "student.": "",
    "student.stem": "conv1",
  });
  const wrong = await fovea(["predict", ...file, "--map", "student", "x.png"], folder);
  expect(wrong.stderr).toBe(
    "fovea: --map student: expected FROM=TO, such as stem.conv=conv1, or student.= for what lies there\n",
  );
  const stray = await fovea(["summary", "lenet5", "--map", "a=b"], folder);
  expect(stray.stderr).toContain("--network and --map: are of a file with weights, and lenet5 is a network's name");
});
