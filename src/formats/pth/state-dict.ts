/**
 * Where the weights are in what a PyTorch file holds: at its top, under a name that people use, in the only dictionary
 * with tensors, or in a module that was saved whole, whose parameters, buffers and parts are entries of dictionaries,
 * too. What stands beside them is left out, and listed.
 */

import { shown } from "../../base/bytes.js";
import { FileError } from "../../base/errors.js";
import type { LeftOut } from "../safetensors/safetensors.js";
import type { PickleValue } from "./pickle.js";
import { Foreign, Storage, Tensor } from "./values.js";

/** Where people nest a state dict beside the optimiser and the rest of a run. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "net", "weights", "params"];

const cure = "save its weights alone: torch.save(model.state_dict(), FILE)";

/** Deeper than networks are nested. */
const DEEPEST = 64;
const LONGEST_NAME = 1024;
/** Of several networks, or of a network and an optimiser; longer ones are histories. */
const LONGEST_LIST = 64;
/** Values that are looked at, those that several places share counted at each. */
const MOST_VALUES = 2 ** 21;

export interface NamedTensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly leftOut: readonly LeftOut[];
}

/** @throws FileError where there are no tensors with names. */
export function findStateDict(top: PickleValue, file: string): NamedTensors {
  const leftOut: LeftOut[] = [];
  const search = new Search(file);
  let path = "";
  let value = top;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const entries = entriesOf(value);
    if (entries === undefined) break;
    const direct = entries.filter(([, entry]) => entry instanceof Tensor);
    const nested = entries.filter(([, entry]) => search.hasTensors(entry));
    const inner = moduleOf(value) === undefined ? chosen(direct.length, nested, search) : undefined;
    if (inner === undefined) {
      const isFlat = moduleOf(value) === undefined && direct.length > 0 && direct.length >= search.count(nested);
      const taken = moduleOf(value) !== undefined ? entries : isFlat ? direct : nested;
      const tensors = search.tensors(taken);
      if (tensors.size === 0) break;
      listBeside(leftOut, path, value, taken);
      return { tensors, leftOut };
    }
    listBeside(leftOut, path, value, [inner]);
    path = `${path}${inner[0]}.`;
    value = inner[1];
  }
  if (value instanceof Tensor) {
    throw new FileError(`${file}: holds one tensor without a name, not a network's weights: ${cure}`);
  }
  throw nothingFound(top, file);
}

type Entry = readonly [name: string, value: PickleValue];

/** The entry in which the weights are; undefined where they are here. */
function chosen(direct: number, nested: readonly Entry[], search: Search): Entry | undefined {
  for (const wrapper of WRAPPERS) {
    const found = nested.find(([name]) => name === wrapper);
    if (found !== undefined) return found;
  }
  return nested.length === 1 && search.count(nested) > direct ? nested[0] : undefined;
}

/** A module that was saved whole: its attributes. */
function moduleOf(value: PickleValue): Map<PickleValue, PickleValue> | undefined {
  if (!(value instanceof Foreign)) return undefined;
  const state = attributesOf(value);
  return state?.get("_modules") instanceof Map || state?.get("_parameters") instanceof Map ? state : undefined;
}

/** Attributes are a dictionary, or that and another one for a class's slots. */
function attributesOf({ state }: Foreign): Map<PickleValue, PickleValue> | undefined {
  if (state instanceof Map) return state;
  const first = Array.isArray(state)
    ? (state as readonly PickleValue[]).find((part) => part instanceof Map)
    : undefined;
  return first instanceof Map ? first : undefined;
}

/** What has names in a value; undefined where nothing has, and in an optimiser's state, which is no weights. */
function entriesOf(value: PickleValue): Entry[] | undefined {
  const state = moduleOf(value);
  if (state !== undefined) {
    const passing = state.get("_non_persistent_buffers_set");
    const passed = new Set(Array.isArray(passing) ? (passing as readonly PickleValue[]) : []);
    const buffers = named(state.get("_buffers")).filter(([name]) => !passed.has(name));
    return [...named(state.get("_parameters")), ...buffers, ...named(state.get("_modules"))];
  }
  if (Array.isArray(value) && value.length <= LONGEST_LIST)
    return (value as readonly PickleValue[]).map((item, i) => [String(i), parameterOf(item)]);
  const map = value instanceof Foreign ? (value.items ?? attributesOf(value)) : value;
  if (!(map instanceof Map) || map.has("param_groups")) return undefined;
  return named(map);
}

function named(value: PickleValue | undefined): Entry[] {
  if (!(value instanceof Map)) return [];
  return [...value].flatMap(([name, entry]): Entry[] => (typeof name === "string" ? [[name, parameterOf(entry)]] : []));
}

/** A parameter of PyTorch's first versions is an object with the tensor among its attributes. */
function parameterOf(value: PickleValue): PickleValue {
  if (
    !(value instanceof Foreign) ||
    !/^torch\.(nn\.parameter\.Parameter|autograd\.variable\.Variable)$/.test(value.name)
  ) {
    return value;
  }
  const first = Array.isArray(value.state) ? (value.state as readonly PickleValue[])[0] : undefined;
  return first instanceof Tensor ? first : value;
}

/** Walks dictionaries without recursion, and not without end where they hold each other. */
class Search {
  readonly #file: string;
  #seen = 0;

  constructor(file: string) {
    this.#file = file;
  }

  hasTensors(value: PickleValue): boolean {
    return !(value instanceof Tensor) && !this.#walk([["", value]]).next().done;
  }

  count(entries: readonly Entry[]): number {
    let count = 0;
    for (const _ of this.#walk(entries)) count++;
    return count;
  }

  tensors(entries: readonly Entry[]): Map<string, Tensor> {
    return new Map(this.#walk(entries));
  }

  /** Every tensor, by the names on the way to it with dots between them, in the file's order. */
  *#walk(entries: readonly Entry[]): Generator<[string, Tensor], void> {
    const waiting = entries.map(([name, value]) => ({ name, value, depth: 1 })).reverse();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { name, value, depth } = next;
      if (name.length > LONGEST_NAME) continue;
      if (value instanceof Tensor) yield [name, value];
      const inner = depth < DEEPEST ? (entriesOf(value) ?? []) : [];
      this.#seen += inner.length;
      if (this.#seen > MOST_VALUES) {
        throw new FileError(`${this.#file}: its dictionaries hold more than ${MOST_VALUES} values, or each other`);
      }
      for (let i = inner.length - 1; i >= 0; i--) {
        const [key, entry] = inner[i]!;
        if (typeof entry === "object" && entry !== null) {
          waiting.push({ name: `${name}.${key}`, value: entry, depth: depth + 1 });
        }
      }
    }
  }
}

function listBeside(leftOut: LeftOut[], path: string, value: PickleValue, taken: readonly Entry[]): void {
  const names = new Set(taken.map(([name]) => name));
  const map = value instanceof Foreign ? (value.items ?? attributesOf(value)) : value;
  if (moduleOf(value) !== undefined || (!(map instanceof Map) && !Array.isArray(map))) return;
  for (const [key, entry] of map instanceof Map ? map : (map as readonly PickleValue[]).entries()) {
    if (typeof key !== "object" && names.has(String(key))) continue;
    leftOut.push({ name: `${path}${keyText(key)}`, what: describe(entry) });
  }
}

const keyText = (key: PickleValue) =>
  typeof key === "string" || typeof key === "number" ? shown(String(key)) : describe(key);

/** What a value is, without a look inside. */
export function describe(value: PickleValue): string {
  if (value === null) return "None";
  if (value instanceof Map) return value.has("param_groups") ? "an optimiser's state" : "a dictionary";
  if (value instanceof Tensor) return `a tensor of ${value.elements.name}`;
  if (value instanceof Storage) return "a storage of numbers";
  if (value instanceof Foreign) return shown(value.name);
  if (value instanceof Uint8Array) return "bytes";
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? "a text" : typeof value === "boolean" ? "a boolean" : "a number";
}

function nothingFound(top: PickleValue, file: string): FileError {
  const keys = top instanceof Map ? [...top.keys()].slice(0, 8) : undefined;
  const found = keys?.map(keyText).join(", ");
  const what = top instanceof Map ? found || "nothing" : `${describe(top)}, no dictionary`;
  return new FileError(
    `${file}: holds no tensors by name, neither at its top nor under ${WRAPPERS.join(", ")}; found ${what}: ${cure}`,
  );
}
