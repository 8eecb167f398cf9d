/** The flags for groups, freezing, averaging and the like: what they write, say and refuse. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { groupOf } from "#fovea/cli/commands/train/techniques.js";
import { readSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import { events, fovea } from "../support/cli.js";
import { pictures, writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";
import { readEvents } from "../support/tensorboard.js";

const withPictures = () => {
  const folder = temporaryFolder();
  writePictures(folder, 120, 40);
  return folder;
};

/** A folder `pictures` of three classes of 8 and 4 colour pictures of 32x32. */
async function writeColours(folder: string): Promise<void> {
  for (const [k, name] of ["red", "green", "blue"].entries()) {
    for (const [split, count] of [
      ["train", 8],
      ["test", 4],
    ] as const) {
      const into = join(folder, "pictures", split, name);
      mkdirSync(into, { recursive: true });
      for (let n = 0; n < count; n++) {
        const pixels = Buffer.from(Array.from({ length: 3072 }, (_, i) => (i % 3 === k ? 200 : (i * 7 + n * 31) % 90)));
        await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
          .png()
          .toFile(join(into, `${n}.png`));
      }
    }
  }
}

const RUN = ["train", "lenet5", "--data", "./digits", "--batch-size", "20", "--no-report", "--out", "run"];

it("reads groups", () => {
  expect(groupOf("bias$:lr=64,decay=0", [{ match: "a", lr: 1 }])).toEqual([
    { match: "a", lr: 1 },
    { match: "bias$", lr: 64, weightDecay: 0 },
  ]);
  expect(groupOf("(?:conv|fc).*weight:decay=1e-3")).toEqual([{ match: "(?:conv|fc).*weight", weightDecay: 1e-3 }]);
  const refused = (text: string) => expect(() => groupOf(text));
  refused("bias").toThrow(
    "--group bias: there is no pattern, or no settings behind a colon; expected PATTERN:lr=FACTOR,decay=NUMBER",
  );
  refused("bias:rate=2").toThrow('--group bias:rate=2: "rate=2" is no setting');
  refused("bias:lr=2,lr=3").toThrow("lr is set twice");
  refused("bias:lr=two").toThrow("--group bias: lr two: expected a number of at least 0");
});

it("tells of all that is on, keeps it with the run and its log", async () => {
  const folder = withPictures();
  const flags = [
    ...[
      "--group",
      "bias$:lr=2,decay=0",
      "--group",
      "^fc3:lr=0.5",
      "--no-decay",
      "norms-and-biases",
      "--freeze",
      "^conv",
    ],
    ...["--clip-norm", "0.5", "--accumulate", "2", "--ema", "0.9", "--ema-warmup", "--label-smoothing", "0.1"],
    ...["--schedule", "triangular", "--rise", "0.5", "--patience", "3", "--watch", "loss", "--epochs", "2"],
  ];
  const { code, stdout, stderr } = await fovea([...RUN, ...flags], folder);
  expect([code, stderr]).toEqual([0, ""]);
  const row = (name: string) => new RegExp(`^  ${name} +(.*)$`, "m").exec(stdout)?.[1];
  expect(row("training")).toContain("batch 20 x 2 an update");
  expect(row("optimizer")).toContain("schedule triangular (rise 0.5)");
  expect(row("groups")).toBe("bias$ rate x 2, weight decay 0; ^fc3 rate x 0.5");
  expect(row("no decay")).toBe("norms and biases");
  // conv1 has 6 x 25 + 6 numbers, conv2 16 x 6 x 25 + 16.
  expect(row("frozen")).toMatch(/^2,572 of 61,706 parameters \(\^conv\)$/);
  expect(row("clipping")).toBe("to norm 0.5");
  expect(row("averaging")).toBe("moving, decay 0.9 after a warm-up");
  expect(row("smoothing")).toBe("labels by 0.1");
  expect(row("patience")).toBe("3 epochs without a better test loss");
  const config = JSON.parse(readFileSync(join(folder, "run", "config.json"), "utf8")) as Record<string, unknown>;
  expect(config).toMatchObject({
    groups: [
      { match: "bias$", lr: 2, weightDecay: 0 },
      { match: "^fc3", lr: 0.5 },
    ],
    noDecay: "norms-and-biases",
    freeze: ["^conv"],
    clipNorm: 0.5,
    accumulate: 2,
    average: { kind: "ema", decay: 0.9, warmup: true },
    labelSmoothing: 0.1,
    patience: 3,
    watch: "loss",
    schedule: { kind: "triangular", rise: 0.5 },
  });
  const [first] = events(readFileSync(join(folder, "run", "log.jsonl"), "utf8"));
  expect(first!["gradientNorm"]).toEqual({ mean: expect.any(Number), largest: expect.any(Number) });
  const again = await fovea(["train", "--resume", "run", "--ema", "0.99"], folder);
  expect([again.code, again.stderr]).toEqual([
    2,
    expect.stringContaining("average.decay is 0.99, was 0.9; average.warmup is not set, was true"),
  ]);
});

it("stops early, and keeps the best epoch apart", async () => {
  const folder = withPictures();
  const flags = [
    "--epochs",
    "20",
    "--lr",
    "0.5",
    "--momentum",
    "0",
    "--schedule",
    "constant",
    "--patience",
    "1",
    "--json",
  ];
  const { code, stdout } = await fovea([...RUN, ...flags], folder);
  expect(code).toBe(0);
  const history = events(readFileSync(join(folder, "run", "log.jsonl"), "utf8")) as unknown as {
    epoch: number;
    test: { loss: number; accuracy: number };
  }[];
  const end = events(stdout).at(-1)!;
  expect(history.length).toBeLessThan(20);
  const best = history.at(-2)!;
  expect(end).toMatchObject({
    event: "end",
    stoppedEarly: true,
    best: { epoch: best.epoch, test: best.test, model: "run/best.safetensors" },
  });
  const { metadata } = await readSafetensorsFile(join(folder, "run", "best.safetensors"));
  expect(JSON.parse(metadata["best"]!)).toEqual({ epoch: best.epoch, ...best.test });
  const measured = await fovea(["eval", "run/best.safetensors", "--data", "./digits", "--json"], folder);
  expect(events(measured.stdout).at(-1)).toMatchObject({ accuracy: best.test.accuracy });
  // It is over, and stays so.
  const again = await fovea(["train", "--resume", "run", "--no-report"], folder);
  expect(again.stdout).toContain("Stopped early: no better test accuracy in 1 epoch.");
  expect(again.stdout).toContain(`Epoch ${best.epoch} was the best: test accuracy`);
});

it("writes events for TensorBoard, and in a resumed run takes back what is done again", async () => {
  const folder = withPictures();
  const { code } = await fovea([...RUN, "--epochs", "2", "--clip-norm", "1", "--tensorboard"], folder);
  expect(code).toBe(0);
  const logs = join(folder, "run", "tensorboard");
  const [name] = readdirSync(logs);
  expect(name).toMatch(/tfevents/);
  const [version, started, ...rest] = readEvents(readFileSync(join(logs, name!)));
  expect([version!.version, started!.started, started!.step]).toEqual(["brain.Event:2", true, 1]);
  const batches = rest.filter(({ scalars }) => scalars!["batch/loss"] !== undefined);
  expect(batches.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(Object.keys(batches[0]!.scalars!)).toEqual([
    "batch/loss",
    "batch/accuracy",
    "batch/learning rate",
    "batch/gradient norm",
  ]);
  const history = events(readFileSync(join(folder, "run", "log.jsonl"), "utf8")) as unknown as {
    train: { loss: number };
    test: { accuracy: number };
  }[];
  const epochs = rest.filter(({ scalars }) => scalars!["test/accuracy"] !== undefined);
  expect(epochs.map(({ step, scalars }) => [step, scalars!["train/loss"], scalars!["test/accuracy"]])).toEqual(
    history.map(({ train, test }, i) => [6 * (i + 1), Math.fround(train.loss), Math.fround(test.accuracy)]),
  );
  const mean = batches.slice(0, 6).reduce((sum, { scalars }) => sum + scalars!["batch/loss"]!, 0) / 6;
  expect(mean).toBeCloseTo(history[0]!.train.loss, 5);
  // Resumed without saying it again: a new file, whose start names the next step.
  expect((await fovea(["train", "--resume", "run", "--no-report"], folder)).code).toBe(0);
  const starts = readdirSync(logs).map((file) => readEvents(readFileSync(join(logs, file)))[1]);
  expect(starts.map((event) => event!.step).sort((a, b) => a! - b!)).toEqual([1, 13]);
});

describe("fine-tuning", () => {
  it("starts a classifier anew where the classes are others, and keeps what is frozen", async () => {
    const folder = temporaryFolder();
    await writeColours(folder);
    const published = models.create("resnet20", { classes: 7 });
    const weights = untrained(published, { data: pictures(10), seed: 5 }).weights;
    await saveModel(join(folder, "weights.safetensors"), { ...untrained(published, { data: pictures(10) }), weights });
    const flags = ["--weights", "weights.safetensors", "--freeze", "layer[1-3]", "--epochs", "1", "--batch-size", "8"];
    const args = ["train", "resnet20", ...flags, "--data", "./pictures", "--out", "run", "--no-report"];
    const { code, stdout, stderr } = await fovea(args, folder);
    expect(code).toBe(0);
    expect(stderr).toContain(
      "the classifier of weights.safetensors does not fit 3 classes: linear.weight, linear.bias start anew",
    );
    expect(stderr).toContain("conv1.weight is trained, below what is frozen");
    expect(stdout).toMatch(/^ {2}frozen +\d+,\d+ of \d+,\d+ parameters \(layer\[1-3\]\)$/m);
    const { tensors } = await readSafetensorsFile(join(folder, "run", "model.safetensors"));
    const before = (await readSafetensorsFile(join(folder, "weights.safetensors"))).tensors;
    for (const [name, { data }] of before) {
      if (name.startsWith("layer")) expect([name, tensors.get(name)!.data]).toEqual([name, data]);
    }
    expect(tensors.get("conv1.weight")!.data).not.toEqual(before.get("conv1.weight")!.data);
    expect(tensors.get("bn1.running_mean")!.data).not.toEqual(before.get("bn1.running_mean")!.data);
    expect(tensors.get("linear.weight")!.shape).toEqual([3, 64]);
    // A classifier that fits is kept, in silence.
    const more = ["--weights", "run/model.safetensors", "--lr", "0", "--out", "more"];
    const next = await fovea([...args.slice(0, 2), ...flags, ...more, "--data", "./pictures", "--no-report"], folder);
    expect([next.code, next.stderr]).toEqual([0, expect.not.stringContaining("anew")]);
    const kept = await readSafetensorsFile(join(folder, "more", "model.safetensors"));
    expect(kept.tensors.get("linear.weight")!.data).toEqual(tensors.get("linear.weight")!.data);
  });

  it("names patterns that match nothing before anything is written", async () => {
    const folder = withPictures();
    const fails = async (flags: string[], text: string) => {
      const { code, stderr } = await fovea([...RUN, ...flags], folder);
      expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
      expect(readdirSync(folder)).toEqual(["digits"]);
    };
    await fails(["--freeze", "cnv1"], 'freeze "cnv1": matches no parameter; did you mean "conv1"?');
    await fails(["--group", "fc9:lr=2"], 'group "fc9": matches no parameter; did you mean "fc1"?');
    await fails(
      ["--accumulate", "7"],
      "accumulate is 7, but an epoch has 6 batches of 20 pictures; accumulate 6 at most",
    );
    await fails(["--ema-warmup"], "--ema-warmup: is of --ema");
    await fails(["--ema", "0.9", "--lookahead", "5"], "--ema and --lookahead: choose one of them");
    await fails(["--lookahead-ramp", "3"], "are of --lookahead; give it");
    await fails(["--no-decay", "norms"], 'unknown value of --no-decay "norms"');
    await fails(["--rise", "0.5"], "--rise: schedule cosine has no rise");
    await fails(["--schedule", "one-cycle", "--warmup", "5"], "--warmup: schedule one-cycle has no warmup");
    await fails(["--label-smoothing", "1"], "labelSmoothing is 1, expected a share from 0 to less than 1");
  });
});
