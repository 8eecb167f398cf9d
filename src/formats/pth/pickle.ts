/**
 * A reader of Python pickles (protocols 0 to 5) that executes nothing. A pickle is a program for a stack machine, which
 * may call anything that Python can import; this reader knows the instructions that build plain values, and every name
 * that a pickle wants from Python is asked of the caller, who gives a plain value for it or refuses.
 *
 * Tuples, lists and sets are arrays, dictionaries are Maps, large integers bigints. Nothing here recurses, and nothing
 * follows a value that was remembered: a pickle of n instructions takes time and memory in proportion to n.
 */
import { FileError } from "../../base/errors.js";
import { PickleSource } from "./pickle-source.js";

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** What a caller makes of names, of calls and of persistent identifiers. */
export class PickleObject {
  declare protected readonly pickled: true;
}

export interface PickleHooks {
  /** What `module.name` stands for; throws to refuse it. */
  global(module: string, name: string): PickleValue;
  /** The result of calling what `global` gave; throws to refuse it. */
  call(target: PickleValue, parameters: readonly PickleValue[]): PickleValue;
  /** What is kept outside the pickle. */
  persistent(id: PickleValue): PickleValue;
  /** Attributes are set on an object that the caller made. */
  build?(object: PickleObject, state: PickleValue): void;
  /** Keys and values, one after the other, are set on an object that the caller made. */
  setItems?(object: PickleObject, items: readonly PickleValue[]): void;
}

/**
 * Far more than weights and a run's history take; what a small instruction makes takes up to this many times 200 bytes.
 */
const MOST_INSTRUCTIONS = 2 ** 22;
const MOST_DICTIONARIES = 2 ** 19;

/** @throws FileError, with the offset, on an instruction that is not known and where the pickle is cut short. */
export function readPickle(bytes: Uint8Array, file: string, hooks: PickleHooks): PickleValue {
  return readPickleAt(bytes, 0, file, hooks).value;
}

/** One of several pickles that stand one behind the other; `end` is where the next begins. */
export function readPickleAt(
  bytes: Uint8Array,
  offset: number,
  file: string,
  hooks: PickleHooks,
): { readonly value: PickleValue; readonly end: number } {
  const source = new PickleSource(bytes, offset, file);
  return { value: new Machine(source, file, hooks).run(), end: source.at };
}

class Machine {
  readonly #source: PickleSource;
  readonly #file: string;
  readonly #hooks: PickleHooks;
  #stack: PickleValue[] = [];
  /** The stacks below the marks that are open. */
  readonly #below: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();
  #dictionaries = 0;

  constructor(source: PickleSource, file: string, hooks: PickleHooks) {
    this.#source = source;
    this.#file = file;
    this.#hooks = hooks;
  }

  run(): PickleValue {
    for (let count = 0; ; count++) {
      const { at } = this.#source;
      if (count === MOST_INSTRUCTIONS) {
        throw new FileError(`${this.#file}: the pickle has more than ${MOST_INSTRUCTIONS} instructions`);
      }
      const code = this.#source.byte();
      if (code === 0x2e) return this.#pop(); // STOP
      if (!this.#plain(code) && !this.#container(code) && !this.#memory(code) && !this.#named(code)) {
        throw new FileError(
          `${this.#file}: pickle instruction 0x${code.toString(16).padStart(2, "0")} at offset ${at} is not known; the file is damaged`,
        );
      }
    }
  }

  /** Constants. */
  #plain(code: number): boolean {
    const source = this.#source;
    switch (code) {
      case 0x80: // PROTO
        source.take(1);
        return true;
      case 0x95: // FRAME
        source.take(8);
        return true;
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(source.int32());
      case 0x4b: // BININT1
        return this.#push(source.byte());
      case 0x4d: // BININT2
        return this.#push(source.uint16());
      case 0x8a: // LONG1
        return this.#push(source.integer(source.byte()));
      case 0x8b: // LONG4
        return this.#push(source.integer(source.uint32()));
      case 0x49: // INT
      case 0x4c: // LONG
        return this.#push(source.decimal());
      case 0x46: // FLOAT
        return this.#push(Number(source.line()));
      case 0x47: // BINFLOAT
        return this.#push(source.float64());
      case 0x53: // STRING
        return this.#push(source.line().replace(/^(["'])(.*)\1$/s, "$2"));
      case 0x56: // UNICODE
        return this.#push(source.line());
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(source.text(source.byte()));
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        return this.#push(source.text(source.uint32()));
      case 0x8d: // BINUNICODE8
        return this.#push(source.text(source.uint64()));
      case 0x43: // SHORT_BINBYTES
        return this.#push(source.take(source.byte()));
      case 0x42: // BINBYTES
        return this.#push(source.take(source.uint32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(source.take(source.uint64()));
      case 0x97: // NEXT_BUFFER: kept outside
        return this.#push(null);
      case 0x98: // READONLY_BUFFER
        return true;
      default:
        return false;
    }
  }

  #container(code: number): boolean {
    switch (code) {
      case 0x28: // MARK
        this.#below.push(this.#stack);
        this.#stack = [];
        return true;
      case 0x7d: // EMPTY_DICT
        return this.#push(this.#dictionary());
      case 0x64: {
        // DICT
        const items = this.#toMark();
        this.#push(this.#dictionary());
        this.#setItems(items);
        return true;
      }
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
      case 0x8f: // EMPTY_SET
        return this.#push([]);
      case 0x74: // TUPLE
      case 0x6c: // LIST
      case 0x91: // FROZENSET
        return this.#push(this.#toMark());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items: PickleValue[] = [];
        for (let i = code - 0x84; i > 0; i--) items.unshift(this.#pop());
        return this.#push(items);
      }
      case 0x61: // APPEND
        this.#extend([this.#pop()]);
        return true;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.#extend(this.#toMark());
        return true;
      case 0x73: {
        // SETITEM
        const value = this.#pop();
        this.#setItems([this.#pop(), value]);
        return true;
      }
      case 0x75: // SETITEMS
        this.#setItems(this.#toMark());
        return true;
      default:
        return false;
    }
  }

  #memory(code: number): boolean {
    const source = this.#source;
    switch (code) {
      case 0x71: // BINPUT
        return this.#keep(source.byte());
      case 0x72: // LONG_BINPUT
        return this.#keep(source.uint32());
      case 0x70: // PUT
        return this.#keep(Number(source.line()));
      case 0x94: // MEMOIZE
        return this.#keep(this.#memo.size);
      case 0x68: // BINGET
        return this.#recall(source.byte());
      case 0x6a: // LONG_BINGET
        return this.#recall(source.uint32());
      case 0x67: // GET
        return this.#recall(Number(source.line()));
      case 0x30: // POP: of a mark where nothing stands on it
        if (this.#stack.length === 0 && this.#below.length > 0) this.#toMark();
        else this.#pop();
        return true;
      case 0x31: // POP_MARK
        this.#toMark();
        return true;
      case 0x32: // DUP
        return this.#push(this.#top());
      default:
        return false;
    }
  }

  /** What would run something in Python. */
  #named(code: number): boolean {
    const { global, call, persistent } = this.#hooks;
    const source = this.#source;
    switch (code) {
      case 0x63: // GLOBAL
        return this.#push(this.#global());
      case 0x93: {
        // STACK_GLOBAL
        const name = this.#pop();
        const module = this.#pop();
        if (typeof name !== "string" || typeof module !== "string") throw source.damaged("a name is not a text");
        return this.#push(global.call(this.#hooks, module, name));
      }
      case 0x82: // EXT1, EXT2, EXT4: names by numbers that a program agreed on with itself
      case 0x83:
      case 0x84:
        return this.#push(global.call(this.#hooks, "extension", String(source.integer(1 << (code - 0x82)))));
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const parameters = this.#pop();
        return this.#call(this.#pop(), parameters);
      }
      case 0x92: {
        // NEWOBJ_EX: with arguments by name, which nothing here takes
        this.#pop();
        const parameters = this.#pop();
        return this.#call(this.#pop(), parameters);
      }
      case 0x69: {
        // INST
        const target = this.#global();
        return this.#call(target, this.#toMark());
      }
      case 0x6f: {
        // OBJ
        const [target, ...parameters] = this.#toMark();
        if (target === undefined) throw source.damaged("an object has no class");
        return this.#push(call.call(this.#hooks, target, parameters));
      }
      case 0x62: {
        // BUILD: attributes of a dictionary (PyTorch notes versions there) are not needed
        const state = this.#pop();
        const object = this.#top();
        if (object instanceof PickleObject) this.#hooks.build?.(object, state);
        else if (!(object instanceof Map)) throw source.damaged("attributes are set on something that has none");
        return true;
      }
      case 0x51: // BINPERSID
        return this.#push(persistent.call(this.#hooks, this.#pop()));
      case 0x50: // PERSID
        return this.#push(persistent.call(this.#hooks, source.line()));
      default:
        return false;
    }
  }

  #global(): PickleValue {
    const module = this.#source.line();
    return this.#hooks.global(module, this.#source.line());
  }

  #call(target: PickleValue, parameters: PickleValue): true {
    if (!Array.isArray(parameters)) throw this.#source.damaged("the arguments of a call are not a tuple");
    return this.#push(this.#hooks.call(target, parameters as readonly PickleValue[]));
  }

  #dictionary(): Map<PickleValue, PickleValue> {
    if (++this.#dictionaries > MOST_DICTIONARIES) {
      throw new FileError(`${this.#file}: the pickle holds more than ${MOST_DICTIONARIES} dictionaries`);
    }
    return new Map();
  }

  #push(value: PickleValue): true {
    this.#stack.push(value);
    return true;
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#source.damaged("an instruction takes a value where there is none");
    return value;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #toMark(): PickleValue[] {
    const items = this.#stack;
    const below = this.#below.pop();
    if (below === undefined) throw this.#source.damaged("a list has no beginning");
    this.#stack = below;
    return items;
  }

  #extend(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (list instanceof PickleObject) return; // of a class that is left out
    if (!Array.isArray(list)) throw this.#source.damaged("items are added to something that is no list");
    for (const item of items) (list as PickleValue[]).push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const map = this.#top();
    if (items.length % 2 !== 0) throw this.#source.damaged("an entry has no value");
    if (map instanceof PickleObject) {
      this.#hooks.setItems?.(map, items);
      return;
    }
    if (!(map instanceof Map)) throw this.#source.damaged("entries are set on something that is no dictionary");
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  #keep(index: number): true {
    this.#memo.set(index, this.#top());
    return true;
  }

  #recall(index: number): true {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#source.damaged(`it refers to value ${index}, which there is not`);
    return this.#push(value);
  }
}
