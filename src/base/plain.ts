/**
 * Plain data: numbers, strings, booleans, null, undefined, and arrays (typed ones, too) and objects of them. Such data
 * has a text of its own, `plainText`, which is equal for two values only where nobody can tell them apart: what caches
 * are keyed by.
 */

/** What an object of plain data fits, and no other: `function f<T extends Plain<T>>(data: T)`. */
export type Plain<T> = { readonly [K in keyof T]: PlainMember<T[K]> };

type PlainMember<T> = T extends number | string | boolean | null | undefined
  ? T
  : T extends ((...args: never[]) => unknown) | symbol | bigint
    ? never
    : Plain<T>;

/**
 * The text of plain data: its JSON, but NaN, the infinities, -0 and undefined are themselves where JSON makes null and
 * 0 of them. A member that is undefined counts as none.
 * @throws TypeError for anything else: functions, symbols, class instances.
 */
export function plainText(value: unknown): string {
  // Nearly all data has a JSON that says all, which the engine writes faster than any code of ours.
  return isSaidByJson(value) ? JSON.stringify(value) : exactText(value);
}

function isSaidByJson(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      return value - value === 0 && (value !== 0 || 1 / value > 0); // finite, and not -0
    case "string":
    case "boolean":
      return true;
    case "object":
      return value === null || (Array.isArray(value) ? isListSaidByJson(value) : isRecordSaidByJson(value));
    default:
      return false;
  }
}

function isListSaidByJson(list: readonly unknown[]): boolean {
  for (let i = 0; i < list.length; i++) if (!isSaidByJson(list[i])) return false;
  return true;
}

function isRecordSaidByJson(record: object): boolean {
  if (Object.getPrototypeOf(record) !== Object.prototype) return false;
  for (const name in record) {
    const member = (record as Record<string, unknown>)[name];
    if (member !== undefined && !isSaidByJson(member)) return false;
  }
  return true;
}

function exactText(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "string":
      return JSON.stringify(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return listText(value);
      return isTypedArray(value) ? `${value.constructor.name}${listText(value)}` : exactRecordText(value);
    default:
      throw new TypeError(`a ${typeof value} is no plain data`);
  }
}

const isTypedArray = (value: object): value is Float32Array =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

const listText = (list: ArrayLike<unknown>): string => `[${Array.from(list, exactText).join(",")}]`;

function exactRecordText(record: object): string {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`an instance of ${record.constructor.name} is no plain data`);
  const members = Object.entries(record).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${exactText(member)}`).join(",")}}`;
}
