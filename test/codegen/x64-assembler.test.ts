import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { KernelError } from "#fovea/base/errors.js";
import { Assembler } from "#fovea/codegen/x64/assembler.js";
import * as I from "#fovea/codegen/x64/instructions.js";
import { at, R12, R13, RAX, RBP, RSP } from "#fovea/codegen/x64/registers.js";

function hex(write: (asm: Assembler) => void, encoding: "vex" | "evex" = "evex"): string {
  const asm = new Assembler(encoding);
  write(asm);
  return Buffer.from(asm.finish()).toString("hex");
}

describe("x86-64 assembler", () => {
  // Expected bytes are those of GNU as.
  it("encodes vector instructions", () => {
    expect(hex((a) => a.vector(I.VADD.packed, 256, 1, 2, 3), "vex")).toBe("c5ec58cb");
    expect(hex((a) => a.vector(I.VADD.packed, 512, 17, 18, 19))).toBe("62a16c4058cb");
    expect(hex((a) => a.vector(I.VFMADD231.packed, 512, 0, 1, at(RAX, 4), { broadcast: true }))).toBe("62f27558b84001");
    expect(hex((a) => a.vector(I.VMOVUPS_LOAD, 512, 1, 0, at(RAX, 64), { mask: 3, zero: true }))).toBe(
      "62f17ccb104801",
    );
  });
  it("compresses displacements that are multiples of the operand's size", () => {
    const load = (displacement: number) => hex((a) => a.vector(I.VMOVUPS_LOAD, 512, 0, 0, at(RAX, displacement)));
    expect(load(127 * 64)).toBe("62f17c4810407f");
    expect(load(128 * 64)).toBe("62f17c48108000200000");
    expect(load(-128 * 64)).toBe("62f17c48104080");
    expect(load(4)).toBe("62f17c48108004000000");
  });
  it("knows the bases that need more bytes", () => {
    expect(hex((a) => a.mov(RAX, at(RSP, 0)))).toBe("488b0424");
    expect(hex((a) => a.mov(RAX, at(R12, 0)))).toBe("498b0424");
    expect(hex((a) => a.mov(RAX, at(RBP, 0)))).toBe("488b4500");
    expect(hex((a) => a.mov(RAX, at(R13, 0)))).toBe("498b4500");
  });
  it("places constants behind the code, equal ones once, at multiples of their size", () => {
    const code = hex((a) => {
      const one = { constant: a.constant(Uint8Array.of(1, 2, 3, 4)) };
      const again = { constant: a.constant(Uint8Array.of(1, 2, 3, 4)) };
      const wide = { constant: a.constant(new Uint8Array(32).fill(7)) };
      a.vector(I.VBROADCASTSS, 256, 0, 0, one);
      a.vector(I.VBROADCASTSS, 256, 1, 0, again);
      a.vector(I.VADD.packed, 256, 0, 0, wide);
      a.ret();
    }, "vex");
    expect(code).toBe(
      `c4e27d1805570000 00c4e27d180d4e000000c5fc5805 26000000c3${"cc".repeat(37)}${"07".repeat(32)}01020304`.replaceAll(
        " ",
        "",
      ),
    );
  });
  it("jumps near and far", () => {
    const loop = (bytes: number) =>
      hex((a) => {
        const head = a.label();
        a.bind(head);
        for (let n = 0; n < bytes; n++) a.ret();
        a.jcc("l", head);
      }).slice(2 * bytes);
    expect(loop(126)).toBe("7c80");
    expect(loop(127)).toBe("0f8c7bffffff");
  });

  it("refuses what does not fit its field", () => {
    const refuses = (write: (asm: Assembler) => void, message: RegExp, encoding: "vex" | "evex" = "evex") => {
      expect(() => hex(write, encoding)).toThrow(KernelError);
      expect(() => hex(write, encoding)).toThrow(message);
    };
    refuses((a) => a.mov(RAX, at(RAX, 2 ** 31)), /displacement 2147483648 does not fit 32 signed bits/);
    refuses((a) => a.mov(RAX, at(RAX, -(2 ** 31) - 1)), /displacement -2147483649/);
    refuses((a) => a.mov(RAX, at(RAX, 0.5)), /displacement 0.5/);
    refuses((a) => a.arithmeticConstant("add", RAX, 2 ** 31), /constant 2147483648/);
    refuses((a) => a.movConstant(RAX, -(2 ** 31) - 1), /constant -2147483649/);
    refuses((a) => a.movUnsigned(RAX, 2 ** 32), /constant 4294967296/);
    refuses((a) => a.mov(16, RAX), /no general-purpose register 16/);
    refuses((a) => a.shl(RAX, 64), /shift by 64/);
    refuses((a) => a.vector(I.VADD.packed, 512, 32, 0, 0), /register 32/);
    refuses((a) => a.vector(I.VADD.packed, 256, 16, 0, 0), /register 16 cannot be named by a vex/, "vex");
    refuses((a) => a.vector(I.VADD.packed, 512, 0, 0, 0), /no 512-bit vex form/, "vex");
    refuses((a) => a.vector(I.VADD.packed, 256, 0, 0, at(RAX, 0), { broadcast: true }), /no masks in VEX/, "vex");
    refuses((a) => a.vector(I.VMOVUPS_LOAD, 512, 0, 0, at(RAX, 0), { broadcast: true }), /no embedded broadcast/);
    refuses((a) => a.vector(I.VADD.packed, 512, 0, 0, 0, { mask: 8 }), /mask register 8/);
    refuses((a) => a.vector(I.VADD.packed, 512, 0, 0, 0, { zero: true }), /zeroing needs a mask/);
    refuses((a) => a.vector(I.VCMP.packed, 512, 8, 0, 0, { immediate: 1 }), /no mask register 8/);
    refuses((a) => a.vector(I.VPSLLD, 512, 0, 0, 0), /vpslld needs immediate/);
    refuses((a) => a.vector(I.VPSLLD, 512, 0, 0, 0, { immediate: 256 }), /immediate 256/);
    refuses((a) => a.jmp(a.label()), /never bound/);
  });

  const objdump = !spawnSync("objdump", ["--version"]).error;
  it.skipIf(!objdump)("encodes random instructions as objdump reads them (needs objdump)", async () => {
    const { open } = await import(new URL("../../scripts/fuzz/encodings.mjs", import.meta.url).href);
    const { attempt, close } = await open();
    for (let seed = 1; seed <= 4; seed++) {
      expect(await attempt(seed)).toMatchObject({ tried: 2000, failures: [] });
    }
    close();
  });
});
