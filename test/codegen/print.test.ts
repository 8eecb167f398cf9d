import { expect, it } from "vitest";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import { lineOf, printKernel } from "#fovea/codegen/print.js";
import { AVX512 } from "#fovea/target/targets.js";

const kernel = buildKernel(
  {
    key: "print",
    name: "everything",
    target: AVX512,
    operands: [
      ["x", "read"],
      ["y", "readwrite"],
    ],
  },
  (k) => {
    const x = k.operand("x");
    const y = k.operand("y");
    k.comment("scalars");
    const four = k.int(4);
    const n = k.mod(k.div(k.max(k.add(k.batch, 3), four), 2), 5);
    const walk = k.var(x, "walk", { frame: true });
    k.storeInt(y, 0, k.loadInt(x, -4));
    k.comment("vectors");
    const acc = k.acc(0, 16);
    k.loop(
      k.begin,
      k.end,
      () => {
        k.fmaTo(acc, k.load(walk, 64, 16), k.broadcast(x, 0, 16));
        k.advance(walk, 64);
      },
      { step: 2, frame: true, name: "pixel" },
    );
    k.if(
      n,
      "lt",
      3,
      () => k.updateTo(acc, "pmax", k.splat(-0, 16)),
      () => k.set(acc, k.fnma(acc, acc, k.sqrt(acc))),
    );
    const mask = k.maskAndNot(k.firstLanes(n, 16), k.cmp("lt", acc, k.loadMasked(x, 0, k.firstLanes(7, 16))));
    k.storeMasked(y, 4, k.keep(mask, k.select(mask, acc, k.toFloat(k.vshr(k.iota(16), 1)))), mask);
    k.store(y, 8, k.reduceAdd(acc));
  },
);

it("prints a kernel, one instruction a line", () => {
  expect(printKernel(kernel)).toMatchInlineSnapshot(`
    "kernel everything(x: read, y: readwrite) for avx512, fused {
      %x.3:ptr = operand x
      %y.4:ptr = operand y
      ; scalars
      %c.5:int = 4
      %t.6:int = add %batch.2, 3
      %t.7:int = max %t.6, %c.5
      %t.8:int = div %t.7, 2
      %t.9:int = mod %t.8, 5
      %walk.10:ptr = %x.3
      %loaded.11:int = loadint [%x.3 - 4]
      storeint [%y.4], %loaded.11
      ; vectors
      %acc.12:f32x16 = splat 0
      loop %pixel.13 = %begin.0 to %end.1 step 2 in frame {
        %loaded.14:f32x16 = load [%walk.10 + 64]
        %b.15:f32x16 = broadcast [%x.3]
        %acc.12:f32x16 = fma %loaded.14, %b.15, %acc.12
        %walk.10:ptr = ptradd %walk.10, 64
      }
      if %t.9 lt 3 {
        %k.16:f32x16 = splat -0
        %acc.12:f32x16 = pmax %acc.12, %k.16
      } else {
        %f.17:f32x16 = fsqrt %acc.12
        %f.18:f32x16 = fnma %acc.12, %acc.12, %f.17
        %acc.12:f32x16 = %f.18
      }
      %first.19:maskx16 = firstlanes %t.9
      %first.20:maskx16 = firstlanes 7
      %loaded.21:f32x16 = loadmask [%x.3] where %first.20
      %m.22:maskx16 = cmpfloat lt %acc.12, %loaded.21
      %m.23:maskx16 = mask andnot %first.19, %m.22
      %iota.24:i32x16 = iota
      %n.25:i32x16 = vshr %iota.24, 1
      %n.26:f32x16 = toFloat %n.25
      %sel.27:f32x16 = select %m.23, %acc.12, %n.26
      %kept.28:f32x16 = keep %sel.27 where %m.23
      storemask [%y.4 + 4], %kept.28 where %m.23
      %sum.29:f32x1 = reduce fadd %acc.12
      store [%y.4 + 8], %sum.29
    }"
  `);
});

it("knows the line of an instruction", () => {
  const lines = printKernel(kernel).split("\n");
  const last = kernel.body.at(-1)!;
  expect(lines[lineOf(kernel, last) - 1]).toContain("store [%y.4 + 8]");
  const loop = kernel.body.find((i) => i.op === "loop")!;
  expect(lines[lineOf(kernel, loop) - 1]).toContain("loop %pixel");
  expect(lines[lineOf(kernel, loop.body[2]!) - 1]).toContain("= fma");
  const branch = kernel.body.find((i) => i.op === "if")!;
  expect(lines[lineOf(kernel, branch.otherwise.at(-1)!) - 1]).toContain("%acc.12:f32x16 = %f.18");
});
