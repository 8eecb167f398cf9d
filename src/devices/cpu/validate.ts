/** What is checked of a program before it may run: nothing reaches past its region, and every step fits its kernel. */

import { BackendError } from "../../base/errors.js";
import type { Place, Program } from "../../compiler/program.js";
import { namedOp } from "../../graph/op-names.js";
import { pieceCount } from "../../kernels/contract/emitter.js";
import { type Layout, sampleBytes } from "../../kernels/contract/layout.js";
import { targetKey } from "../../target/code-target.js";
import type { Target } from "../../target/target.js";

export function validateProgram(program: Program, target: Target): void {
  const fail = (message: string): never => {
    throw new BackendError(`program "${program.name}": ${message}`);
  };
  const { isa, name, lanes, fma } = target;
  if (
    program.target.isa !== isa ||
    program.target.name !== name ||
    program.target.lanes !== lanes ||
    program.target.fma !== fma
  )
    fail(
      `compiled for ${describeTarget(program.target)}, but this session runs ${describeTarget(target)}; compile it for session.target`,
    );
  for (const file of ["vector", "int", "mask"] as const) {
    const [planned, here] = [program.target.registers[file], target.registers[file]];
    if (planned > here)
      fail(
        `compiled for ${planned} ${file} registers, but this session's machine has ${here}; compile it for session.target`,
      );
  }
  const ownTarget = targetKey(program.target);
  for (const { name, target } of program.kernels)
    if (targetKey(target) !== ownTarget)
      fail(`kernel "${name}" was written for another ${target.name} than the program`);
  if (!Number.isInteger(program.maxBatch) || program.maxBatch < 1)
    fail(`maxBatch ${program.maxBatch} is not 1 or more`);
  const check = (place: Place, where: string) => {
    const { region, offset, bytes, label } = place;
    if (!(offset >= 0) || !(bytes >= 0) || offset + bytes > program.bytes[region])
      fail(
        `${where}: "${label}" is at ${offset}..${offset + bytes} of ${region}, which has ${program.bytes[region]} bytes`,
      );
    if (offset % 64 !== 0) fail(`${where}: "${label}" is at ${offset} of ${region}: not a multiple of 64`);
  };
  for (const section of ["prepare", "steps"] as const) {
    program[section].forEach((step, n) => {
      const where = `${section} step ${n} (${step.label})`;
      const kernel = program.kernels[step.kernel] ?? fail(`${where}: there is no kernel ${step.kernel}`);
      if (kernel.operands.length !== step.operands.length)
        fail(
          `${where}: kernel "${kernel.name}" has ${kernel.operands.length} operands, the step ${step.operands.length}`,
        );
      for (const place of step.operands) check(place, where);
      const op = step.reference?.op;
      if (op !== undefined && namedOp(op) === undefined)
        fail(`${where}: there is no op "${op}", which is to be called; register it before by registerOp`);
      const pieces = pieceCount(step.pieces, program.maxBatch);
      if (!Number.isInteger(pieces) || pieces < 0 || pieces > 0x7fffffff) fail(`${where}: ${pieces} pieces`);
    });
  }
  for (const { place, data } of program.constants ?? []) {
    check(place, `constant "${place.label}"`);
    if (place.region !== "prepared" || data.byteLength > place.bytes)
      fail(`constant "${place.label}": ${data.length} numbers do not fit ${place.bytes} bytes of ${place.region}`);
  }
  const names = new Set<string>();
  const port = (name: string, layout: Layout, place: Place, what: string, region: "slot" | "store") => {
    const where = `${what} "${name}"`;
    if (names.has(`${what} ${name}`)) fail(`two ports are ${where}`);
    names.add(`${what} ${name}`);
    if (place.region !== region) fail(`${where} lies in ${place.region}, expected ${region}`);
    check(place, where);
    const needed = sampleBytes(layout) * (layout.batched ? program.maxBatch : 1);
    if (needed > place.bytes)
      fail(`${where} needs ${needed} bytes at batch ${program.maxBatch}, its place has ${place.bytes}`);
  };
  for (const p of program.inputs) port(p.name, p.layout, p.place, "input", "slot");
  for (const p of program.outputs) port(p.name, p.layout, p.place, "output", "slot");
  for (const s of program.states) {
    if (s.layout.batched) fail(`state "${s.name}" is batched`);
    port(s.name, s.layout, s.place, "state", "store");
  }
  for (const name of program.writes)
    if (!names.has(`state ${name}`)) fail(`writes state "${name}", which is not among its states`);
}

export function describeTarget(target: Target): string {
  return `${target.name} (${target.lanes} lanes, ${target.fma} multiply-add)`;
}
