/** Values of every element type in memory: sizes, copies from and to callers, and what is said where no kernel takes a type. */
import { describe, expect, it } from "vitest";
import { ELEMENT_TYPES } from "#fovea/base/element-type.js";
import { OptionError, ShapeError } from "#fovea/base/errors.js";
import { compileEntry } from "#fovea/compiler/compile.js";
import { liveNodes } from "#fovea/compiler/live.js";
import { Places } from "#fovea/compiler/places.js";
import { ValueBuffers } from "#fovea/compiler/value-buffers.js";
import { InterpreterBackend } from "#fovea/devices/cpu/backends/interpreter.js";
import { firstDirtyPad, pack, unpack, viewOf } from "#fovea/devices/cpu/memory/copy.js";
import { Graph, type Op, type Value } from "#fovea/graph/graph.js";
import type { DType } from "#fovea/graph/shape.js";
import { elementBytes, layoutOf, rowLayout } from "#fovea/kernels/contract/layout.js";
import { AVX512 } from "#fovea/target/targets.js";

const bytes: Record<DType, number> = { f32: 4, f16: 2, bf16: 2, i32: 4, i8: 1, u8: 1, i64: 8, bool: 1 };
const entryOf = (outputs: Record<string, Value>) => ({ name: "test", outputs, assigns: [] });

/** Where the planner puts an input, and the slot's bytes. */
function planned(dtype: DType, shape: readonly number[], batch: number) {
  const x = new Graph().input("x", { shape, dtype });
  const places = new Places(batch);
  const values = new ValueBuffers(AVX512, places, liveNodes(entryOf({ x })));
  return { port: values.port("x", x, "slot"), slot: places.sizes.slot };
}

describe("element types", () => {
  it("lay a value out in bytes of their own size", () => {
    expect(ELEMENT_TYPES.toSorted()).toEqual(Object.keys(bytes).toSorted());
    for (const dtype of ELEMENT_TYPES) {
      const { port } = planned(dtype, [3, 20], 5);
      // 20 channels are padded to 32, whatever the type.
      expect(port.layout).toMatchObject({ dtype, channelStride: 32, sampleStride: 96 });
      expect(elementBytes(port.layout)).toBe(bytes[dtype]);
      expect(port.buffer).toMatchObject({ sampleBytes: 96 * bytes[dtype], fixedBytes: 15 * bytes[dtype] });
    }
  });
  it("give a half half of the slot, and a byte a quarter", () => {
    const slot = (dtype: DType) => planned(dtype, [8, 8, 16], 63).slot;
    // 63 samples of 1024 elements, 15 elements of slack, rounded up to 64 bytes
    expect([slot("f32"), slot("f16"), slot("bf16"), slot("i8"), slot("u8")]).toEqual([
      4 * 64512 + 64,
      2 * 64512 + 64,
      2 * 64512 + 64,
      64512 + 64,
      64512 + 64,
    ]);
    const state = new Graph().state("w", "parameter", [64, 32], "f16");
    expect(new ValueBuffers(AVX512, new Places(1), liveNodes(entryOf({ state }))).of(state).fixedBytes).toBe(4096);
  });
  it("tell kernels of elements that are not of 32 bits, and of no others", () => {
    const layout = (dtype: DType) => rowLayout(layoutOf({ shape: [3], batched: true, dtype }, AVX512));
    expect(layout("i32")).toEqual(layout("f32"));
    expect(layout("f32")).not.toHaveProperty("dtype");
    expect(elementBytes(layout("f32"))).toBe(4);
    expect(elementBytes(layout("f16"))).toBe(2);
  });

  it.each([
    ["f16", Float32Array.of(1, -0.1, 65504, 1e-7, 1e6, -0), [1, -0.0999755859375, 65504, 2 ** -23, Infinity, -0]],
    [
      "bf16",
      Float32Array.of(1, -0.1, 65504, 3e38, 2 ** -133, -0),
      [1, -0.10009765625, 65536, 0xe2 * 2 ** 120, 2 ** -133, -0],
    ],
    ["i8", Int8Array.of(-128, -1, 0, 1, 2, 127), [-128, -1, 0, 1, 2, 127]],
    ["u8", Uint8Array.of(0, 1, 2, 3, 254, 255), [0, 1, 2, 3, 254, 255]],
    ["bool", Uint8Array.of(0, 1, 1, 0, 1, 0), [0, 1, 1, 0, 1, 0]],
  ] as const)("copies %s in and out", (dtype, given, expected) => {
    const layout = layoutOf({ shape: [3], batched: true, dtype }, AVX512);
    const segment = new InterpreterBackend().allocate(256);
    const memory = viewOf(segment, 64, 64 * bytes[dtype], layout);
    expect(memory.length).toBe(64);
    expect(pack(memory, layout, given, 4, "x")).toBe(2);
    expect(firstDirtyPad(memory, layout, 2)).toBe(-1);
    const back = unpack(memory, layout, 2);
    expect(back.constructor).toBe(given.constructor);
    expect([...back]).toEqual(expected);
    // The second sample lies a vector of 16 elements behind the first.
    expect([...unpack(memory.subarray(16), layout, 1)]).toEqual(expected.slice(3));
    memory[5] = 1;
    expect(firstDirtyPad(memory, layout, 2)).toBe(5);
    expect(() => pack(memory, layout, new Int32Array(3), 4, 'input "x"')).toThrow(
      `input "x": Int32Array given, expected ${given.constructor.name}`,
    );
  });
});

describe("where no kernel takes a type", () => {
  const compile = (entry: Parameters<typeof compileEntry>[0]) => compileEntry(entry, { target: AVX512, maxBatch: 1 });
  /** An op of one's own, which takes anything. */
  const twice: Op = {
    name: "twice",
    infer: ([x]) => x!,
    reference: ([x]) => x!,
    cost: () => ({ multiplyAdds: 0, bytes: 0 }),
  };
  const refuses = (run: () => unknown, message: string) => {
    expect(run).toThrow(ShapeError);
    expect(run).toThrow(message);
  };

  it("says which op, which value and which type, and the cure", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [4], dtype: "f16" });
    const y = graph.scope("block.0", () => graph.add(twice, {}, [x]));
    refuses(
      () => compile(entryOf({ y })),
      'twice(block.0): input "x" is f16 Nx4, and there is no kernel for f16 yet; kernels compute with f32 and i32, so give the value as one of these',
    );
    refuses(() => compile(entryOf({ x })), 'output "x": input "x" is f16 Nx4, and there is no kernel for f16 yet');
  });
  it("refuses a state that would be written", () => {
    const graph = new Graph();
    const state = graph.state("w", "parameter", [4], "i8");
    const value = graph.constant(0, { shape: [4] });
    refuses(
      () => compile({ name: "step", outputs: {}, assigns: [{ state, value }] }),
      'assign to state "w": it is i8 4 and constant f32 4, and there is no kernel for i8 yet',
    );
  });
  it("knows no other types", () => {
    const draw = () => new Graph().input("x", { shape: [4], dtype: "f23" as DType });
    expect(draw).toThrow(OptionError);
    expect(draw).toThrow('unknown element type of input "x" "f23"; did you mean "f32"?');
  });
});
