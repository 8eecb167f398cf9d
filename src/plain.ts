/**
 * Plain data: numbers, strings, booleans, null, undefined, and arrays and objects of them. Such data has a text of its own,
 * `plainText`, which is equal for two values only where nobody can tell them apart: what caches are keyed by.
 */

/** What an object of plain data fits, and no other: `function f<T extends Plain<T>>(data: T)`. */
export type Plain<T> = { readonly [K in keyof T]: PlainMember<T[K]> };

type PlainMember<T> = T extends number | string | boolean | null | undefined
  ? T
  : T extends ((...args: never[]) => unknown) | symbol | bigint
    ? never
    : Plain<T>;

/**
 * The text of plain data. Like JSON, but it keeps apart what JSON writes alike: NaN, the infinities and null, 0 and -0, a
 * member that is undefined and none.
 * @throws TypeError for anything else: functions, symbols, class instances, typed arrays.
 */
export function plainText(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "string":
      return JSON.stringify(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      return value === null ? "null" : Array.isArray(value) ? listText(value) : recordText(value);
    default:
      throw new TypeError(`a ${typeof value} is no plain data`);
  }
}

function listText(list: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < list.length; i++) text += i === 0 ? plainText(list[i]) : `,${plainText(list[i])}`;
  return `${text}]`;
}

function recordText(record: object): string {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`an instance of ${record.constructor.name} is no plain data`);
  let text = "{";
  for (const name of Object.keys(record)) {
    const member = plainText((record as Record<string, unknown>)[name]);
    text += `${text.length === 1 ? "" : ","}${isWord(name) ? name : JSON.stringify(name)}:${member}`;
  }
  return `${text}}`;
}

const isWord = (name: string): boolean => /^\w+$/.test(name);
