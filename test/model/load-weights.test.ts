/** Published weights into networks: test/fixtures/pth holds what PyTorch wrote (scripts/fixtures/pth.py). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FileError, OptionError } from "#fovea/base/errors.js";
import { readTensorsFile } from "#fovea/formats/pth/pth-node.js";
import { writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { saveModel } from "#fovea/model/model-file-node.js";
import { untrained } from "#fovea/model/trained-model.js";
import { loadWeights } from "#fovea/model/weights/load-node.js";
import { initialWeights } from "#fovea/model/weights/weights.js";
import { create } from "#fovea/models/index.js";
import { nameMapsOf } from "#fovea/models/weight-names/index.js";
import { batchNorm2d, conv2d, linear, type Module, sequential } from "#fovea/nn/index.js";
import { temporaryFolder } from "../support/temporary.js";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/pth/${name}.pth`, import.meta.url));

const network = (classes = 2, bias = true): Module =>
  sequential({
    conv: conv2d({ in: 1, out: 2, kernel: 2, bias }),
    norm: batchNorm2d({ channels: 2 }),
    fc: linear({ in: 2, out: classes }),
  });

const scaling = { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] };

it.each(["network", "wrapped"])("takes all of %s.pth, in fovea's layout", async (name) => {
  const { weights, fresh, unused } = await loadWeights(fixture(name), network());
  expect(Object.fromEntries([...weights].map(([key, { shape, data }]) => [key, [[...shape], [...data]]]))).toEqual({
    // PyTorch's [2, 1, 2, 2] of -1, -0.75, ...: the two filters are the fastest extent here.
    "conv.weight": [
      [2, 2, 1, 2],
      [-1, 0, -0.75, 0.25, -0.5, 0.5, -0.25, 0.75],
    ],
    "conv.bias": [[2], [-1, -0.75]],
    "norm.weight": [[2], [-1, -0.75]],
    "norm.bias": [[2], [-1, -0.75]],
    "norm.running_mean": [[2], [-1, -0.75]],
    "norm.running_var": [[2], [-1, -0.75]],
    "fc.weight": [
      [2, 2],
      [-1, -0.5, -0.75, -0.25],
    ],
    "fc.bias": [[2], [-1, -0.75]],
  });
  expect([fresh, unused]).toEqual([[], []]);
});

it("lists every difference by name, and leaves nothing at random unless told so", async () => {
  const other = network(3, false);
  await expect(loadWeights(fixture("network"), other)).rejects.toThrow(
    `${fixture("network")}: does not fit its network: tensor "fc.weight" is 2x2, expected 3x2; tensor "fc.bias" is 2, expected 3; ` +
      `tensor "conv.bias" (2) belongs to no parameter. Name the network and the options that it was made with`,
  );
  await expect(loadWeights(fixture("network"), other, { allow: ["fc.*"] })).rejects.toThrow(
    /its network: tensor "conv.bias" \(2\) belongs to no parameter\. /,
  );
  await expect(loadWeights(fixture("network"), other, { allow: ["f", "conv.bias", "c"] })).rejects.toThrow(
    /fc\.weight/,
  );
  const { weights, fresh, unused } = await loadWeights(fixture("network"), other, {
    allow: ["fc.*", "conv.b*"],
    seed: 5,
  });
  expect([fresh, unused]).toEqual([["fc.weight", "fc.bias"], ["conv.bias"]]);
  expect(weights.get("fc.weight")).toEqual(initialWeights(other, 5).get("fc.weight"));
  expect(weights.get("norm.bias")!.data).toEqual(Float32Array.of(-1, -0.75));
  await expect(loadWeights(fixture("malicious"), network())).rejects.toThrow(
    /refused: it wants Python's posix\.system/,
  );
});

it("reads another spelling by a map, as a table or a function", async () => {
  const path = join(temporaryFolder(), "a.safetensors");
  const { tensors } = await readTensorsFile(fixture("network"));
  const spelled = [...tensors].map(([name, tensor]) => [name.replace("conv.", "stem/"), tensor] as const);
  await writeSafetensorsFile(path, spelled);
  await expect(loadWeights(path, network())).rejects.toThrow(/"conv.weight" \(2x1x2x2\) is missing.*"stem\/weight"/);
  const expected = (await loadWeights(fixture("network"), network())).weights;
  const table = { "stem/weight": "conv.weight", "stem/bias": "conv.bias" };
  expect((await loadWeights(path, network(), { map: table })).weights).toEqual(expected);
  const map = (name: string) => name.replace("stem/", "conv.");
  expect((await loadWeights(path, network(), { map })).weights).toEqual(expected);
  const both = { "stem/weight": "conv.weight", "stem/bias": "conv.weight" };
  await expect(loadWeights(path, network(), { map: both })).rejects.toThrow(/two tensors are both named "conv.weight"/);
});

describe("a classifier of other classes", () => {
  async function published(): Promise<string> {
    const path = join(temporaryFolder(), "lenet5.safetensors");
    const data = { shape: [28, 28, 1], classes: ["a"], mean: [0], std: [1] } as const;
    await saveModel(path, untrained(create("lenet5"), { data, seed: 8 }));
    return path;
  }

  it("is refused, with the cure", async () => {
    const refused = loadWeights(await published(), create("lenet5", { classes: 4 }));
    await expect(refused).rejects.toThrow(
      /"fc3.weight" is 10x84, expected 4x84; .*"fc3.bias" is 10, expected 4\. The classifier is of another number of classes: start it anew by --reset-classifier/,
    );
    await expect(refused).rejects.toBeInstanceOf(FileError);
  });

  it("is started anew where that was asked, all else kept", async () => {
    const path = await published();
    for (const classes of [4, 10]) {
      const model = create("lenet5", { classes });
      const { weights, fresh } = await loadWeights(path, model, { resetClassifier: true, seed: 3 });
      expect(fresh).toEqual(["fc3.weight", "fc3.bias"]);
      const [theirs, initial] = [initialWeights(create("lenet5").module, 8), initialWeights(model.module, 3)];
      for (const [name, weight] of weights)
        expect(weight).toEqual((name.startsWith("fc3") ? initial : theirs).get(name));
      expect([...weights.keys()]).toEqual([...initial.keys()]);
    }
    await expect(loadWeights(fixture("network"), network(), { resetClassifier: true })).rejects.toBeInstanceOf(
      OptionError,
    );
  });
});

describe("SqueezeNet's own names", () => {
  const [caffe] = nameMapsOf("squeezenet1_1");

  it("become torchvision's", () => {
    expect(
      ["conv1.weight", "fire2/squeeze1x1.weight", "fire4/expand1x1.bias", "fire9/expand3x3.weight", "conv10.bias"].map(
        (n) => caffe!.rename(n),
      ),
    ).toEqual([
      "features.0.weight",
      "features.3.squeeze.weight",
      "features.6.expand1x1.bias",
      "features.12.expand3x3.weight",
      "classifier.1.bias",
    ]);
    expect(["fire1/squeeze1x1.weight", "fire10/squeeze1x1.bias", "fc.weight"].map((n) => caffe!.rename(n))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("come with a first layer that is turned to read scaled red, green and blue", () => {
    // One filter of one tap over (blue, green, red); a pixel whose bytes are (50, 150, 250) in red, green and blue.
    const weight = { shape: [1, 3, 1, 1], data: Float32Array.of(0.5, -0.25, 2) };
    const bias = { shape: [1], data: Float32Array.of(1) };
    const changed = caffe!.convert!(
      new Map(Object.entries({ "features.0.weight": weight, "features.0.bias": bias })),
      scaling,
    );
    const expected = 1 + 0.5 * (250 - 104) - 0.25 * (150 - 117) + 2 * (50 - 123);
    const [w, b] = [changed.get("features.0.weight")!.data, changed.get("features.0.bias")!.data];
    const pixel = [50, 150, 250].map((p, c) => (p / 255 - scaling.mean[c]!) / scaling.std[c]!);
    expect(b[0]! + pixel.reduce((sum, x, c) => sum + x * w[c]!, 0)).toBeCloseTo(expected, 3);
  });

  const real = join(
    process.env["FOVEA_DATA"] ?? "../shared/data",
    "weights/squeezenet1_1/squeezenet1_1_f16.safetensors",
  );
  it.skipIf(!existsSync(real))("fit the network whole (skipped without FOVEA_DATA)", async () => {
    const model = create("squeezenet1_1");
    const { weights, fresh, unused } = await loadWeights(real, model);
    expect([fresh, unused]).toEqual([[], []]);
    expect([...weights.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(1_235_496);
  });
});
