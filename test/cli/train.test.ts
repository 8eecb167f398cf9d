/** The command line from training to looking at the result, as processes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { events, fovea, startFovea } from "../support/cli.js";
import { writePictures } from "../support/pictures.js";
import { temporaryFolder } from "../support/temporary.js";

function folderWithPictures(): string {
  const folder = temporaryFolder();
  writePictures(folder);
  return folder;
}

const SHORT = ["--data", "./digits", "--epochs", "3", "--batch-size", "16", "--lr", "0.02"];

describe("train, eval, summary", () => {
  it("go hand in hand", async () => {
    const folder = folderWithPictures();
    const trained = await fovea(["train", "lenet5", ...SHORT, "--threads", "2"], folder);
    expect(trained.stderr).toBe("");
    expect(trained.code).toBe(0);
    expect(trained.stdout).toMatch(/^ {2}network {4}lenet5 \(classes 10, channels 1, size 28\), 61,706 parameters$/m);
    expect(trained.stdout).toMatch(/^ {2}training {3}3 epochs of 19 steps, batch 16, seed 0$/m);
    expect(trained.stdout).toMatch(
      /^ {2}optimizer {2}sgd \(lr 0.02, momentum 0.9, weightDecay 0.0005\), schedule cosine$/m,
    );
    expect(trained.stdout).toMatch(/^ {2}machine {4}\w+, 2 threads$/m);
    expect(trained.stdout).toMatch(
      /^ {2}memory {5}[\d.]+ MiB planned: parameters \d+ KiB, optimizer state \d+ KiB, activations/m,
    );
    expect(trained.stdout).toMatch(
      /^epoch 3\/3 {2}loss 0.\d{4} {2}accuracy \d+.\d\d% {2}test loss 0.\d{4} {2}test accuracy/m,
    );
    expect(trained.stdout).toMatch(
      /^Test accuracy \d+.\d\d% \(error \d+.\d\d%\) after 3 epochs and [\d.]+ s of training.$/m,
    );
    expect(trained.stdout).toContain("Wrote runs/lenet5-digits/model.safetensors");
    expect(trained.stdout).not.toContain("\x1b");

    const run = join(folder, "runs", "lenet5-digits");
    expect(readdirSync(run).sort()).toEqual([
      "best.safetensors",
      "checkpoint.safetensors",
      "config.json",
      "log.jsonl",
      "model.safetensors",
      "report",
      "report.html",
    ]);
    const log = events(readFileSync(join(run, "log.jsonl"), "utf8"));
    expect(log.map((line) => line["epoch"])).toEqual([1, 2, 3]);
    const { test } = log[2] as { test: { loss: number; accuracy: number } };
    expect(test.accuracy).toBeGreaterThan(0.9);

    // What it says to do next does what it says, and finds the same figures.
    const evaluated = await fovea(["eval", "runs/lenet5-digits", "--json"], folder);
    const [result] = events(evaluated.stdout);
    expect(result).toMatchObject({ samples: 80, loss: test.loss, accuracy: test.accuracy });
    expect((result!["confusion"] as number[][]).flat().reduce((a, b) => a + b)).toBe(80);
    const half = await fovea(
      ["eval", join(run, "model.safetensors"), "--data", "./digits", "--split", "train"],
      folder,
    );
    expect(half.stdout).toMatch(/model.safetensors on .*digits train: 300 images/);
    expect(half.stdout).toMatch(/accuracy {2}\d+.\d\d% \(\d+ wrong, error \d+.\d\d%\)/);
    expect(half.stdout).toContain("columns what the network says");

    const summary = await fovea(["summary", "runs/lenet5-digits"], folder);
    expect(summary.stdout).toMatch(/^total +61,706 +416,520 +60,008$/m);
  });

  it("speak JSON lines to programs", async () => {
    const folder = folderWithPictures();
    const { stdout, stderr, code } = await fovea(["train", "mlp", ...SHORT, "--json", "--out", "here"], folder);
    expect([code, stderr]).toEqual([0, ""]);
    const lines = events(stdout);
    expect(lines.map((line) => line["event"])).toEqual(["start", "epoch", "epoch", "epoch", "end"]);
    expect(lines[0]).toMatchObject({
      folder: "here",
      parameters: 266_610,
      images: 300,
      config: { network: "mlp", epochs: 3, optimizer: { name: "sgd", lr: 0.02, momentum: 0.9 } },
      resumedAt: null,
    });
    expect(lines[4]).toMatchObject({ model: "here/model.safetensors", step: 57, epochs: 3 });
    const [summary] = events((await fovea(["summary", "mlp", "--batch", "16", "--json"], folder)).stdout);
    expect(summary).toMatchObject({ network: "mlp", parameters: 266_610, multiplyAdds: 266_200 });
  });

  it("give every new run a folder of its own, and take no other's", async () => {
    const folder = folderWithPictures();
    const once = ["train", "mlp", "--data", "./digits", "--epochs", "1"];
    for (const name of ["mlp-digits", "mlp-digits-2"]) {
      const { stdout } = await fovea([...once, "--json"], folder);
      expect(events(stdout)[0]!["folder"]).toBe(join("runs", name));
    }
    const taken = await fovea([...once, "--out", "runs/mlp-digits"], folder);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(
      /^fovea: runs\/mlp-digits: already holds .*; resume the run in it with --resume runs\/mlp-digits, or name another folder\n$/,
    );
    expect(readdirSync(join(folder, "runs"))).toEqual(["mlp-digits", "mlp-digits-2"]);
  });

  it("give the same file for 1, 2 and 7 threads", async () => {
    const folder = folderWithPictures();
    const files: Buffer[] = [];
    for (const threads of ["1", "2", "7"]) {
      const args = ["train", "lenet5", ...SHORT, "--epochs", "1", "--threads", threads, "--out", `run${threads}`];
      expect((await fovea(args, folder)).code).toBe(0);
      files.push(readFileSync(join(folder, `run${threads}`, "model.safetensors")));
    }
    expect(files[1]!.equals(files[0]!)).toBe(true);
    expect(files[2]!.equals(files[0]!)).toBe(true);
  });

  it("pass on a network's options, optimiser and schedule", async () => {
    const folder = folderWithPictures();
    const args = ["train", "mlp", ...SHORT, "--option", "classes=12", "--optimizer", "adamw", "--lr", "0.001"];
    const more = ["--schedule", "step", "--milestones", "1,2", "--gamma", "0.5", "--warmup", "3", "--json"];
    const { stdout } = await fovea([...args, ...more], folder);
    const { config } = events(stdout)[0] as { config: Record<string, unknown> };
    expect(config).toMatchObject({
      options: { classes: 12, channels: 1, size: 28 },
      optimizer: { name: "adamw", lr: 0.001, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.01 },
      schedule: { kind: "step", milestones: [1, 2], gamma: 0.5, warmupSteps: 3 },
    });
    const rates = events(stdout).flatMap((line) => (line["event"] === "epoch" ? [line["learningRate"]] : []));
    expect(rates).toEqual([0.001, 0.0005, 0.00025]);
  });

  it.each([
    [
      [
        "--optimizer",
        "nadam",
        "--momentum-decay",
        "0.01",
        "--schedule",
        "warm-restarts",
        "--period",
        "1",
        "--growth",
        "2",
      ],
      { name: "nadam", lr: 0.02, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, momentumDecay: 0.01 },
      { kind: "warm-restarts", period: 1, growth: 2 },
    ],
    [
      [
        "--optimizer",
        "rmsprop",
        "--lr",
        "0.001",
        "--alpha",
        "0.9",
        "--momentum",
        "0.9",
        "--centered",
        "--schedule",
        "polynomial",
      ],
      { name: "rmsprop", lr: 0.001, alpha: 0.9, eps: 1e-8, weightDecay: 0, momentum: 0.9, centered: true },
      { kind: "polynomial" },
    ],
    [
      ["--dampening", "0.1", "--schedule", "exponential", "--gamma", "0.5"],
      { name: "sgd", lr: 0.02, momentum: 0.9, nesterov: false, weightDecay: 0.0005, dampening: 0.1 },
      { kind: "exponential", gamma: 0.5 },
    ],
  ])("take %s", async (flags, optimizer, schedule) => {
    const { stdout, code } = await fovea(["train", "mlp", ...SHORT, ...flags, "--json"], folderWithPictures());
    const { config } = events(stdout)[0] as { config: Record<string, unknown> };
    expect([code, config["optimizer"], config["schedule"]]).toEqual([0, optimizer, schedule]);
  });

  it("lower the rate after epochs that bring nothing better, and go on with it when resumed", async () => {
    const folder = folderWithPictures();
    const plateau = ["--schedule", "plateau", "--plateau-patience", "0", "--threshold", "0.9", "--factor", "0.5"];
    const args = ["train", "mlp", ...SHORT, "--lr", "0.0001", ...plateau, "--final", "0.2", "--epochs", "5"];
    expect((await fovea([...args, "--out", "run"], folder)).code).toBe(0);
    const rates = () =>
      events(readFileSync(join(folder, "run", "log.jsonl"), "utf8")).map(({ learningRate }) => learningRate);
    // The first epoch is the best so far; none after it is better by nine tenths. The least rate is a fifth.
    expect(rates()).toEqual([0.0001, 0.0001, 0.00005, 0.000025, 0.00002]);
  });

  it("compute on another device, to the same figures but for rounding", async () => {
    const folder = folderWithPictures();
    const run = async (device: string, out: string) => {
      const { code, stderr } = await fovea(
        ["train", "mlp", ...SHORT, "--epochs", "1", "--device", device, "--out", out],
        folder,
      );
      expect([code, stderr]).toEqual([0, ""]);
      const [log] = events(readFileSync(join(folder, out, "log.jsonl"), "utf8"));
      return (log as unknown as { test: { loss: number } }).test.loss;
    };
    const [cpu, reference] = [await run("cpu", "a"), await run("reference", "b")];
    expect(reference).toBeCloseTo(cpu, 4);
    const measured = await fovea(["eval", "a", "--device", "reference", "--json"], folder);
    expect((events(measured.stdout)[0] as unknown as { loss: number }).loss).toBeCloseTo(cpu, 4);
    const again = await fovea(["eval", "a", "--device", "webgpu"], folder);
    expect([again.code, again.stderr]).toEqual([2, 'fovea: unknown device "webgpu" (known: cpu, reference)\n']);
    const refused = await fovea(["eval", "a", "--device", "reference", "--threads", "2"], folder);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('unknown option of device "reference" "threads"'),
    ]);
  });

  it("outlive a reader that goes away", async () => {
    const folder = folderWithPictures();
    const run = startFovea(["train", "mlp", ...SHORT, "--out", "run"], folder);
    run.child.stdout!.destroy();
    const { code, stderr } = await run.ended;
    expect([code, stderr]).toEqual([0, ""]);
    expect(existsSync(join(folder, "run", "model.safetensors"))).toBe(true);
  });

  it("fall back to WebAssembly where machine code is refused, and say so once", async () => {
    const folder = folderWithPictures();
    const args = ["train", "mlp", ...SHORT, "--epochs", "1", "--json"];
    const { stdout, stderr, code } = await fovea(args, folder, { FOVEA_TEST_REFUSE_EXEC: "1" });
    expect(code).toBe(0);
    expect(events(stdout)[0]).toMatchObject({ backend: "wasm" });
    expect(stderr.match(/machine code is refused here/g) ?? []).toHaveLength(process.arch === "x64" ? 1 : 0);
  });
});

describe("help", () => {
  it.each([[], ["train"], ["eval"], ["summary"]].map((command) => [command]))("of %j has examples", async (command) => {
    const { stdout, code } = await fovea([...command, "--help"], temporaryFolder());
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: fovea /);
    expect(stdout).toMatch(/^Examples:\n {2}\$ fovea /m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  it("has the version of the package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await fovea(["--version"], temporaryFolder())).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: "",
    });
  });
});
