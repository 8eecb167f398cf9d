import { describe, expect, it } from "vitest";
import { bytesOf, listOf, networkOptions, numberOf, oneOf, pairOf, wholeOf } from "#fovea/cli/options/arguments.js";
import { bytes, invocation, percent, quoted, seconds, twoColumns } from "#fovea/cli/terminal/output.js";

describe("flags", () => {
  it("read sizes", () => {
    const read = bytesOf("--memory-limit");
    expect(["500MB", "2GiB", "1.5 gb", "64k".replace("k", "kb"), "12345"].map(read)).toEqual([
      5e8,
      2 ** 31,
      1.5e9,
      64_000,
      12_345,
    ]);
    for (const bad of ["", "GB", "-1GB", "2TB", "0", "1,5GB"]) expect(() => read(bad)).toThrow("--memory-limit");
  });

  it("read numbers, lists and names, and nothing else", () => {
    expect(numberOf("--lr")("1e-3")).toBe(0.001);
    expect(wholeOf("--epochs", 1)("12")).toBe(12);
    expect(listOf("--betas")("0.9,0.999")).toEqual([0.9, 0.999]);
    for (const bad of ["", " ", "-1", "x", "NaN", "Infinity", "1x"])
      expect(() => numberOf("--lr")(bad)).toThrow("--lr");
    for (const bad of ["0", "1.5", "1e99", ""]) expect(() => wholeOf("--epochs", 1)(bad)).toThrow("--epochs");
    expect(() => oneOf("--backend", ["avx2", "wasm"])("wasmm")).toThrow('did you mean "wasm"?');
  });

  it("read a network's options as its defaults are", () => {
    const pair = pairOf("--option");
    expect(pair("size=32", pair("classes=26", {}))).toEqual({ classes: "26", size: "32" });
    expect(networkOptions("lenet5", { classes: "26" })).toEqual({ classes: 26 });
    expect(() => networkOptions("lenet5", { classes: "many" })).toThrow("--option classes many: expected a number");
    expect(() => networkOptions("lenet6")).toThrow('did you mean "lenet5"?');
  });
});

describe("texts", () => {
  it("show parts, times and sizes", () => {
    expect([percent(0.9905), seconds(3.1449), seconds(31.4159)]).toEqual(["99.05%", "3.14 s", "31.4 s"]);
    expect([bytes(1), bytes(1024), bytes(1.5 * 2 ** 20), bytes(2 ** 31)]).toEqual([
      "1 KiB",
      "1 KiB",
      "1.5 MiB",
      "2.00 GiB",
    ]);
    expect(
      twoColumns([
        ["a", "1"],
        ["long", "2"],
      ]),
    ).toBe("  a     1\n  long  2");
  });

  it("name the command as it was called", () => {
    expect(invocation(["node", "/usr/lib/node_modules/.bin/fovea"], {})).toBe("fovea");
    expect(invocation(["node", "/x/node_modules/.bin/fovea"], { npm_command: "exec" })).toBe("npx fovea");
    expect(invocation(["node", `${process.cwd()}/dist/cli/main.js`], {})).toBe("node dist/cli/main.js");
  });

  it("quote paths for a shell", () => {
    expect(quoted("runs/lenet5-mnist")).toBe("runs/lenet5-mnist");
    expect(quoted("my runs/it's")).toBe("'my runs/it'\\''s'");
  });
});
