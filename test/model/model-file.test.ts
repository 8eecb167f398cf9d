/** Models as files: round trips, PyTorch's reading of them, and everything that can be wrong with one. */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FileError } from "#fovea/base/errors.js";
import type { TensorToWrite } from "#fovea/formats/safetensors/safetensors.js";
import { readSafetensorsFile, writeSafetensorsFile } from "#fovea/formats/safetensors/safetensors-node.js";
import { createClassifier } from "#fovea/model/classifier.js";
import { loadModel, saveModel } from "#fovea/model/model-file-node.js";
import { type TrainedModel, untrained } from "#fovea/model/trained-model.js";
import * as models from "#fovea/models/index.js";
import * as nn from "#fovea/nn/index.js";
import { pictures } from "../support/pictures.js";
import { findPython, runPython } from "../support/python.js";
import { random } from "../support/random.js";
import { temporaryFolder } from "../support/temporary.js";

const fresh = (name: string, seed = 3): TrainedModel => untrained(models.create(name), { data: pictures(10), seed });

const saved = async (model: TrainedModel): Promise<string> => {
  const path = join(temporaryFolder(), "model.safetensors");
  await saveModel(path, model);
  return path;
};

/** Shapes and bits of all weights, quick to compare. */
const bits = ({ weights }: TrainedModel) =>
  [...weights].map(([name, { shape, data }]) => [name, shape, Buffer.from(data.slice().buffer).toString("base64")]);

/** A file like `path` but for what `change` does to its tensors and metadata. */
async function changed(
  path: string,
  change: (tensors: Map<string, TensorToWrite>, metadata: Record<string, string>) => void,
): Promise<string> {
  const { tensors, metadata } = await readSafetensorsFile(path);
  const copy = new Map<string, TensorToWrite>(tensors);
  const texts = { ...metadata };
  change(copy, texts);
  await writeSafetensorsFile(path, copy, texts);
  return path;
}

it("writes torchvision's names and layouts: a convolution worked by hand", async () => {
  const module = nn.sequential({
    conv1: nn.conv2d({ in: 1, out: 2, kernel: [1, 2] }),
    flatten: nn.flatten(),
    fc1: nn.linear({ in: 4, out: 3 }),
  });
  const weights = new Map([
    // HWIO 1x2x1x2: at kernel column x, for map o: 10 x + o
    ["conv1.weight", { shape: [1, 2, 1, 2], data: Float32Array.of(0, 1, 10, 11) }],
    ["conv1.bias", { shape: [2], data: Float32Array.of(5, 6) }],
    // [in, out] = [4, 3]: 10 in + out
    ["fc1.weight", { shape: [4, 3], data: Float32Array.of(0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32) }],
    ["fc1.bias", { shape: [3], data: Float32Array.of(7, 8, 9) }],
  ]);
  const model: TrainedModel = {
    module,
    input: [1, 3, 1],
    classes: ["a", "b", "c"],
    scaling: { mean: [0.5], std: [2] },
    weights,
  };
  const path = await saved(model);
  const { tensors, metadata } = await readSafetensorsFile(path);
  expect([...tensors].map(([name, { shape, data }]) => [name, shape, [...(data as Float32Array)]])).toEqual([
    ["conv1.weight", [2, 1, 1, 2], [0, 10, 1, 11]],
    ["conv1.bias", [2], [5, 6]],
    ["fc1.weight", [3, 4], [0, 10, 20, 30, 1, 11, 21, 31, 2, 12, 22, 32]],
    ["fc1.bias", [3], [7, 8, 9]],
  ]);
  expect(metadata).toEqual({
    format: "fovea",
    version: "1",
    input: "[1,3,1]",
    classes: '["a","b","c"]',
    scaling: '{"mean":[0.5],"std":[2]}',
  });
  await expect(loadModel(path)).rejects.toThrow("not of the zoo: give its module, option network");
  expect(await loadModel(path, { network: module })).toEqual(model);
});

it.each(["lenet5", "mlp"])("%s comes back bit for bit, with its name and options", async (name) => {
  const model = fresh(name);
  const back = await loadModel(await saved(model));
  expect(bits(back)).toEqual(bits(model));
  expect({ ...back, weights: 0, module: 0 }).toEqual({ ...model, weights: 0, module: 0 });
  expect(back.network?.options).toMatchObject({ classes: 10, size: 28 });
});

const python = findPython("torch", "safetensors");
it.skipIf(python === undefined)("a PyTorch module loads the file as it is and gives the same logits", async () => {
  const path = await saved(fresh("lenet5"));
  const { normal } = random(5);
  const image = Float32Array.from({ length: 784 }, normal);
  writeFileSync(`${path}.image`, new Uint8Array(image.buffer));
  const printed = runPython(
    python!,
    `
import sys, json, numpy, torch
from torch import nn
from safetensors.torch import load_file
class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)
    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))
net = LeNet5()
net.load_state_dict(load_file(sys.argv[1]), strict=True)
x = torch.from_numpy(numpy.fromfile(sys.argv[1] + ".image", dtype=numpy.float32)).reshape(1, 1, 28, 28)
print(json.dumps(net(x)[0].tolist()))`,
    path,
  );
  const classify = await createClassifier(await loadModel(path));
  const { logits } = await classify(image);
  await classify.close();
  const theirs = JSON.parse(printed) as number[];
  expect(Math.max(...theirs.map((value, i) => Math.abs(value - logits[i]!)))).toBeLessThan(1e-4);
});

it("names every tensor that is missing, added or of another shape, with both shapes", async () => {
  const path = await changed(await saved(fresh("lenet5")), (tensors) => {
    tensors.delete("conv1.bias");
    tensors.set("fc3.weight", { shape: [11, 84], data: new Float32Array(11 * 84) });
    tensors.set("fc4.weight", { shape: [2, 3], data: new Float32Array(6) });
    tensors.set("fc1.bias", { shape: [120], data: new Int32Array(120) });
  });
  await expect(loadModel(path)).rejects.toThrow(
    `${path}: does not fit lenet5: tensor "conv1.bias" (6) is missing; tensor "fc1.bias" is of type I32, expected floating-point numbers; ` +
      `tensor "fc3.weight" is 11x84, expected 10x84; tensor "fc4.weight" (2x3) belongs to no parameter`,
  );
});

it("reads another program's file when it is told the network", async () => {
  const model = fresh("mlp");
  const path = await changed(await saved(model), (_, metadata) => {
    for (const key of Object.keys(metadata)) delete metadata[key];
  });
  await expect(loadModel(path)).rejects.toThrow(
    /has no metadata of fovea: found 6 tensors \(fc1.weight, fc1.bias, fc2.weight, ...\); say which network they belong to, option network/,
  );
  const back = await loadModel(path, { network: "mlp" });
  expect(bits(back)).toEqual(bits(model));
  expect([back.classes.length, back.scaling]).toEqual([10, { mean: [0], std: [1] }]);
  await expect(loadModel(path, { network: "mpl" })).rejects.toThrow('did you mean "mlp"?');
});

it("reads float64 and refuses whole numbers", async () => {
  const model = fresh("mlp");
  const path = await changed(await saved(model), (tensors) => {
    const { shape, data } = tensors.get("fc3.bias")!;
    tensors.set("fc3.bias", { shape, data: Float64Array.from(data as Float32Array) });
  });
  expect(bits(await loadModel(path))).toEqual(bits(model));
});

it("refuses a file that is cut short, is no safetensors, or is not there", async () => {
  const path = await saved(fresh("mlp"));
  const whole = readFileSync(path).length;
  truncateSync(path, whole - 1);
  await expect(loadModel(path)).rejects.toThrow(/cut short: tensor ".*" ends at byte/);
  truncateSync(path, 100);
  await expect(loadModel(path)).rejects.toThrow("cut short inside its header");
  writeFileSync(path, "Not a model.");
  await expect(loadModel(path)).rejects.toThrow("not a safetensors file");
  await expect(loadModel(`${path}.none`)).rejects.toThrow("no such file");
  await expect(loadModel(`${path}.none`)).rejects.toBeInstanceOf(FileError);
});

it("refuses metadata that is not what it says", async () => {
  const path = await saved(fresh("mlp"));
  const set = (key: string, value: string) =>
    changed(path, (_, metadata) => void Object.assign(metadata, { [key]: value }));
  await set("version", "2");
  await expect(loadModel(path)).rejects.toThrow("is a fovea model of version 2; this fovea reads version 1");
  await set("version", "1");
  await set("classes", "{");
  await expect(loadModel(path)).rejects.toThrow('metadata "classes" is {');
  await set("classes", '["a"]');
  await set("scaling", '{"mean":[0,0],"std":[1,1]}');
  await expect(loadModel(path)).rejects.toThrow('"scaling" is of 2 channels; the network takes 1');
  await set("scaling", '{"mean":[0],"std":[1]}');
  await set("network", "resnet9000");
  await expect(loadModel(path)).rejects.toThrow('names a network that cannot be made: unknown network "resnet9000"');
});
