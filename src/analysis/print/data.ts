/** A stage as plain data, for programs: what the printers write, before it is text. */
import type { Kernel } from "../../codegen/ir.js";
import { printInstr, printKernel } from "../../codegen/print.js";
import { graphValues } from "./graph.js";
import { codeBytes, listKernel, usedKernels } from "./kernels.js";
import { livesOf } from "./lives.js";
import { overviewOf, type Stage } from "./overview.js";
import type { Plan } from "./plan.js";
import { printedSteps } from "./program.js";
import { fusionUnits } from "./units.js";

/** Of no stage: how large each is. */
export function stageData(plan: Plan, stage: Stage | undefined): Readonly<Record<string, unknown>> {
  switch (stage) {
    case undefined:
      return { stages: overviewOf(plan) };
    case "graph":
      return { values: graphValues(plan) };
    case "units":
      return { units: fusionUnits(plan) };
    case "program": {
      const { bytes, inputs, outputs, scratch } = plan.program;
      return { bytes, scratch, inputs, outputs, steps: printedSteps(plan), lives: livesOf(plan.program) };
    }
    case "kernel":
      return { kernels: usedKernels(plan).map(({ kernel, used }) => ({ ...used, text: printKernel(kernel) })) };
    case "code":
      return { kernels: usedKernels(plan).map(({ kernel, used }) => ({ ...used, ...codeData(kernel) })) };
  }
}

function codeData(kernel: Kernel) {
  const listing = listKernel(kernel);
  const lines = listing.lines.map(({ address, bytes, kind, label, source, text }) => ({
    address,
    bytes: Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""),
    kind,
    label,
    text,
    of: source === undefined ? undefined : printInstr(source, kernel),
  }));
  return { bytes: codeBytes(listing), lines };
}
