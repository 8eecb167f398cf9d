/** `fovea data`, and training and measuring on pictures from weights of PyTorch's names. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { events, fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

async function pictures(): Promise<string> {
  const folder = temporaryFolder();
  const write = async (name: string, shade: number, size = 28) => {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const create = { width: size, height: size, channels: 3 as const, background: { r: shade, g: shade, b: shade } };
    await sharp({ create }).toColourspace("b-w").png().toFile(join(folder, name));
  };
  for (let i = 0; i < 4; i++) {
    await write(`p/train/dark/${i}.png`, 10 * i);
    await write(`p/train/light/${i}.png`, 255 - 10 * i);
  }
  await write("p/test/dark/x.png", 5);
  await write("p/test/light/x.png", 250, 30);
  return folder;
}

it("describes a data set, for people and for programs, and names what will not decode", async () => {
  const folder = await pictures();
  const { code, stdout } = await fovea(["data", "./p"], folder);
  expect(code).toBe(0);
  expect(stdout).toContain("classes    2\n");
  expect(stdout).toContain("pictures   8 (./p train), 2 (./p test)");
  expect(stdout).toContain("as         28x28x1, height x width x channels");
  expect(stdout).toContain("28x28 (1), 30x30 (1) (./p test)");
  expect(stdout).toMatch(/light +4 +1\n/);

  writeFileSync(join(folder, "p/train/light/4.jpg"), "no picture");
  const broken = await fovea(["data", "./p", "--json"], folder);
  expect(broken.code).toBe(1);
  expect(events(broken.stdout)[0]).toMatchObject({
    data: "./p",
    classes: ["dark", "light"],
    shape: [28, 28, 1],
    train: { pictures: 8, classCounts: [4, 4], sizes: { "28x28": 8 } },
    broken: [{ name: "p/train/light/4.jpg" }],
  });
  const text = await fovea(["data", "./p"], folder);
  expect(text.stdout).toContain("1 picture will not decode:\n  p/train/light/4.jpg: is not a picture");
});

it("trains on pictures from given weights, and starts the classifier anew for other classes", async () => {
  const folder = await pictures();
  const first = await fovea(["train", "lenet5", "--data", "./p", "--epochs", "1", "--out", "a", "--no-report"], folder);
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const weights = ["--weights", "a/model.safetensors", "--lr", "0", "--epochs", "1", "--no-report"];
  const second = await fovea(["train", "lenet5", "--data", "./p", "--out", "b", ...weights], folder);
  expect([second.code, second.stderr]).toEqual([0, ""]);
  // With a rate of zero the weights stay what they were: both measure the same.
  const measured = await Promise.all(["a", "b"].map((run) => fovea(["eval", run, "--json"], folder)));
  const [a, b] = measured.map(({ stdout }) => events(stdout)[0]!["loss"]);
  expect(typeof a).toBe("number");
  expect(a).toBe(b);

  mkdirSync(join(folder, "p/train/grey"));
  copyFileSync(join(folder, "p/train/dark/3.png"), join(folder, "p/train/grey/x.png"));
  const other = await fovea(["train", "lenet5", "--data", "./p", "--out", "d", ...weights], folder);
  expect([other.code, other.stderr]).toEqual([
    0,
    "fovea: the classifier of a/model.safetensors does not fit 3 classes: fc3.weight, fc3.bias start anew\n",
  ]);
  const anew = await fovea(
    ["train", "lenet5", "--data", "./p", "--out", "c", "--reset-classifier", ...weights],
    folder,
  );
  expect([anew.code, anew.stderr]).toEqual([0, ""]);
  const alone = await fovea(["train", "lenet5", "--data", "./p", "--reset-classifier"], folder);
  expect([alone.code, alone.stderr]).toEqual([
    2,
    "fovea: --reset-classifier: is of the weights that --weights names; give both\n",
  ]);
});
