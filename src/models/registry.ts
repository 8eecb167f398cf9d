/**
 * The networks that are known by name: those of the zoo, and what users add with `registerModel`. What is created says
 * all of its options, so that a file can carry them and make the same network again.
 */
import { OptionError, unknownName } from "../base/errors.js";
import { text, unknownOption } from "../base/options.js";
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

/**
 * No picture has as many pixels in a row and no layer as many channels; a file that says more is damaged, or made to
 * fill memory.
 */
const MOST = 2 ** 16;
/** Numbers in a list. */
const LONGEST = 64;

const definitions = new Map(ZOO.map((definition) => [definition.name, definition]));

/**
 * Registers a network, which `models.create`, files and the command line then know by its name.
 * @throws OptionError if there is a network of that name
 */
export function registerModel<O extends ModelOptions>(definition: ModelDefinition<O>): void {
  if (definitions.has(definition.name)) {
    throw new OptionError(`registerModel: there is already a network "${definition.name}"; choose another name`);
  }
  definitions.set(definition.name, defineModel(definition));
}

/**
 * The registered networks that predict this, in the order of registration.
 *
 * @example
 * ```js
 * import { models } from "fovea";
 *
 * console.log(models.list().some(({ name }) => name === "lenet5")); // true
 * ```
 */
export function list(task: Task = "classification"): readonly ModelDefinition[] {
  return [...definitions.values()].filter((definition) => (definition.task ?? "classification") === task);
}

export const isRegistered = (name: string): boolean => definitions.has(name);

/**
 * The definition of a network, by name.
 * @throws OptionError with the nearest name, if there is none
 */
export function definitionOf(name: string): ModelDefinition {
  text(name, "models: the name of a network");
  const definition = definitions.get(name);
  if (definition === undefined) throw unknownName("network", name, [...definitions.keys()]);
  return definition;
}

/**
 * Makes a network of the zoo, by name. Options that are not given have their defaults.
 *
 * @example
 * ```js
 * import { models } from "fovea";
 *
 * const { input, classes } = models.create("lenet5", { classes: 26 });
 * console.log(input, classes); // [ 28, 28, 1 ] 26
 * ```
 *
 * @throws OptionError on a name or an option that is unknown, and on an option that is out of its range
 */
export function create(name: string, options: ModelOptions = {}): Model {
  const definition = definitionOf(name);
  const known = Object.keys(definition.defaults);
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownOption(`option of ${name}`, key, known);
    checkKind(name, key, value, definition.defaults[key]!);
    checkSize(name, key, value, definition.most?.[key] ?? MOST);
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

/** Before anything is built. What a network takes besides, it says itself. */
function checkSize(name: string, key: string, value: ModelOption, most: number): void {
  const numbers = typeof value === "number" ? [value] : Array.isArray(value) ? (value as readonly number[]) : [];
  if (numbers.length > LONGEST) {
    throw new OptionError(`${name}: option ${key} has ${numbers.length} numbers, expected at most ${LONGEST}`);
  }
  for (const number of numbers) {
    if (Math.abs(number) <= most) continue;
    throw new OptionError(`${name}: option ${key} is ${number}, expected a number of at most ${most}`);
  }
}
