/** The public face: the types that users write against, and the files that resolvers find. Its names are in test/exports.txt. */
import { readFileSync } from "node:fs";
import { expect, expectTypeOf, it } from "vitest";
import * as face from "#fovea/index.js";
import * as node from "#fovea/index-node.js";

it("types what is written in the README", () => {
  const { createClassifier, models, nn, sgd, train } = face;
  expectTypeOf(train).parameter(0).toEqualTypeOf<face.Network>();
  expectTypeOf(models.create("lenet5")).toExtend<face.Network>();
  expectTypeOf(nn.sequential(nn.conv2d({ in: 1, out: 6, kernel: 5 }), nn.tanh())).toExtend<face.Network>();
  expectTypeOf(train).returns.resolves.toExtend<{ readonly model: face.TrainedModel; readonly completed: boolean }>();
  expectTypeOf(sgd({ lr: 0.1, momentum: 0.9 })).toEqualTypeOf<face.Optimizer>();
  expectTypeOf(createClassifier).returns.resolves.toEqualTypeOf<face.Classifier>();
  expectTypeOf<face.Classification>().toHaveProperty("probabilities").toEqualTypeOf<Float32Array>();
  expectTypeOf<face.Classifier>().toBeCallableWith(new Uint8Array(784));
  expectTypeOf<face.Classifier>().toBeCallableWith([0.5]);
  // @ts-expect-error a learning rate is a must
  expect(() => sgd({})).toThrow();
  // @ts-expect-error epochs is a number
  expectTypeOf(train).toBeCallableWith(models.create("lenet5"), {} as face.Dataset, { epochs: "3" });
  expectTypeOf(node.loadMnist).returns.resolves.toEqualTypeOf<face.DatasetSplits>();
});

it("gives resolvers that do not know exports the same files", () => {
  const root = new URL("../", import.meta.url);
  const read = (file: URL) => JSON.parse(readFileSync(file, "utf8"));
  const { main, module, types, exports, files } = read(new URL("package.json", root));
  expect({ main, module, types }).toEqual({
    main: "./dist/index.js",
    module: "./dist/index.js",
    types: "./dist/index.d.ts",
  });
  for (const [entry, target] of Object.entries<string | { types?: string; default: string }>(exports)) {
    // fovea-cli alone asks for the command line, in Node.js, which knows `exports`.
    if ([".", "./package.json", "./cli"].includes(entry)) continue;
    const folder = new URL(`${entry}/`, root);
    const stub = read(new URL("package.json", folder));
    const code = typeof target === "string" ? target : target.default;
    expect(new URL(stub.main, folder).href).toBe(new URL(code, root).href);
    expect(stub.module).toBe(stub.main);
    expect(stub.type).toBe("module");
    if (typeof target !== "string") expect(new URL(stub.types, folder).href).toBe(new URL(target.types!, root).href);
    expect(files).toContain(entry.split("/")[1]);
  }
});
