/** Ops, strategies and vector code that are not fit to be registered, or are drawn as they should not be, and what is said of them. */
import { describe, expect, it } from "vitest";
import { compileEntry } from "#fovea/compiler/compile.js";
import { registerElementwise, registerStrategy } from "#fovea/compiler/registry.js";
import type { Op } from "#fovea/graph/graph.js";
import { Graph } from "#fovea/graph/graph.js";
import { pointwiseNamed } from "#fovea/kernels/elementwise/pointwise.js";
import { STRATEGIES } from "#fovea/kernels/index.js";
import { ALL_OPS } from "#fovea/ops/all.js";
import { addOp } from "#fovea/ops/elementwise/arithmetic.js";
import { call, type OpDefinition, opNamed, registerOp } from "#fovea/ops/registry.js";
import { AVX2 } from "#fovea/target/targets.js";

const same: Omit<OpDefinition, "name"> = { infer: ([x]) => x!, reference: ([x]) => x! };
const twice = registerOp({ ...same, name: "my.twice", traits: { elementwise: true } });
const alone = registerOp({ ...same, name: "my.alone" });

describe("registerOp", () => {
  const refused = (definition: object) => () => registerOp(definition as OpDefinition);

  it("finds it by its name, and fills in what it costs", () => {
    expect(opNamed("my.twice")).toBe(twice);
    const signature = { shape: [3, 4], batched: true, dtype: "f32" } as const;
    expect(twice.cost([signature], {}, signature)).toEqual({ multiplyAdds: 12, bytes: 96 });
  });

  it.each([
    ["my.twice", 'registerOp: there is an op "my.twice" already; choose another name, such as "my.my.twice"'],
    ["relu", 'registerOp: there is an op "relu" already; choose another name, such as "my.relu"'],
    ["input", 'registerOp: there is an op "input" already; choose another name, such as "my.input"'],
    [
      "two words",
      'registerOp: name is "two words", expected a name of letters, digits, dots and underscores that begins with a letter',
    ],
  ])("refuses the name %s", (name, message) => {
    expect(refused({ ...same, name })).toThrow(message);
  });

  it("refuses what is no op", () => {
    expect(refused({ name: "my.none", infer: same.infer })).toThrow(
      "registerOp: reference is missing, expected a function",
    );
    expect(refused({ ...same, name: "my.none", grad: () => [] })).toThrow('unknown option of registerOp "grad"');
    expect(refused({ ...same, name: "my.none", traits: { pointwise: true } })).toThrow(
      'unknown option of traits "pointwise"',
    );
    expect(opNamed("my.none")).toBeUndefined();
  });

  it("holds it to its shape rule", () => {
    const half = registerOp({ ...same, name: "my.halfRow", infer: ([x]) => ({ ...x!, shape: [x!.shape[0]! / 2] }) });
    const x = new Graph().input("x", { shape: [3] });
    expect(() => call(half, [x])).toThrow(
      'my.halfRow: infer gives {"shape":[1.5],"batched":true,"dtype":"f32"}, expected { shape: [whole numbers of at least 1], ' +
        'batched: true or false, dtype: "f32" or "i32" }',
    );
  });
});

describe("call", () => {
  const x = new Graph().input("x", { shape: [3] });

  it("draws a node of an op by its name", () => {
    expect(call("my.twice", [x])).toBe(call(twice, [x]));
  });

  it("says what is wrong", () => {
    expect(() => call("my.twic", [x])).toThrow(/^unknown op "my.twic"; did you mean "my.twice"\? \(known: conv2d, /);
    expect(() => call(twice, [] as never)).toThrow(
      "my.twice: its inputs are [], expected a list of at least one value, such as [x]",
    );
    expect(() => call(twice, x as never)).toThrow(
      /^my.twice: its inputs are .*, expected a list of at least one value/,
    );
  });
});

it("a graph refuses two ops of one name", () => {
  const x = new Graph().input("x", { shape: [3] });
  call(twice, [x]);
  expect(() => call({ ...twice }, [x])).toThrow("my.twice: this graph has another op of that name; rename one of them");
});

it("an op that is not registered can be called as well, but two of one name cannot", () => {
  const compiled = (op: Op) => {
    const graph = new Graph();
    const y = graph.add(op, {}, [graph.input("x", { shape: [3] }), graph.constant(1)]);
    return compileEntry({ name: "stray", outputs: { y }, assigns: [] }, { target: AVX2, maxBatch: 1 });
  };
  const stray: Op = { ...addOp, name: "my.stray" } as unknown as Op;
  for (let n = 0; n < 2; n++) expect(compiled(stray).steps[0]!.reference!.op).toBe("my.stray");
  expect(() => compiled({ ...stray })).toThrow("my.stray: there is another op of that name; rename one of them");
  expect(() => registerOp({ ...same, name: "my.stray" })).toThrow("my.stray: there is another op of that name");
});

describe("registerStrategy", () => {
  const plain = {
    name: "my.strategy",
    ops: ["my.alone"],
    fuses: false,
    accepts: () => true,
    cost: () => 1,
    lower: () => {},
  };

  it("refuses what is none", () => {
    expect(() => registerStrategy({ ...plain, ops: ["my.alon"] })).toThrow(
      /^registerStrategy: my.strategy: unknown op "my.alon"; did you mean "my.alone"\?/,
    );
    expect(() => registerStrategy({ ...plain, ops: [] })).toThrow(
      "registerStrategy: my.strategy has no ops; name those that it computes",
    );
    expect(() => registerStrategy({ ...plain, name: "direct" })).toThrow(
      'registerStrategy: there is a strategy "direct" already; choose another name',
    );
    expect(() => registerStrategy({ ...plain, cost: 1 } as never)).toThrow(
      "registerStrategy: cost is 1, expected a function",
    );
  });

  it("comes behind those of the package, and takes a node where it costs less", () => {
    const graph = new Graph();
    const x = graph.input("x", { shape: [4, 4, 3] });
    const y = graph.add(opNamed("maxReduce")!, { axes: [0, 1] }, [x]);
    const strategyOf = () =>
      compileEntry({ name: "y", outputs: { y }, assigns: [] }, { target: AVX2, maxBatch: 1 }).steps[0]!.unit!.strategy;
    const given = STRATEGIES.find(({ ops }) => ops.includes("maxReduce"))!;
    registerStrategy({ ...given, name: "my.equal" });
    expect(strategyOf()).toBe(given.name);
    registerStrategy({ ...given, name: "my.cheap", cost: () => 0 });
    expect(strategyOf()).toBe("my.cheap");
  });
});

describe("registerElementwise", () => {
  const code = { emit: () => undefined as never, keepsZero: () => true };

  it("refuses what is none", () => {
    expect(() => registerElementwise({ ...twice }, code)).toThrow(
      'registerElementwise: the op "my.twice" is not registered; register it by registerOp first',
    );
    expect(() => registerElementwise(alone, code)).toThrow(
      'registerElementwise: the op "my.alone" is not elementwise; say so in its traits: { elementwise: true }, or give it a strategy',
    );
    expect(() => registerElementwise(addOp, code)).toThrow('registerElementwise: the op "add" has vector code already');
  });
});

it("ops of the package that have vector code are those that say they are elementwise", () => {
  const said = ALL_OPS.filter(({ traits }) => traits?.elementwise).map(({ name }) => name);
  expect(said.filter((name) => pointwiseNamed(name) === undefined)).toEqual([]);
  expect(ALL_OPS.filter(({ name }) => pointwiseNamed(name) !== undefined).map(({ name }) => name)).toEqual(said);
});
