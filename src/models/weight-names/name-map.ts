/** How a published file spells what a network of the zoo calls otherwise. */
import type { PixelScaling } from "../definition.js";

export interface FileTensor {
  readonly shape: readonly number[];
  /** Row-major, convolutions OIHW. */
  readonly data: Float32Array;
}

export interface NameMap {
  /** Whose spelling it is. */
  readonly source: string;
  /** The network's name of a tensor of the file; undefined where it is none that this map knows. */
  rename(name: string): string | undefined;
  /**
   * Replaces, by the network's names, tensors that mean something else than the network's do: those of a first layer
   * that reads pixels scaled in another way than the network's own `scaling`, say.
   */
  convert?(tensors: ReadonlyMap<string, FileTensor>, scaling: PixelScaling): ReadonlyMap<string, FileTensor>;
}
