import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildKernel } from "#fovea/codegen/builder/builder.js";
import type { ListedLine } from "#fovea/codegen/listing.js";
import { printListing } from "#fovea/codegen/listing.js";
import { encodeWasm } from "#fovea/codegen/wasm/encode.js";
import { listWasm } from "#fovea/codegen/wasm/listing.js";
import { encodeX64 } from "#fovea/codegen/x64/encode.js";
import { listX64 } from "#fovea/codegen/x64/listing.js";
import type { Target } from "#fovea/target/target.js";
import { AVX2, AVX512, WASM, WASM_RELAXED } from "#fovea/target/targets.js";
import { randomKernel } from "../support/random-kernel.js";
import { temporaryFolder } from "../support/temporary.js";

const scale = (target: Target) =>
  buildKernel(
    {
      key: "scale",
      name: "scale",
      target,
      operands: [
        ["x", "read"],
        ["y", "write"],
      ],
    },
    (k) => {
      const x = k.var(k.operand("x"), "x");
      const y = k.var(k.operand("y"), "y");
      const factor = k.splat(2.5, 4);
      k.loop(
        k.begin,
        k.end,
        () => {
          k.store(y, 0, k.fmul(k.load(x, 0, 4), factor));
          k.advance(x, 16);
          k.advance(y, 16);
        },
        { name: "piece" },
      );
    },
  );

it("lists x86-64 code beside the kernel", () => {
  expect(printListing(listX64(scale(AVX2)))).toMatchInlineSnapshot(`
    "; %x.4:ptr = operand x
      0000  48 8b 0f                 mov rcx,QWORD PTR [rdi]
    ; %y.6:ptr = operand y
      0003  48 8b 7f 08              mov rdi,QWORD PTR [rdi+0x8]
    ; %k.7:f32x4 = splat 2.5
      0007  c4 e2 79 18 05 70 00 00  vbroadcastss xmm0,DWORD PTR [rip+C1]
      000f  00
    ; loop %piece.8 = %begin.0 to %end.1 {
      0010  48 8b c2                 mov rax,rdx
      0013  48 2b c6                 sub rax,rsi
      0016  48 85 c0                 test rax,rax
      0019  0f 8e 37 00 00 00        jle L2
      001f  48 8b f0                 mov rsi,rax
      0022  66 0f 1f 84 00 00 00 ..  align 32
    L1:
    ; %loaded.9:f32x4 = load [%x.4]
    ; %f.10:f32x4 = fmul %loaded.9, %k.7
      0040  c5 f8 59 09              vmulps xmm1,xmm0,XMMWORD PTR [rcx]
    ; store [%y.6], %f.10
      0044  c5 f8 11 0f              vmovups XMMWORD PTR [rdi],xmm1
    ; %x.4:ptr = ptradd %x.4, 16
      0048  48 83 c1 10              add rcx,0x10
    ; %y.6:ptr = ptradd %y.6, 16
      004c  48 83 c7 10              add rdi,0x10
    ; } loop %piece.8 = %begin.0 to %end.1
      0050  48 83 ee 01              sub rsi,0x1
      0054  7f ea                    jg L1
    L2:
    ; leave
      0056  c5 f8 77                 vzeroupper
      0059  c3                       ret
      005a  cc cc cc cc cc cc cc ..  align 64
    ; constants
    C1:
      0080  00 00 20 40              0x40200000 (2.5)"
  `);
});

it("lists a WebAssembly function beside the kernel", () => {
  expect(printListing(listWasm(scale(WASM)))).toMatchInlineSnapshot(`
    "; enter
      0000  02 05 7f 03 7b           locals: 5 i32, 3 v128
    ; %x.3:ptr = operand x
      0005  20 00                    local.get $table
      0007  28 02 00                 i32.load align=4
      000a  21 04                    local.set $x.3
    ; %x.4:ptr = %x.3
      000c  20 04                    local.get $x.3
      000e  21 05                    local.set $x.4
    ; %y.5:ptr = operand y
      0010  20 00                    local.get $table
      0012  28 02 04                 i32.load offset=4 align=4
      0015  21 06                    local.set $y.5
    ; %y.6:ptr = %y.5
      0017  20 06                    local.get $y.5
      0019  21 07                    local.set $y.6
    ; %k.7:f32x4 = splat 2.5
      001b  fd 0c 00 00 20 40 00 00  v128.const i32x4 0x40200000 0x40200000 0x40200000 0x40200000
      0023  20 40 00 00 20 40 00 00
      002b  20 40
      002d  21 09                    local.set $k.7
    ; loop %piece.8 = %begin.0 to %end.1 {
      002f  20 01                    local.get $begin.0
      0031  21 08                    local.set $piece.8
      0033  20 08                    local.get $piece.8
      0035  20 02                    local.get $end.1
      0037  48                       i32.lt_s
      0038  04 40                    if
      003a  03 40                      loop
    ; %loaded.9:f32x4 = load [%x.4]
      003c  20 05                        local.get $x.4
      003e  fd 00 02 00                  v128.load align=4
      0042  21 0a                        local.set $loaded.9
    ; %f.10:f32x4 = fmul %loaded.9, %k.7
      0044  20 0a                        local.get $loaded.9
      0046  20 09                        local.get $k.7
      0048  fd e6 01                     f32x4.mul
      004b  21 0b                        local.set $f.10
    ; store [%y.6], %f.10
      004d  20 07                        local.get $y.6
      004f  20 0b                        local.get $f.10
      0051  fd 0b 02 00                  v128.store align=4
    ; %x.4:ptr = ptradd %x.4, 16
      0055  20 05                        local.get $x.4
      0057  41 10                        i32.const 16
      0059  6a                           i32.add
      005a  21 05                        local.set $x.4
    ; %y.6:ptr = ptradd %y.6, 16
      005c  20 07                        local.get $y.6
      005e  41 10                        i32.const 16
      0060  6a                           i32.add
      0061  21 07                        local.set $y.6
    ; } loop %piece.8 = %begin.0 to %end.1
      0063  20 08                        local.get $piece.8
      0065  41 01                        i32.const 1
      0067  6a                           i32.add
      0068  22 08                        local.tee $piece.8
      006a  20 02                        local.get $end.1
      006c  48                           i32.lt_s
      006d  0d 00                        br_if 0
      006f  0b                         end
      0070  0b                       end
    ; leave
      0071  0b                       end"
  `);
});

const joined = (lines: readonly ListedLine[]) => Buffer.concat(lines.map(({ bytes }) => bytes));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** From kernels that fit in registers to those that wait in the frame. */
const x64Cases = [
  ["avx512", AVX512, 14],
  ["avx512 of few registers", { ...AVX512, registers: { vector: 8, int: 4, mask: 7 } }, 14],
  ["avx2", AVX2, 6],
  ["avx2 of few registers", { ...AVX2, registers: { vector: 8, int: 4, mask: 0 } }, 14],
] as const;
const SEEDS = Array.from({ length: 40 }, (_, n) => n + 1);

describe("a listing's bytes, one behind the other, are the encoded function", () => {
  it.each(x64Cases)("%s", (_, target, live) => {
    for (const seed of SEEDS) {
      const { kernel } = randomKernel(seed, target, { live });
      expect(hex(joined(listX64(kernel).lines))).toBe(hex(encodeX64(kernel)));
    }
  });

  it.each([
    ["wasm", WASM],
    ["wasm with relaxed SIMD", WASM_RELAXED],
  ])("%s", (_, target) => {
    for (const seed of SEEDS) {
      const { kernel } = randomKernel(seed, target, { live: 6 });
      const module = encodeWasm([kernel], { initialPages: 1, maximumPages: 1, shared: false });
      // The function is the end of a module.
      const { lines } = listWasm(kernel);
      expect(hex(module).endsWith(hex(joined(lines)))).toBe(true);
      expect(lines.at(-1)).toMatchObject({ text: "end", source: undefined });
      const count = (pattern: RegExp) => lines.filter(({ text }) => pattern.test(text)).length;
      expect(count(/^ *end$/)).toBe(count(/^ *(if|loop)$/) + 1);
    }
  });
});

/** What GNU objdump reads at each address, with jumps and constants under the listing's own names. */
function disassembled(code: Uint8Array, lines: readonly ListedLine[]): string[] {
  const file = join(temporaryFolder(), "code.bin");
  writeFileSync(file, code);
  const options = ["-D", "-b", "binary", "-m", "i386:x86-64", "-Mintel", "--no-show-raw-insn", file];
  const { stdout } = spawnSync("objdump", options, { encoding: "utf8", maxBuffer: 2 ** 28 });
  const labels = new Map(lines.map(({ address, label }) => [address, label]));
  const found = new Map<number, string>();
  for (const line of stdout.split("\n")) {
    const [, at, text] = /^\s*([0-9a-f]+):\s+(.*)$/.exec(line) ?? [];
    if (at !== undefined) found.set(Number.parseInt(at, 16), text!.replace(/\s+/g, " ").trim());
  }
  const named = (hex: string) => labels.get(Number.parseInt(hex, 16)) ?? hex;
  return lines
    .filter(({ kind }) => kind === "instruction")
    .map(({ address }) =>
      (found.get(address) ?? "no instruction starts here")
        .replace(/^\{evex\} /, "") // shown where VEX could say the same
        .replace(/\[rip[+-]0x[0-9a-f]+\] ?(.*?) # 0x([0-9a-f]+)$/, (_, rest, to) => `[rip+${named(to)}]${rest}`)
        .replace(/^(j\w+) 0x([0-9a-f]+)$/, (_, jump, to) => `${jump} ${named(to)}`),
    );
}

const hasObjdump = spawnSync("objdump", ["--version"]).error === undefined;

describe.skipIf(!hasObjdump)("a listing's text is what GNU objdump reads (binutils)", () => {
  it.each(x64Cases)("%s", (_, target, live) => {
    for (const seed of SEEDS.slice(0, 15)) {
      const { kernel } = randomKernel(seed, target, { live });
      const { lines } = listX64(kernel);
      const texts = lines.filter(({ kind }) => kind === "instruction").map(({ text }) => text);
      expect(disassembled(joined(lines), lines)).toEqual(texts);
    }
  });
});
