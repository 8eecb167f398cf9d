/** Reads the values of flags. What is wrong with one is said with the flag, the value and what was expected. */
import { OptionError, unknownName } from "../../base/errors.js";
import { definitionOf, type ModelOption, type ModelOptions } from "../../models/index.js";

/** A flag's value as a number from `low` on. */
export function numberOf(flag: string, low = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value >= low) return value;
    throw new OptionError(`${flag} ${text}: expected a number of at least ${low}`);
  };
}

export function wholeOf(flag: string, low: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= low) return value;
    throw new OptionError(`${flag} ${text}: expected a whole number of at least ${low}`);
  };
}

/** One of the names; the nearest is proposed for any other. */
export function oneOf<T extends string>(flag: string, names: readonly T[]): (text: string) => T {
  return (text) => {
    const name = names.find((known) => known === text);
    if (name === undefined) throw unknownName(`value of ${flag}`, text, names);
    return name;
  };
}

/** `3,5` as numbers. */
export function listOf(flag: string): (text: string) => number[] {
  return (text) => text.split(",").map(numberOf(flag));
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `500MB`, `2GiB`, `1.5gb` or a number of bytes. */
export function bytesOf(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
    const factor = units[(unit ?? "none").toLowerCase()];
    if (digits === undefined || factor === undefined || !(Number(digits) > 0)) {
      throw new OptionError(`${flag} ${text}: expected a size such as 500MB, 2GB or 2GiB`);
    }
    return Math.floor(Number(digits) * factor);
  };
}

/** Gathers a flag that may be given again. */
export const repeated = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Gathers `key=value` flags, given once each. */
export function pairOf(flag: string): (text: string, before: Record<string, string>) => Record<string, string> {
  return (text, before = {}) => {
    const [, key, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      throw new OptionError(`${flag} ${text}: expected key=value, such as classes=10`);
    }
    return { ...before, [key]: value };
  };
}

/** Gathers `from=to` flags: names of a file and the network's, whole or up to a dot. Either may be empty. */
function namesOf(flag: string): (text: string, before: Record<string, string>) => Record<string, string> {
  return (text, before = {}) => {
    const [, from, to] = /^([^=]*)=([^=]*)$/.exec(text) ?? [];
    if (from === undefined || to === undefined || text === "=") {
      throw new OptionError(
        `${flag} ${text}: expected FROM=TO, such as stem.conv=conv1, or student.= for what lies there`,
      );
    }
    return { ...before, [from]: to };
  };
}

/** Texts as options of a network, each of the kind that its default has. */
export function networkOptions(network: string, texts: Readonly<Record<string, string>> = {}): ModelOptions {
  const { defaults } = definitionOf(network);
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, asKindOf(defaults[key], key, text)]));
}

function asKindOf(standard: ModelOption | undefined, key: string, text: string): ModelOption {
  const flag = `--option ${key}`;
  if (typeof standard === "number") return numberOf(flag, Number.NEGATIVE_INFINITY)(text);
  if (typeof standard === "boolean") return oneOf(flag, ["true", "false"])(text) === "true";
  if (Array.isArray(standard)) return listOf(flag)(text);
  return text;
}

/** How the network of weights of others is named, as a command declares it: `.option(...NETWORK).option(...MAP)`. */
export const NETWORK = ["--network <name>", "whose weights a file holds, where it does not say it"] as const;
export const MAP = [
  "--map <from=to>",
  "read a file's name FROM, or what begins with it up to a dot, as the network's TO, such as stem.conv=conv1; student.= takes the network that lies there; may be repeated",
  namesOf("--map"),
] as const;
