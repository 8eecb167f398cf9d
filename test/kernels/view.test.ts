/** Views write the addresses that they stand for, and no instruction more. */
import { describe, expect, it } from "vitest";
import { buildKernel, type KernelBuilder } from "#fovea/codegen/builder/builder.js";
import { printKernel } from "#fovea/codegen/print.js";
import { blocksOf, eachBlock, oneBlock } from "#fovea/kernels/language/blocks.js";
import { type View, view } from "#fovea/kernels/language/view.js";
import { AVX2 } from "#fovea/target/targets.js";
import { intsOf, runKernel } from "../support/kernels.js";

const STRIDES = { sample: 60, row: 20, pixel: 4, channel: 1 };

function kernelOf(write: (k: KernelBuilder) => void) {
  const operands = [
    ["x", "read"],
    ["y", "write"],
  ] as const;
  return buildKernel({ key: "view", name: "view", target: AVX2, operands }, write);
}

/** The number at the place that `read` finds, where every element holds its own index. */
function found(read: (k: KernelBuilder, x: View<keyof typeof STRIDES>) => View<keyof typeof STRIDES>): number {
  const kernel = kernelOf((k) => {
    const place = read(k, view(k, "x", STRIDES)).pointer();
    k.storeInt(k.operand("y"), 0, k.loadInt(...place.place({})));
  });
  const numbers = Int32Array.from({ length: 240 }, (_, i) => i);
  const [, y] = runKernel(kernel, "interpreter", [numbers, new Int32Array(1)], { begin: 2, end: 3, batch: 2 });
  return intsOf(y!)[0]!;
}

describe("a view", () => {
  it("adds up constant indices and those that are known when the kernel runs", () => {
    expect(found((_, x) => x.at({ sample: 1, row: 2, pixel: 3, channel: 1 }))).toBe(60 + 40 + 12 + 1);
    expect(found((k, x) => x.at({ sample: k.int(1), row: k.begin, pixel: 3 }).at({ channel: -2 }))).toBe(60 + 40 + 10);
    expect(found((k, x) => x.at({ pixel: k.begin }, 3))).toBe(24);
  });

  it("finds the same place whether it is kept as a distance or as a pointer", () => {
    expect(
      found((k, x) =>
        x
          .at({ sample: k.int(2) })
          .keep("n")
          .at({ row: k.begin })
          .moved({ channel: 3 }),
      ),
    ).toBe(163);
    expect(found((k, x) => x.at({ row: k.begin }).pointer().keep("row").at({ pixel: 1 }).fetched())).toBe(44);
    expect(
      found((k, x) =>
        x
          .at({ row: 1 })
          .plus(x.at({ pixel: k.begin }).offset())
          .here(),
      ),
    ).toBe(28);
  });

  it("moves what was kept", () => {
    const step = (x: View<keyof typeof STRIDES>) => {
      x.advance({ row: 1, channel: -2 });
      return x;
    };
    expect(found((k, x) => step(x.at({ row: k.begin }).keep("at")))).toBe(58);
    expect(found((k, x) => step(x.at({ row: k.begin }).pointer().keep("at")))).toBe(58);
    expect(() => found((_, x) => step(x))).toThrow('view of "x": nothing was kept that could be advanced');
  });

  it("counts in elements of its own size", () => {
    const kernel = kernelOf((k) => {
      const bytes = view(k, "x", STRIDES, "u8").at({ row: k.begin, channel: 4 }).pointer();
      k.storeInt(k.operand("y"), 0, k.loadInt(...bytes.place({ pixel: 1 })));
    });
    const numbers = Uint8Array.from({ length: 240 }, (_, i) => i);
    const [, y] = runKernel(kernel, "interpreter", [numbers, new Int32Array(1)], { begin: 1, end: 2, batch: 1 });
    expect(intsOf(y!)[0]! & 255).toBe(28);
  });

  it("widens what it loads and narrows what it stores", () => {
    const kernel = kernelOf((k) => {
      const halves = view(k, "x", STRIDES, "f16").at({ row: k.begin });
      const bytes = view(k, "y", { channel: 1 }, "u8");
      bytes.store(k.toInt(halves.load(4, { channel: 4 })));
      bytes.store(k.toInt(halves.broadcast(4, { channel: 5 })), { channel: 4 });
    });
    // -1, 4, 300 and 7 in row 1, which begins at element 20: no byte holds the first and the third.
    const x = new Uint16Array(60);
    x.set([0xbc00, 0x4400, 0x5cb0, 0x4700], 24);
    const [, y] = runKernel(kernel, "interpreter", [new Uint8Array(x.buffer), new Int32Array(2)], {
      begin: 1,
      end: 2,
      batch: 1,
    });
    expect([...y!]).toEqual([0, 4, 255, 7, 4, 4, 4, 4]);
    expect(() => kernelOf((k) => view(k, "x", STRIDES, "i64").load(4))).toThrow(
      'view of "x": no lanes hold elements of type i64; expected f32, f16, bf16, i32, i8 or u8',
    );
  });

  it("puts constants into the instruction that reads", () => {
    const kernel = kernelOf((k) => {
      const x = view(k, "x", STRIDES).at({ row: k.begin, pixel: 2 }).pointer();
      view(k, "y", { channel: 1 }).store(x.load(8, { channel: 1 }), { channel: 8 });
    });
    const lines = printKernel(kernel).split("\n");
    expect(lines.filter((line) => /mul|ptradd|const|add/.test(line))).toHaveLength(2);
    expect(printKernel(kernel)).toContain("+ 36");
    expect(printKernel(kernel)).toContain("+ 32");
  });
});

describe("blocks", () => {
  /** The sizes that the blocks of a kernel are run with, and whether apart from the others. */
  function run(extent: number, size: number, isPadded: boolean, from: number, to: number): number[][] {
    const blocks = blocksOf(extent, size, isPadded);
    const kernel = kernelOf((k) => {
      const visited = k.var(0, "visited");
      eachBlock(k, blocks, k.int(from), k.int(to), (block, width, isApart) => {
        const at = k.ptrAdd(k.operand("y"), k.mul(visited, 16));
        for (const [i, n] of [k.add(block, 1), k.int(width), k.int(isApart ? 1 : 0)].entries())
          k.storeInt(at, 4 * i, n);
        oneBlock(k, blocks, block, (own) => k.storeInt(at, 12, k.int(own)));
        k.advance(visited, 1);
      });
    });
    const [, y] = runKernel(kernel, "interpreter", [new Int32Array(1), new Int32Array(40)]);
    const words = intsOf(y!);
    const rows = Array.from({ length: 10 }, (_, i) => [...words.subarray(4 * i, 4 * i + 4)]);
    return rows.filter(([block]) => block! > 0);
  }

  it("are all alike, or the last has code of its own", () => {
    expect(run(6, 3, false, 0, 9)).toEqual([
      [1, 3, 0, 3],
      [2, 3, 0, 3],
    ]);
    expect(run(7, 3, false, 0, 9)).toEqual([
      [1, 3, 0, 3],
      [2, 3, 0, 3],
      [3, 1, 1, 1],
    ]);
    expect(run(6, 3, true, 1, 2)).toEqual([[2, 3, 1, 3]]);
    expect(run(2, 3, false, 0, 1)).toEqual([[1, 2, 1, 2]]);
    expect(run(7, 3, false, 1, 2)).toEqual([[2, 3, 0, 3]]);
  });
});
