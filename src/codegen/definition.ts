/**
 * Kernels as they are defined: each once, beside the imports of its file, as code of a spec. The spec is plain data,
 * and all that the code may depend on but the target:
 *
 *     const scaleKernel = defineKernel<{ readonly factor: number }>("scale", {
 *       operands: [["x", "read"], ["y", "write"]],
 *       write(k, { factor }) {
 *         k.loop(k.begin, k.end, ...);
 *       },
 *     });
 *
 * A kernel's key is made here, of the name, the spec and the facts of the target (`CodeTarget`), so that equal keys
 * mean equal code: what a writer is not given, it cannot read. A definition inside a function could read that
 * function's variables, which no key names; a test refuses it.
 */
import { type Plain, plainText } from "../base/plain.js";
import { codeTarget, targetKey } from "../target/code-target.js";
import type { CodeTarget } from "../target/target.js";
import { buildKernel, type KernelBuilder } from "./builder/builder.js";
import type { Access, Kernel } from "./ir.js";

/** The operands of a kernel: the name of each, and whether it is read or written. */
export type OperandList = readonly (readonly [name: string, access: Access])[];

/** How the code of a kernel is written, for a spec. */
export interface KernelCode<Spec> {
  /**
   * Its name in profiles and messages.
   * @default the definition's name
   */
  readonly title?: string | ((spec: Spec) => string);
  /** Its operands, in the order in which a step gives them. */
  readonly operands: OperandList | ((spec: Spec) => OperandList);
  /** Writes the code. All that it depends on is the spec and the builder's target. */
  write(k: KernelBuilder, spec: Spec): void;
}

class Definition<Spec> {
  readonly #code: KernelCode<Spec>;

  constructor(
    /** Its name, which no other definition has. */
    readonly name: string,
    code: KernelCode<Spec>,
  ) {
    this.#code = code;
  }

  /** The key of the kernel of a spec: equal for two specs and targets only where the code is equal. */
  key(target: CodeTarget, spec: Spec): string {
    try {
      return `${this.name} ${plainText(spec)} for ${targetKey(target)}`;
    } catch (cause) {
      throw new TypeError(
        `kernel "${this.name}": what it is built from must be plain data: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }

  /** Writes the kernel of a spec for a machine. */
  build(machine: CodeTarget, spec: Spec): Kernel {
    const { title = this.name, operands, write } = this.#code;
    const target = codeTarget(machine);
    const header = {
      key: this.key(target, spec),
      name: typeof title === "string" ? title : title(spec),
      target,
      operands: typeof operands === "function" ? operands(spec) : operands,
    };
    return buildKernel(header, (k) => write(k, spec));
  }
}

/** The definition that a kernel was written from, and the text of its spec, out of its key. */
export function specOf({ key, target }: Kernel): { readonly definition: string; readonly spec: string } {
  const end = ` for ${plainText(target)}`;
  const [definition = "", ...spec] = (key.endsWith(end) ? key.slice(0, -end.length) : key).split(" ");
  return { definition, spec: spec.join(" ") };
}

/** A kernel's definition, as `defineKernel` makes it. */
export type KernelDefinition<Spec> = Definition<Spec>;

/**
 * Defines a kernel: code that is written from a spec, which is plain data. Define each once, at the top of a file.
 *
 * @param name no other definition has it
 */
export function defineKernel<Spec extends Plain<Spec>>(name: string, code: KernelCode<Spec>): KernelDefinition<Spec> {
  return new Definition(name, code);
}

/** The kernels that were built, each once. */
export class KernelCache {
  readonly #kernels = new Map<string, Kernel>();

  get<Spec>(definition: KernelDefinition<Spec>, target: CodeTarget, spec: Spec): Kernel {
    const key = definition.key(target, spec);
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      kernel = definition.build(target, spec);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }
}
