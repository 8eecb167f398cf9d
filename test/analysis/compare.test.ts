import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { CANZIANI } from "#fovea/analysis/compare/families.js";
import { besideDots, inAColumn, LINE, textWidth } from "#fovea/analysis/compare/labels.js";
import { type Comparison, compareNetworks } from "#fovea/analysis/compare/measure.js";
import { publishedAccuracy } from "#fovea/analysis/compare/published.js";
import { comparisonRows, csv } from "#fovea/analysis/compare/table.js";
import { drawComparison, writeComparison } from "#fovea/analysis/compare/write-node.js";
import { planInference } from "#fovea/analysis/inference.js";
import { comparisonText } from "#fovea/cli/commands/compare.js";
import { openDevice } from "#fovea/devices/open.js";
import * as models from "#fovea/models/index.js";

const FEW = { batches: [1, 3], budgetMs: 5, note: () => {} };

it("knows the networks of Canziani, Paszke and Culurciello", () => {
  expect(CANZIANI.map((name) => models.create(name).classes)).toEqual(CANZIANI.map(() => 1000));
});

describe("what is measured", () => {
  it("has operations, parameters, published accuracy, planned memory and a time a batch size", async () => {
    const { networks, stopped } = await compareNetworks(["lenet5-1998", "resnet20"], FEW);
    expect(stopped).toBe(false);
    const [lenet, resnet] = networks as [(typeof networks)[number], (typeof networks)[number]];
    expect([lenet.parameters, resnet.multiplyAdds]).toEqual([60_000, 40_551_040]);
    expect([lenet.published!.top1, resnet.published!.top1]).toEqual([99.05, 91.25]);
    for (const { batches } of networks) {
      expect(batches.map(({ batch }) => batch)).toEqual([1, 3]);
      for (const { millisecondsAPicture, runs } of batches) {
        expect(millisecondsAPicture).toBeGreaterThan(0);
        expect(runs).toBeGreaterThanOrEqual(1);
      }
    }
    // Six hundred times the operations take more time, whatever else the machine does.
    expect(resnet.batches[1]!.millisecondsAPicture).toBeGreaterThan(lenet.batches[1]!.millisecondsAPicture!);
    const device = await openDevice({ note: () => {} });
    const { module, input } = models.create("resnet20");
    expect(resnet.batches[1]!.memoryBytes).toBe((await planInference(device, module, input, 3)).total);
    await device.close();
  });

  it("keeps what there is when it is asked to stop", async () => {
    const told: string[] = [];
    const stop = new AbortController();
    const { networks, stopped } = await compareNetworks(["mlp", "lenet5", "resnet20"], {
      ...FEW,
      onProgress({ network, batch }) {
        if (told.push(`${network} ${batch}`) >= 3) stop.abort();
      },
      signal: stop.signal,
    });
    expect([told, stopped]).toEqual([["mlp 1", "mlp 3", "lenet5 1"], true]);
    expect(
      networks.map(({ name, batches }) => [name, batches.map((b) => b.millisecondsAPicture !== undefined)]),
    ).toEqual([
      ["mlp", [true, true]],
      ["lenet5", [false]],
    ]);
  });

  it("does not measure what does not fit, and measures nothing where no time is asked for", async () => {
    const { networks } = await compareNetworks(["lenet5"], { ...FEW, mostBytes: 1000 });
    expect(networks[0]!.batches.map((b) => [b.memoryBytes! > 0, b.millisecondsAPicture])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
    const plans = await compareNetworks(["lenet5"], { ...FEW, budgetMs: 0 });
    expect(plans.networks[0]!.batches[0]!.millisecondsAPicture).toBeUndefined();
  });

  it("names what is not known", async () => {
    await expect(compareNetworks(["resnet19"], FEW)).rejects.toThrow('unknown network "resnet19"; did you mean');
    await expect(compareNetworks(["mlp", "mlp"], FEW)).rejects.toThrow("mlp is named twice");
  });
});

it("carries published accuracies with their sources", () => {
  expect(publishedAccuracy("resnet50")).toMatchObject({ top1: 76.13, data: "ImageNet" });
  expect(publishedAccuracy("resnet110")).toMatchObject({ top1: 93.57, data: "CIFAR-10" });
  expect(publishedAccuracy("constructor")).toBeUndefined();
  for (const { name } of models.list()) {
    const published = publishedAccuracy(name);
    if (published !== undefined) expect(published.source.length).toBeGreaterThan(10);
  }
});

/** Made up: nothing is measured. */
const made: Comparison = {
  stopped: false,
  backend: "none",
  threads: 2,
  networks: [
    ["alexnet", 61e6, 0.714e9],
    ["vgg16", 138e6, 15.47e9],
    ["vgg16_bn", 138e6, 15.47e9],
    ["resnet50", 25e6, 4.089e9],
    ["mine, <b>", 1e6, 0.3e9],
  ].map(([name, parameters, multiplyAdds]) => {
    const published = publishedAccuracy(String(name));
    return {
      name: String(name),
      input: [224, 224, 3],
      parameters: Number(parameters),
      multiplyAdds: Number(multiplyAdds),
      ...(published === undefined ? {} : { published }),
      batches: [1, 8].map((batch) => ({
        batch,
        memoryBytes: 4 * Number(parameters) * (1 + batch / 10),
        ...(name === "alexnet" && batch === 8 ? {} : { millisecondsAPicture: Number(multiplyAdds) / 1e8, runs: 3 }),
      })),
    };
  }),
};

describe("the table", () => {
  it("has a row a network and batch size; what is not known is empty", () => {
    const lines = csv(comparisonRows(made)).trimEnd().split("\n");
    expect(lines).toHaveLength(11);
    expect(lines[0]).toBe(
      "network,input,parameters,multiply_adds,top1_percent,data_set,source,batch,planned_bytes,ms_a_picture,runs",
    );
    expect(lines[2]).toBe(
      'alexnet,224x224x3,61000000,714000000,56.522,ImageNet,"torchvision\'s weight documentation, IMAGENET1K_V1",8,439200000,,',
    );
    expect(lines[9]).toBe('"mine, <b>",224x224x3,1000000,300000000,,,,1,4400000,3,3');
  });

  it("is shown with the smallest and the largest batch", () => {
    const lines = comparisonText(made).split("\n");
    expect(lines[0]!.split(/ {2,}/)).toEqual([
      "network",
      "top-1",
      "multiply-adds",
      "parameters",
      "memory at 1",
      "memory at 8",
      "ms a picture at 1",
      "ms a picture at 8",
    ]);
    expect(lines[2]!.split(/ {2,}/)).toEqual([
      "vgg16",
      "71.59%",
      "15,470,000,000",
      "138,000,000",
      "579.1 MiB",
      "947.6 MiB",
      "155",
      "155",
    ]);
  });
});

describe("the pictures", async () => {
  const figures = await drawComparison(made);

  it("are four, each with its axes' units", () => {
    const units = {
      "accuracy-operations": ["multiply-adds for one picture (billions)", "top-1 accuracy on ImageNet (%)"],
      "time-operations": ["multiply-adds for one picture (billions)", "time a picture (ms)"],
      "time-batch": ["pictures at once (batch size)", "time a picture (ms)"],
      "memory-batch": ["pictures at once (batch size)", "memory (MiB)"],
    };
    expect([...figures.keys()]).toEqual(Object.keys(units));
    for (const [name, labels] of Object.entries(units))
      for (const label of labels) expect(figures.get(name)!.svg, name).toContain(label);
  });

  it("name every network that is drawn, and those of which no accuracy is known", () => {
    const { svg } = figures.get("accuracy-operations")!;
    for (const name of ["alexnet", "vgg16", "vgg16_bn", "resnet50"]) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain("No published accuracy: mine, &lt;b&gt;.");
    expect(figures.get("memory-batch")!.svg).toContain(">mine, &lt;b&gt;</text>");
    // Not measured at 8, so that only the batch that all have is drawn.
    expect(figures.get("time-operations")!.svg).not.toContain("batch 8</text>");
    expect(figures.get("time-operations")!.svg).toContain("batch 1</text>");
  });

  it("have dots whose areas are the parameters, and all numbers are finite", () => {
    const { svg } = figures.get("accuracy-operations")!;
    const radii = [...svg.matchAll(/<circle[^>]* r="([\d.]+)"/g)].map(([, r]) => Number(r));
    const [vgg, , alexnet, resnet] = radii;
    expect((vgg! / alexnet!) ** 2).toBeCloseTo(138 / 61, 3);
    expect((vgg! / resnet!) ** 2).toBeCloseTo(138 / 25, 3);
    for (const figure of figures.values()) expect(figure.svg).not.toMatch(/NaN|Infinity|undefined|var\(/);
  });

  it("are written as SVG and PNG beside the table", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fovea-test-"));
    try {
      const written = await writeComparison(made, join(folder, "a"));
      expect(written.map((path) => path.slice(folder.length + 3))).toEqual([
        ...[...figures.keys()].flatMap((name) => [`${name}.svg`, `${name}.png`]),
        "compare.csv",
      ]);
      const { width } = await sharp(readFileSync(written[1]!)).metadata();
      expect(width).toBe(2 * figures.get("accuracy-operations")!.width);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("labels", () => {
  const frame = { left: 0, top: 0, right: 600, bottom: 400 };
  const some = fc.array(
    fc.record({
      x: fc.integer({ min: 60, max: 540 }),
      y: fc.integer({ min: 40, max: 360 }),
      radius: fc.integer({ min: 2, max: 20 }),
      text: fc.constantFrom("vgg16", "resnet152", "squeezenet1_1"),
    }),
    { minLength: 1, maxLength: 8 },
  );

  it("lie in the frame, and none over another", () => {
    fc.assert(
      fc.property(some, (dots) => {
        const boxes = besideDots(dots, frame).map(({ x, y }, i) => {
          const half = textWidth(dots[i]!.text) / 2;
          return { left: x - half, right: x + half, top: y - LINE / 2, bottom: y + LINE / 2 };
        });
        for (const [i, box] of boxes.entries()) {
          expect(box.left >= 0 && box.right <= 600 && box.top >= 0 && box.bottom <= 400).toBe(true);
          for (const other of boxes.slice(0, i)) {
            const meet =
              box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
            expect(meet).toBe(false);
          }
        }
      }),
      { numRuns: 100, seed: 8 },
    );
  });

  it("in a column keep their order and a line between them, and stay where they are if they can", () => {
    expect(inAColumn([100, 300, 200], 0, 400)).toEqual([100, 300, 200]);
    expect(inAColumn([100, 100], 0, 400)).toEqual([93, 107]);
    expect(inAColumn([2, 0, 1], 0, 400)).toEqual([28, 0, 14]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 26 }), (heights) => {
        const placed = inAColumn(heights, 0, 400);
        const order = heights.map((_, i) => i).sort((a, b) => placed[a]! - placed[b]!);
        for (let k = 1; k < order.length; k++) {
          expect(heights[order[k]!]).toBeGreaterThanOrEqual(heights[order[k - 1]!]!);
          expect(placed[order[k]!]! - placed[order[k - 1]!]!).toBeGreaterThanOrEqual(LINE - 1e-6);
        }
        expect(Math.min(...placed)).toBeGreaterThanOrEqual(-1e-9);
        expect(Math.max(...placed)).toBeLessThanOrEqual(400 + 1e-9);
      }),
      { numRuns: 100, seed: 8 },
    );
  });
});
