/**
 * The networks that are known by name: those of the zoo, and what users add with `registerModel`. What is created says all of its options, so that a file can carry them and make the
 * same network again.
 */
import { OptionError, unknownName } from "../errors.js";
import {
  defineModel,
  type Model,
  type ModelDefinition,
  type ModelOption,
  type ModelOptions,
  type Task,
} from "./definition.js";
import { ImageClassifier } from "./image-classifier.js";
import { ZOO } from "./zoo.js";

const definitions = new Map(ZOO.map((definition) => [definition.name, definition]));

export function registerModel<O extends ModelOptions>(definition: ModelDefinition<O>): void {
  if (definitions.has(definition.name)) {
    throw new OptionError(`registerModel: there is already a network "${definition.name}"; choose another name`);
  }
  definitions.set(definition.name, defineModel(definition));
}

/** All registered networks that answer this, in the order of registration. */
export function list(task: Task = "classification"): readonly ModelDefinition[] {
  return [...definitions.values()].filter((definition) => (definition.task ?? "classification") === task);
}

/** The definition of a network; throws OptionError with the nearest name where there is none. */
export function definitionOf(name: string): ModelDefinition {
  const definition = definitions.get(name);
  if (definition === undefined) throw unknownName("network", name, [...definitions.keys()]);
  return definition;
}

/** A network by name. Options that are not given take their defaults; unknown ones are refused. */
export function create(name: string, options: ModelOptions = {}): Model {
  const definition = definitionOf(name);
  const known = Object.keys(definition.defaults);
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownName(`option of ${name}`, key, known);
    checkKind(name, key, value, definition.defaults[key]!);
  }
  const all = { ...definition.defaults, ...options };
  const module = definition.build(all);
  const initial = module instanceof ImageClassifier ? module.classes : all["classes"];
  if (definition.loss !== undefined) module.loss = definition.loss(all);
  return {
    name,
    // The option and not what it comes to tells whether the classifier was reset: a network may count a class of its own.
    get options() {
      const classes = module instanceof ImageClassifier ? module.classes : all["classes"];
      return "classes" in all && classes !== initial ? { ...all, classes: classes! } : all;
    },
    module,
    input: definition.input(all),
    get classes() {
      return definition.classes(this.options);
    },
    scaling: definition.scaling,
  };
}

function checkKind(name: string, key: string, value: ModelOption, standard: ModelOption): void {
  const kind = (v: ModelOption) => (Array.isArray(v) ? "list" : typeof v);
  if (kind(value) !== kind(standard)) {
    throw new OptionError(
      `${name}: option ${key} is ${JSON.stringify(value)}, expected a ${kind(standard)} such as ${JSON.stringify(standard)}`,
    );
  }
}
