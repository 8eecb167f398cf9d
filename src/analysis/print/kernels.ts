/** The kernels of a program as text, in the kernel language, and as the code that the encoders make of them. */
import { specOf } from "../../codegen/definition.js";
import type { Instr, Kernel } from "../../codegen/ir.js";
import type { Listing } from "../../codegen/listing.js";
import { printListing } from "../../codegen/listing.js";
import { printKernel } from "../../codegen/print.js";
import { listWasm } from "../../codegen/wasm/listing.js";
import { listX64 } from "../../codegen/x64/listing.js";
import type { Plan } from "./plan.js";
import { type PrintedStep, printedSteps } from "./program.js";
import { counted, countText, hanging } from "./text.js";

export interface UsedKernel {
  /** Its number in the program. */
  readonly index: number;
  readonly name: string;
  /** The `defineKernel` that wrote it, and the plain data that it was written from, as JSON. */
  readonly definition: string;
  readonly spec: string;
  /** Instructions of the kernel language. */
  readonly instructions: number;
  /** The steps that run it. */
  readonly steps: readonly {
    readonly section: PrintedStep["section"];
    readonly index: number;
    readonly label: string;
  }[];
}

/** Those that the shown steps run, in the order of the program. */
export function usedKernels(plan: Plan): { readonly kernel: Kernel; readonly used: UsedKernel }[] {
  const steps = printedSteps(plan);
  return plan.program.kernels.flatMap((kernel, index) => {
    const runs = steps.filter((step) => step.kernel === index);
    if (runs.length === 0) return [];
    const used = {
      index,
      name: kernel.name,
      ...specOf(kernel),
      instructions: instructionsOf(kernel.body),
      steps: runs.map(({ section, index: at, label }) => ({ section, index: at, label })),
    };
    return [{ kernel, used }];
  });
}

export function instructionsOf(block: readonly Instr[]): number {
  let count = 0;
  for (const i of block) {
    if (i.op === "comment") continue;
    count++;
    if (i.op === "loop" || i.op === "if") count += instructionsOf(i.body);
    if (i.op === "if") count += instructionsOf(i.otherwise);
  }
  return count;
}

/** What the encoder of the kernel's machine writes, byte by byte. */
export const listKernel = (kernel: Kernel): Listing =>
  kernel.target.isa === "wasm" ? listWasm(kernel) : listX64(kernel);

export const codeBytes = ({ lines }: Listing): number => lines.reduce((sum, { bytes }) => sum + bytes.length, 0);

export function kernelsText(plan: Plan, width?: number): string {
  const kernels = usedKernels(plan);
  const out = [`${counted(kernels.length, "kernel")} of ${plan.title}`];
  for (const { kernel, used } of kernels) {
    out.push("", ...headText(used, `${countText(used.instructions)} instructions`, width));
    out.push(
      ...hanging(
        "  written from ",
        `${used.definition} ${used.spec.replaceAll(',"', ', "')}`,
        width ?? Number.POSITIVE_INFINITY,
      ),
    );
    out.push("", printKernel(kernel));
  }
  return out.join("\n");
}

export function codeText(plan: Plan, width?: number): string {
  const kernels = usedKernels(plan).map((each) => ({ ...each, listing: listKernel(each.kernel) }));
  const total = kernels.reduce((sum, { listing }) => sum + codeBytes(listing), 0);
  const out = [`code of ${counted(kernels.length, "kernel")} of ${plan.title}: ${countText(total)} bytes`];
  for (const { used, listing } of kernels)
    out.push("", ...headText(used, `${countText(codeBytes(listing))} bytes`, width), "", printListing(listing));
  return out.join("\n");
}

/** Kernels of many steps name the first few. */
const NAMED_STEPS = 4;

function headText({ index, name, steps }: UsedKernel, size: string, width = Number.POSITIVE_INFINITY): string[] {
  const texts = steps.map(
    (step) => `step ${step.index}${step.section === "prepare" ? " before the first run" : ""} (${step.label})`,
  );
  const named =
    texts.length > NAMED_STEPS ? [...texts.slice(0, NAMED_STEPS), `${texts.length - NAMED_STEPS} more`] : texts;
  return [`kernel ${index}: ${name}, ${size}`, ...hanging("  runs in ", named.join("; "), width)];
}
