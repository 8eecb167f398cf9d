/** What a user's file exports, as a definition of a network like those of the zoo. */
import { FileError, FoveaError, OptionError } from "../../base/errors.js";
import { isRecord, shown } from "../../base/options.js";
import { reasonOf } from "../../base/reason.js";
import type { Shape } from "../../graph/shape.js";
import type { ModelDefinition, ModelOptions } from "../../models/index.js";
import { Module } from "../../nn/index.js";
import { traceOne } from "../../nn/trace.js";
import { otherCopy } from "./import-file.js";

/** What a function that makes a network is given. 0 stands for what nobody has said. */
const OPEN = { classes: 0, height: 0, width: 0, channels: 0 };

type Make = (options: ModelOptions) => unknown;
type MakeClass = new (options: ModelOptions) => Module;

const EXPECTED =
  "a module, a function of { classes, height, width, channels } that makes one, or a definition as registerModel takes it";

/**
 * @param what the file and the export, for messages
 * @throws FileError where `value` is no network
 */
export function definitionFrom(value: unknown, input: Shape | undefined, what: string): ModelDefinition {
  if (value instanceof Module) {
    // Made already: it takes what it takes.
    const { height, width, channels } = OPEN;
    return input === undefined
      ? made(() => value, { height, width, channels }, undefined, what)
      : made(() => value, {}, input, what);
  }
  if (isModuleClass(value)) return made((options) => new value(options), sized(input), undefined, what);
  if (typeof value === "function") return made(value as Make, sized(input), undefined, what);
  if (isDefinition(value)) return value;
  if (isForeignModule(value)) throw otherCopy(what);
  const cure = value instanceof Promise ? "; await it: export default await ..." : "";
  throw new FileError(`--module ${what}: is ${shown(value)}, expected ${EXPECTED}${cure}`);
}

const sized = (input: Shape | undefined) =>
  input === undefined ? OPEN : { ...OPEN, height: input[0]!, width: input[1]!, channels: input[2]! };

function made(make: Make, defaults: ModelOptions, fixed: Shape | undefined, what: string): ModelDefinition {
  const input = ({ height, width, channels }: ModelOptions): Shape =>
    fixed ?? [Number(height), Number(width), Number(channels)];
  const build = (options: ModelOptions): Module => {
    if (input(options).includes(0)) {
      throw new OptionError(
        `--module ${what}: does not say what it takes; add "export const input = [height, width, channels];" to the file`,
      );
    }
    return called(make, options, what);
  };
  return {
    name: what,
    description: "",
    defaults,
    parameters: 0,
    input,
    build,
    classes: (options) => traceOne(build(options), { input: input(options), training: false }).output.shape.at(-1) ?? 0,
  };
}

function called(make: Make, options: ModelOptions, what: string): Module {
  const said = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== 0));
  let module: unknown;
  try {
    module = make(said);
  } catch (error) {
    if (error instanceof FoveaError) throw error;
    throw new FileError(`--module ${what}: throws for ${JSON.stringify(said)}: ${reasonOf(error)}`, { cause: error });
  }
  if (module instanceof Module) return module as Module;
  if (isForeignModule(module)) throw otherCopy(what);
  const cure = module === undefined ? "; give it back with return" : "";
  throw new FileError(`--module ${what}: makes ${shown(module)} of ${JSON.stringify(said)}, expected a module${cure}`);
}

const isModuleClass = (value: unknown): value is MakeClass =>
  typeof value === "function" && value.prototype instanceof Module;

const isDefinition = (value: unknown): value is ModelDefinition =>
  isRecord(value) &&
  isRecord(value["defaults"]) &&
  ["build", "input", "classes"].every((name) => typeof value[name] === "function");

/** Of a package that the file imports and that has a copy of fovea for itself. */
const isForeignModule = (value: unknown): boolean =>
  isRecord(value) && typeof value["forward"] === "function" && !(value instanceof Module);
