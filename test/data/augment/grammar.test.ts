/** Lists of transforms, from JSON and from the command line. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeAugmentation, PRESETS, parseAugmentation } from "#fovea/data/augment/grammar.js";
import { FIELDS, parseTransforms, TRANSFORM_KINDS } from "#fovea/data/augment/transform.js";

const parse = (text: string) => parseAugmentation(text, [224, 224, 3]);

describe("a list as text", () => {
  it("names transforms and their fields, by position or name", () => {
    expect(parse("padCrop:4,flip,cutout:8")).toEqual([
      { kind: "padCrop", padding: 4, mode: "zero" },
      { kind: "flip", mode: "random", probability: 0.5 },
      { kind: "cutout", size: 8 },
    ]);
    expect(parse("padCrop:2:reflect , flip:alternating")).toEqual([
      { kind: "padCrop", padding: 2, mode: "reflect" },
      { kind: "flip", mode: "alternating", probability: 0.5 },
    ]);
    expect(parse("colorJitter:0.2:hue=0.1,resize:64x48,randomCrop:256-512,randomResizedCrop:0.3-1")).toEqual([
      { kind: "colorJitter", brightness: 0.2, contrast: 0.4, saturation: 0.4, hue: 0.1 },
      { kind: "resize", size: [64, 48] },
      { kind: "randomCrop", resize: [256, 512] },
      { kind: "randomResizedCrop", scale: [0.3, 1], ratio: [0.75, 4 / 3] },
    ]);
  });

  it("takes presets, which fit the network", () => {
    expect(describeAugmentation(parse("cifar"))).toBe("padCrop:4,flip");
    expect(describeAugmentation(parse("alexnet,cutout:8"))).toBe("randomCrop:256,flip,pcaColor:0.1,cutout:8");
    expect(describeAugmentation(parseAugmentation("vgg", [56, 56, 3]))).toBe("randomCrop:64-128,flip,pcaColor:0.1");
    for (const name of Object.keys(PRESETS)) expect(parse(name).length).toBeGreaterThan(1);
  });

  it("is read back from what is shown", () => {
    const value = (field: (typeof FIELDS)["flip"][number]): fc.Arbitrary<unknown> => {
      if (field.kind === "choice") return fc.constantFrom(...field.of);
      if (field.kind === "numbers") return fc.constant(undefined);
      const { low, high } = field;
      const isWhole = field.kind !== "number" && field.kind !== "range";
      const one = isWhole
        ? fc.integer({ min: low, max: Math.min(high, 300) })
        : fc.integer({ min: 0, max: 1000 }).map((n) => low + ((Math.min(high, 10) - low) * n) / 1000);
      if (field.kind === "number" || field.kind === "whole") return one;
      return fc.tuple(one, one).map(([a, b]) => (field.kind === "size" ? [a, b] : [Math.min(a, b), Math.max(a, b)]));
    };
    const transforms = TRANSFORM_KINDS.map((kind) =>
      fc
        .record(Object.fromEntries(FIELDS[kind].map((field) => [field.name, value(field)])))
        .map((fields) => ({ kind, ...Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) })),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(...transforms), { minLength: 1, maxLength: 4 }), (list) => {
        const parsed = parseTransforms(list);
        expect(parse(describeAugmentation(parsed))).toEqual(parsed);
        expect(parseTransforms(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it("says what is wrong with it", () => {
    const wrong = [
      "padcrop:4",
      "cutout",
      "cutout:0",
      "cutout:3.5",
      "padCrop:4:mirror",
      "padCrop:4:reflect:1",
      "flip,,cutout:8",
      "randomResizedCrop:1-0.3",
      "rotate:fifteen",
      "rotate:10-20",
      "colorJitter:hue=0.7",
      "colorJitter:hues=0.1",
      "resize:64-48",
      "rotate:200",
    ];
    expect(wrong.map((text) => complaint(() => parse(text))).join("\n")).toMatchInlineSnapshot(`
      "OptionError: unknown transform of --augment "padcrop"; did you mean "padCrop"? (known: cifar, alexnet, vgg, imagenet, padCrop, randomCrop, randomResizedCrop, flip, rotate, translate, distort, resize, resizeShorter, centerCrop, colorJitter, pcaColor, cutout, erase)
      OptionError: --augment cutout: cutout: size is missing, expected a whole number from 1 to 65535
      OptionError: --augment cutout:0: cutout: size is 0, expected a whole number from 1 to 65535
      OptionError: --augment cutout:3.5: cutout: size is 3.5, expected a whole number from 1 to 65535
      OptionError: --augment padCrop:4:mirror: padCrop: mode is mirror, expected zero or reflect
      OptionError: --augment padCrop:4:reflect:1: padCrop takes at most padding, mode
      OptionError: --augment "flip,,cutout:8": a transform is missing between two commas
      OptionError: --augment randomResizedCrop:1-0.3: randomResizedCrop: scale is 1-0.3, expected two rising numbers from 0.0001 to 1, such as 0.08-1
      OptionError: --augment rotate:fifteen: degrees is "fifteen", expected a number such as 4
      OptionError: --augment rotate:10-20: degrees is "10-20", expected a number such as 4
      OptionError: --augment colorJitter:hue=0.7: colorJitter: hue is 0.7, expected a number from 0 to 0.5
      OptionError: unknown field of colorJitter "hues"; did you mean "hue"? (known: brightness, contrast, saturation, hue)
      OptionError: --augment resize:64-48: size is "64-48", expected a value such as 224 or 160x120
      OptionError: --augment rotate:200: rotate: degrees is 200, expected a number from 0 to 180"
    `);
  });
});

it("a list from JSON says what is wrong with it", () => {
  const wrong = [
    {},
    ["flip"],
    [{ kind: "flop" }],
    [{ kind: "flip", mode: "always" }],
    [{ kind: "flip", chance: 1 }],
    [{ kind: "cutout" }],
    [{ kind: "randomCrop", resize: [300, 200] }],
    [{ kind: "pcaColor", eigenvalues: ["a"] }],
  ];
  const complaints = wrong.map((value) => complaint(() => parseTransforms(value, "config.json: augment")));
  expect(complaints.join("\n")).toMatchInlineSnapshot(`
    "OptionError: config.json: augment: expected a list of transforms, found {}
    OptionError: config.json: augment: expected { kind: ... }, found "flip"
    OptionError: unknown transform of config.json: augment "flop"; did you mean "flip"? (known: padCrop, randomCrop, randomResizedCrop, flip, rotate, translate, distort, resize, resizeShorter, centerCrop, colorJitter, pcaColor, cutout, erase)
    OptionError: config.json: augment: flip: mode is always, expected random or alternating
    OptionError: unknown field of flip "chance" (known: mode, probability)
    OptionError: config.json: augment: cutout: size is missing, expected a whole number from 1 to 65535
    OptionError: config.json: augment: randomCrop: resize is 300-200, expected two rising whole numbers from 1 to 65535, such as 256-512
    OptionError: config.json: augment: pcaColor: eigenvalues is a, expected a list of numbers"
  `);
});

function complaint(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return "nothing";
}
