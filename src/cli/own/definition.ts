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
 * @param input what the file says that its networks take
 * @param what the file and the export, for messages
 * @throws FileError where `value` is no network
 */
export function definitionFrom(value: unknown, input: Shape | undefined, what: string): ModelDefinition {
  // A module is made already, and takes what it takes.
  if (value instanceof Module) return made(() => value, input, what);
  if (isModuleClass(value)) return made((options) => new value(options), input, what);
  if (typeof value === "function") return made(value as Make, input, what);
  if (isDefinition(value)) return value;
  if (isForeignModule(value)) throw otherCopy(what);
  const cure = value instanceof Promise ? "; await it: export default await ..." : "";
  throw new FileError(`--module ${what}: is ${shown(value)}, expected ${EXPECTED}${cure}`);
}

/** Options are those that `make` reads; without `input` also the extents of the pictures, which data or a file then say. */
function made(make: Make, said: Shape | undefined, what: string): ModelDefinition {
  const [height = 0, width = 0, channels = 0] = said ?? [];
  const all = { ...OPEN, height, width, channels };
  const { read, module } = tried(make, all);
  const isOption = (name: string) => read.has(name) || (said === undefined && name !== "classes");
  const input = (options: ModelOptions): Shape => {
    const own = { ...all, ...options };
    return [own.height, own.width, own.channels];
  };
  const build = (options: ModelOptions): Module => {
    if (input(options).includes(0)) {
      throw new OptionError(
        `--module ${what}: does not say what it takes; add "export const input = [height, width, channels];" to the file`,
      );
    }
    return called(make, { ...all, ...options }, what);
  };
  return {
    name: what,
    description: "",
    ...(module?.loss?.kind === "pixelCrossEntropy" ? { task: "segmentation" } : {}),
    defaults: Object.fromEntries(Object.entries(all).filter(([name]) => isOption(name))),
    parameters: 0,
    input,
    build,
    classes: (options) => traceOne(build(options), { input: input(options), training: false }).output.shape.at(-1) ?? 0,
  };
}

/** What a function makes, and the options that it reads. Whatever is wrong with it is said when it is called for good. */
function tried(make: Make, options: ModelOptions): { readonly read: ReadonlySet<string>; readonly module?: Module } {
  const read = new Set<string>();
  // Any number of classes will do.
  const watched = new Proxy(
    { ...saidOf(options), classes: 2 },
    {
      get(target, name) {
        if (typeof name === "string") read.add(name);
        return Reflect.get(target, name) as unknown;
      },
    },
  );
  try {
    const module = make(watched);
    return module instanceof Module ? { read, module: module as Module } : { read };
  } catch {
    return { read: read.size > 0 ? read : new Set(Object.keys(OPEN)) };
  }
}

const saidOf = (options: ModelOptions): ModelOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== 0));

function called(make: Make, options: ModelOptions, what: string): Module {
  const said = saidOf(options);
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
