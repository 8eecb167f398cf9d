/**
 * Every stage of a network on its way to code as text, for readers:
 *
 *     console.log(await printKernels(models.create("lenet5"), { layer: "conv1", target: "avx2" }));
 *
 * Nothing is run, and no weights are needed: any target can be printed on any machine. Of a network of several inputs or outputs inference is
 * printed, with its outputs by name.
 */
import type { AnyNetwork } from "../../model/trained-model.js";
import { graphText } from "./graph.js";
import { codeText, kernelsText } from "./kernels.js";
import { overviewText } from "./overview.js";
import { type PrintOptions, planOf } from "./plan.js";
import { programText } from "./program.js";
import { unitsText } from "./units.js";

/**
 * An overview of all stages, with the size of each.
 * @throws OptionError on an option or layer that is not known; ShapeError if a layer does not fit its input
 */
export async function printStages(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return overviewText(await planOf("printStages", network, options), options.width);
}

/**
 * The graph as text, a value a line: `%11  conv1  conv2d(%0, %1)  Nx28x28x6  f32  {kernel: 5x5, ...}`. N is the batch.
 *
 * @example
 * ```js
 * import { models } from "fovea";
 * import { printGraph } from "fovea/analysis";
 *
 * const text = await printGraph(models.create("lenet5"), { training: true });
 * console.log(text.includes("conv1")); // true
 * ```
 *
 * @throws as `printStages`
 */
export async function printGraph(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return graphText(await planOf("printGraph", network, options), options.width);
}

/**
 * Fusion groups: which ops are computed at once and how, the strategy that does it, and what its rivals would have
 * cost.
 * @throws as `printStages`
 */
export async function printUnits(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return unitsText(await planOf("printUnits", network, options), options.width);
}

/**
 * Memory by region, the steps with their operands and barriers, and who lies where in the scratch from step to step.
 * @throws as `printStages`, and MemoryError where a value is larger than can be held
 */
export async function printProgram(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return programText(await planOf("printProgram", network, options), options.width);
}

/**
 * Kernels in the kernel language, each with the spec that it was written from.
 * @throws as `printProgram`
 */
export async function printKernels(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return kernelsText(await planOf("printKernels", network, options), options.width);
}

/**
 * The code of kernels, a machine's instruction a line beside the kernel's instruction that it is a part of.
 * @throws as `printProgram`
 */
export async function printCode(network: AnyNetwork, options: PrintOptions = {}): Promise<string> {
  return codeText(await planOf("printCode", network, options), options.width);
}
