/** `fovea models`: the list of networks, for people and for programs. */
import { expect, it } from "vitest";
import { list } from "#fovea/models/index.js";
import { events, fovea } from "../support/cli.js";
import { temporaryFolder } from "../support/temporary.js";

const all = [...list(), ...list("segmentation")];

it("lists every network with what it takes and its parameters", async () => {
  const { code, stdout, stderr } = await fovea(["models"], temporaryFolder());
  expect([code, stderr]).toEqual([0, ""]);
  const [head, ...rows] = stdout.trimEnd().split("\n");
  expect(head!.trim().split(/ {2,}/)).toEqual(["network", "takes", "classes", "parameters", "what it is"]);
  expect(rows.map((row) => row.split(" ")[0])).toEqual(all.map(({ name }) => name));
  expect(rows.find((row) => row.startsWith("vgg16 "))).toMatch(
    /^vgg16 +224x224x3 +1000 +138,357,544 +VGG of 16 layers/,
  );
});

it("gives programs one JSON object a network", async () => {
  const { code, stdout } = await fovea(["models", "--json"], temporaryFolder());
  expect(code).toBe(0);
  const found = events(stdout);
  expect(found).toHaveLength(all.length);
  expect(found.find(({ network }) => network === "unet")).toMatchObject({ task: "segmentation", classes: 2 });
  expect(found.find(({ network }) => network === "resnet50")).toEqual({
    network: "resnet50",
    input: [224, 224, 3],
    classes: 1000,
    parameters: 25_557_032,
    options: { classes: 1000, size: 224, strideOn: "3x3" },
    description: "ResNet of 50 layers, bottleneck blocks (1x1, 3x3, 1x1); 224x224",
  });
});
