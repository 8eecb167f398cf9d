/** How pixels are scaled, as users say it for weights that do not. */
import { expect, it } from "vitest";
import { encodeSafetensors, parseSafetensors } from "#fovea/formats/safetensors/safetensors.js";
import { encodeModel, parseModel } from "#fovea/model/model-file.js";
import { parseScaling, scalingText } from "#fovea/model/scalings.js";
import { untrained } from "#fovea/model/trained-model.js";
import { create } from "#fovea/models/index.js";

it("is a name, or numbers for every channel or for all", () => {
  expect(parseScaling(undefined, undefined, 3)).toBeUndefined();
  expect(parseScaling("imagenet", undefined, 3)).toEqual({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
  expect(parseScaling("cifar10", undefined, 3)).toEqual({
    mean: [0.4914, 0.4822, 0.4465],
    std: [0.247, 0.2435, 0.2616],
  });
  expect(parseScaling("cifar10", "0.2023,0.1994,0.2010", 3)!.std).toEqual([0.2023, 0.1994, 0.201]);
  expect(parseScaling("half", undefined, 3)).toEqual({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  expect(parseScaling("none", undefined, 1)).toEqual({ mean: [0], std: [1] });
  expect(parseScaling("0.1, 0.2,-0.3", "2", 3)).toEqual({ mean: [0.1, 0.2, -0.3], std: [2, 2, 2] });
});

it.each([
  ["imagnet", undefined, 3, 'unknown value of --mean "imagnet"; did you mean "imagenet"?'],
  ["imagenet", undefined, 1, "--mean imagenet: has 3 numbers; expected one, or one for each of 1 channels"],
  ["0.5", undefined, 1, "--mean 0.5: a mean belongs to a deviation; give --std, too"],
  [undefined, "0.5", 1, "--std 0.5: a deviation belongs to a mean; give --mean, too"],
  ["0.5", "0", 1, "--std 0: expected numbers above 0"],
  ["0.5", "-1", 1, "--std -1: expected numbers above 0"],
  ["0.5,", "1", 1, "--mean 0.5,: expected numbers between commas, such as 0.485,0.456,0.406"],
  ["0.5", "1,2", 3, "--std 1,2: has 2 numbers; expected one, or one for each of 3 channels"],
  ["__proto__", undefined, 3, 'unknown value of --mean "__proto__"'],
])("refuses mean %s and deviation %s for %i channels", (mean, std, channels, message) => {
  expect(() => parseScaling(mean, std, channels)).toThrow(message);
});

it("is said in words, by its name where it has one", () => {
  expect(scalingText({ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] })).toBe(
    "mean 0.485, 0.456, 0.406 and deviation 0.229, 0.224, 0.225 (imagenet)",
  );
  expect(scalingText({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] })).toBe("mean 0.5 and deviation 0.5 (half)");
  expect(scalingText({ mean: [0.1, 0.2], std: [1, 1] })).toBe("mean 0.1, 0.2 and deviation 1");
});

it("comes from the caller, then the file, then the network, and is told where it is assumed", () => {
  const model = create("lenet5");
  const data = {
    shape: [28, 28, 1] as const,
    classes: model.classes === 10 ? "0123456789".split("") : [],
    mean: [0.1307],
    std: [0.3081],
  };
  const bytes = new Uint8Array(Buffer.concat(encodeModel(untrained(model, { data }))));
  const plain = new Uint8Array(
    Buffer.concat(
      encodeSafetensors(
        [...parseSafetensors(bytes, "a").tensors].map(([name, tensor]) => [name, tensor] as never),
        {},
      ),
    ),
  );
  const ours = parseModel(bytes);
  expect([ours.scaling, ours.isScalingAssumed]).toEqual([{ mean: [0.1307], std: [0.3081] }, undefined]);
  const theirs = parseModel(plain, { network: "lenet5" });
  expect([theirs.scaling, theirs.isScalingAssumed]).toEqual([{ mean: [0], std: [1] }, true]);
  const said = parseModel(plain, {
    network: "lenet5",
    scaling: (channels) => parseScaling("half", undefined, channels),
  });
  expect([said.scaling, said.isScalingAssumed]).toEqual([{ mean: [0.5], std: [0.5] }, undefined]);
  const resnet = create("resnet18");
  expect(resnet.scaling).toEqual(parseScaling("imagenet", undefined, 3));
});
