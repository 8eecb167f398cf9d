/** Which parameters of a network are trained, and at what rate and decay: patterns held against names. */

import { nearest, OptionError } from "../../base/errors.js";
import { BatchNorm2d, type Module, modulesOf, type Parameter, parametersOf } from "../../nn/index.js";
import { patternOf } from "./patterns.js";
import type { TrainingTechniques } from "./techniques.js";

export interface ParameterRule {
  /** False for what has no gradient and no optimiser state. */
  readonly trained: boolean;
  /** Times the schedule's learning rate. */
  readonly rate: number;
  /** In place of the optimiser's, where defined. */
  readonly weightDecay: number | undefined;
}

/** Names that a message shows of many. */
const MOST_NAMED = 6;

/** @throws OptionError where a pattern matches no parameter, or nothing is left to train. */
export function parameterRules(network: Module, techniques: TrainingTechniques): ReadonlyMap<string, ParameterRule> {
  const parameters = parametersOf(network);
  const names = [...parameters.keys()];
  const matcher = (option: string, text: string) => {
    const pattern = patternOf(option, text);
    if (!names.some((name) => pattern.test(name))) throw matchesNothing(option, text, names);
    return (name: string) => pattern.test(name);
  };
  const groups = (techniques.groups ?? []).map((group) => ({ ...group, has: matcher("group", group.match) }));
  const frozen = (techniques.freeze ?? []).map((text) => matcher("freeze", text));
  const rules = new Map<string, ParameterRule>();
  for (const [name, parameter] of parameters) {
    const spared = techniques.noDecay !== undefined && isNormOrBias(name, parameter);
    let [rate, weightDecay]: [number, number | undefined] = [1, spared ? 0 : undefined];
    for (const group of groups.filter(({ has }) => has(name))) {
      rate = group.lr ?? rate;
      weightDecay = group.weightDecay ?? weightDecay;
    }
    rules.set(name, { trained: parameter.trainable && !frozen.some((has) => has(name)), rate, weightDecay });
  }
  if (names.length > 0 && ![...rules.values()].some(({ trained }) => trained)) {
    throw new OptionError("freeze: every parameter is frozen and nothing is left to train; freeze fewer");
  }
  return rules;
}

/** The batch norms whose own parameters are all frozen. */
export function frozenNorms(network: Module, rules: ReadonlyMap<string, ParameterRule>): ReadonlySet<Module> {
  const frozen = new Set<Module>();
  for (const [module, path] of modulesOf(network)) {
    if (!(module instanceof BatchNorm2d)) continue;
    const own = module.children().map(([name]) => rules.get(path === "" ? name : `${path}.${name}`));
    if (own.every((rule) => rule?.trained !== true)) frozen.add(module);
  }
  return frozen;
}

/** As most recipes tell them: parameters of one axis, which are scales and shifts, and whatever is called a bias. */
const isNormOrBias = (name: string, { shape }: Parameter) => shape.length <= 1 || /(^|\.)bias$/.test(name);

function matchesNothing(option: string, text: string, names: readonly string[]): OptionError {
  const paths = new Set(
    names.flatMap((name) => {
      const parts = name.split(".");
      return parts.map((_, i) => parts.slice(0, i + 1).join("."));
    }),
  );
  const near = nearest(text.replace(/\\(.)/g, "$1").replace(/[\^$]/g, ""), [...paths]);
  const hint = near === undefined ? "" : `; did you mean "${near}"?`;
  const more = names.length > MOST_NAMED ? `, ... ${names.length} in all` : "";
  return new OptionError(
    `${option} "${text}": matches no parameter${hint} (the network has ${names.slice(0, MOST_NAMED).join(", ")}${more})`,
  );
}
