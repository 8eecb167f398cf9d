/** `fovea segment`: from a folder of scenes to a model, its figures, and labelled pictures; and what it says of bad input. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { fromRuns } from "#fovea/segmentation/run-lengths.js";
import { events, fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const [HEIGHT, WIDTH] = [20, 24];
/** Sky over ground, the horizon at `row`. */
const scene = (row: number) => ({
  picture: sharp(
    Buffer.from(
      Array.from({ length: HEIGHT * WIDTH }, (_, i) =>
        i / WIDTH < row ? [40, 90, 220 - (i % 9)] : [120 + (i % 7), 90, 30],
      ).flat(),
    ),
    {
      raw: { height: HEIGHT, width: WIDTH, channels: 3 },
    },
  ).png(),
  labels: sharp(Buffer.from(Array.from({ length: HEIGHT * WIDTH }, (_, i) => (i / WIDTH < row ? 0 : 1))), {
    raw: { height: HEIGHT, width: WIDTH, channels: 1 },
  })
    .toColourspace("b-w")
    .png(),
});

async function folder(): Promise<string> {
  const at = temporaryFolder();
  for (const [part, rows] of [
    ["train", [4, 7, 9, 11, 13, 15]],
    ["val", [6, 12]],
  ] as const) {
    await mkdir(join(at, "land", part), { recursive: true });
    await mkdir(join(at, "land", `${part}annot`));
    for (const row of rows) {
      const { picture, labels } = scene(row);
      await writeFile(join(at, "land", part, `${row}.png`), await picture.toBuffer());
      await writeFile(join(at, "land", `${part}annot`, `${row}.png`), await labels.toBuffer());
    }
  }
  await writeFile(
    join(at, "land", "classes.json"),
    '{"classes": [{"name": "sky", "color": [0, 0, 255]}, {"name": "ground", "color": [90, 60, 0]}]}',
  );
  return at;
}

it("trains, goes on, measures and labels", async () => {
  const at = await folder();
  const args = [
    "--data",
    "./land",
    "--option",
    "widths=4,6",
    "--augment",
    "flip",
    "--lr",
    "0.02",
    "--batch-size",
    "2",
    "--out",
    "run",
  ];
  const trained = await fovea(
    ["segment", "train", "unet", ...args, "--epochs", "8", "--balance", "sqrt", "--json"],
    at,
  );
  expect(trained.stderr).toBe("");
  expect(trained.code).toBe(0);
  const [start, ...said] = events(trained.stdout);
  const { config } = start as { config: { options: Record<string, unknown>; watch: string } };
  expect(config.watch).toBe("miou");
  expect(config.options).toMatchObject({ classes: 2, height: HEIGHT, width: WIDTH, widths: [4, 6] });
  expect(config.options["classWeights"]).toHaveLength(2);
  const test = said.at(-1)!["test"] as { accuracy: number; meanIoU: number };
  expect(test.accuracy).toBeGreaterThan(0.95);

  const other = await fovea(["segment", "train", "--resume", "run", "--watch", "loss"], at);
  expect(other.stderr).toContain('a run goes on as it was begun, but watch is "loss", was "miou"');
  const cut = await fovea(["segment", "train", "--resume", "run", "--crop", "8", "--balance", "median"], at);
  expect([cut.code, cut.stderr]).toEqual([
    2,
    "fovea: --resume: a run goes on as it was begun; leave out --crop, --balance, or start a new run\n",
  ]);
  const again = await fovea(["segment", "train", "--resume", "run"], at);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain("segment predict run");

  const measured = await fovea(["segment", "eval", "run", "--json"], at);
  const [figures] = events(measured.stdout) as [
    { pixelAccuracy: number; meanIoU: number; classes: { name: string }[] },
  ];
  expect(figures.pixelAccuracy).toBeCloseTo(test.accuracy, 2);
  expect(figures.classes.map(({ name }) => name)).toEqual(["sky", "ground"]);
  const shown = await fovea(["segment", "eval", "run", "--vote", "--report", "report.html"], at);
  expect(shown.stdout).toMatch(/mean IoU\s+\d+\.\d+%/);
  expect(shown.stdout).toMatch(/sky\s+\d+\.\d+%\s+\d+\.\d+%\s+\d+\.\d+%/);

  const page = await readFile(join(at, "report.html"), "utf8");
  expect(page).toContain("what the network says: ");
  expect(page.match(/data:image\/png/g)).toHaveLength(6);

  const predicted = await fovea(
    [
      "segment",
      "predict",
      "run/model.safetensors",
      "land/val/6.png",
      "--overlay",
      "--labels",
      "--runs",
      "--out",
      "out",
      "--json",
    ],
    at,
  );
  expect(predicted.code).toBe(0);
  const [answer] = events(predicted.stdout) as [{ files: string[]; height: number; classes: { class: string }[] }];
  expect(answer.files).toEqual(["6.overlay.png", "6.labels.png", "6.json"].map((name) => join("out", name)));
  const overlay = await sharp(join(at, "out", "6.overlay.png")).metadata();
  expect(overlay.width).toBe(20 * WIDTH);
  expect(overlay.height).toBeGreaterThan(20 * HEIGHT);
  const labels = await sharp(join(at, "out", "6.labels.png"))
    .extractChannel(0)
    .raw()
    .toBuffer();
  const runs = JSON.parse(await readFile(join(at, "out", "6.json"), "utf8")) as { classes: string[]; runs: number[] };
  expect([...fromRuns(runs.runs, HEIGHT * WIDTH)]).toEqual([...labels]);
  expect(runs.classes).toEqual(["sky", "ground"]);
  // Above the horizon is sky, below is ground.
  expect([labels[2 * WIDTH + 5], labels[17 * WIDTH + 5]]).toEqual([0, 1]);
});

it("says what is wrong, and what to do", async () => {
  const at = await folder();
  const fails = async (...args: string[]) => {
    const { code, stderr } = await fovea(["segment", ...args], at);
    expect(code, args.join(" ")).not.toBe(0);
    return stderr;
  };
  expect(await fails("train", "lenet5", "--data", "./land")).toContain(
    "lenet5 gives a class a picture; choose one that labels pixels (unet",
  );
  expect(await fails("train", "unet")).toContain("say what to learn from");
  expect(await fails("train", "unet", "--data", "./land", "--watch", "iou")).toContain(
    'unknown value of --watch "iou"; did you mean "miou"?',
  );
  expect(await fails("train", "unet", "--data", "./none")).toContain("./none: no such folder, or an empty one");
  expect((await fovea(["train", "unet", "--data", "mnist"], at)).stderr).toContain("fovea segment train unet");
  await writeFile(join(at, "land", "classes.json"), '{"classes": [{"name": "sky", "color": [0, 0, 255]}]}');
  expect(await fails("train", "unet", "--data", "./land")).toContain("has 1 classes, expected 2 to 255");
});
