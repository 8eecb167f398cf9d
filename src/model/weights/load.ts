/**
 * Published weights for a network that is to be trained on or used: a .safetensors or .pth file's tensors under the
 * network's names. Nothing is left at its initial value in silence: what may be is said beforehand, and told
 * afterwards.
 */
import { OptionError } from "../../base/errors.js";
import { checkOptions, expecting, type Fields, listOf, text, whole } from "../../base/options.js";
import type { LeftOut, SafetensorsFile } from "../../formats/safetensors/safetensors.js";
import { sameShape } from "../../graph/shape.js";
import { create, definitionOf, type Model } from "../../models/index.js";
import { type Module, savedOf } from "../../nn/index.js";
import { type AnyNetwork, moduleOf } from "../trained-model.js";
import { fitWeights, names } from "./fit.js";
import type { Names } from "./names.js";
import { checkFinite, initialWeights, type Weight } from "./weights.js";

/** Options of `loadWeights`. All are optional. */
export interface LoadWeightsOptions {
  /**
   * The network's names of tensors by the file's, where fovea does not know them; `{ "student.": "" }` says where the
   * network lies.
   * @default none
   */
  readonly map?: Names | undefined;
  /**
   * Names of tensors that may be missing, left over or of another shape; `*` stands for any part of a name.
   * @default none
   */
  readonly allow?: readonly string[] | undefined;
  /**
   * Leaves the tensors whose shape depends on the number of classes at their initial values: always, or with
   * `"where-needed"` if they do not fit.
   * @default false
   */
  readonly resetClassifier?: boolean | "where-needed" | undefined;
  /**
   * Seed of initial values.
   * @default 0
   */
  readonly seed?: number | undefined;
}

const OPTIONS: Fields<LoadWeightsOptions> = {
  map: names,
  allow: listOf(text, 'a list of names such as ["fc.*"]'),
  resetClassifier: expecting('true, false or "where-needed"', (value) =>
    [true, false, "where-needed"].includes(value as boolean),
  ),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
};

/** Weights that were read for a network. */
export interface LoadedWeights {
  /** Every tensor of the network, by name. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** Names of the tensors that have their initial values. */
  readonly fresh: readonly string[];
  /** Names of the file's tensors that the network does not use. */
  readonly unused: readonly string[];
  /** Parts of the file that were not read: what is no tensor, and tensors of kinds that fovea does not read. */
  readonly leftOut: readonly LeftOut[];
}

/** @throws FileError that lists, by name, every difference that was not allowed. */
export function weightsFor(
  path: string,
  file: SafetensorsFile,
  network: AnyNetwork,
  options: LoadWeightsOptions = {},
): LoadedWeights {
  checkOptions("loadWeights", options, OPTIONS);
  const module = moduleOf(network, "loadWeights");
  const { map, allow = [], resetClassifier = false, seed = 0 } = options;
  const model = "options" in network ? network : undefined;
  const target = { module, network: model && { name: model.name, options: model.options }, scaling: model?.scaling };
  const classifier = model === undefined ? new Set<string>() : classifierNames(model);
  if (resetClassifier === true && classifier.size === 0) {
    throw new OptionError(
      "resetClassifier: only a network of the zoo with an option classes says what its classifier is",
    );
  }
  const patterns = allow.map((pattern) => new RegExp(`^${pattern.split("*").map(escaped).join(".*")}$`));
  const isFresh = (name: string) => resetClassifier !== false && classifier.has(name);
  const { weights, missing, unused } = fitWeights(path, file.tensors, target, {
    map,
    mayDiffer: (name) => isFresh(name) || patterns.some((pattern) => pattern.test(name)),
    cure: (names) =>
      names.every((name) => classifier.has(name))
        ? "The classifier is of another number of classes: start it anew by --reset-classifier (option resetClassifier), or set the option classes"
        : "Name the network and the options that it was made with",
  });
  checkFinite(path, weights);
  // A classifier is kept or started anew as a whole.
  const isReset = resetClassifier === true || missing.some(isFresh);
  const fresh = [...new Set([...missing, ...(isReset ? classifier : [])])];
  const initial = initialWeights(module, seed);
  // In the network's order, as others give them.
  const all = new Map([...initial].map(([name, weight]) => [name, fresh.includes(name) ? weight : weights.get(name)!]));
  return { weights: all, fresh, unused, leftOut: file.leftOut };
}

/** The tensors whose shapes depend on the number of classes. */
function classifierNames(model: Model): Set<string> {
  const { name, options, module } = model;
  const { classes } = options;
  if (typeof classes !== "number" || !Object.hasOwn(definitionOf(name).defaults, "classes")) return new Set();
  const other: Module = create(name, { ...options, classes: classes > 1 ? classes - 1 : 2 }).module;
  const shapes = savedOf(other);
  const depends = [...savedOf(module)].filter(([key, { shape }]) => !sameShape(shape, shapes.get(key)?.shape ?? []));
  return new Set(depends.map(([key]) => key));
}

const escaped = (literal: string) => literal.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
