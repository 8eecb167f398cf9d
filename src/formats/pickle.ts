/**
 * A reader of Python pickles (protocols 2 to 5) that executes nothing. A pickle is a program for a stack machine, which may
 * call anything that Python can import; this reader knows the instructions that build plain values, and every name that
 * a pickle wants from Python is asked of the caller, who gives a plain function for it or refuses.
 *
 * Tuples and lists are arrays, dictionaries are Maps, large integers bigints.
 */
import { FileError } from "../errors.js";

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
}

/** Stands on the stack where a list of arguments begins. */
class Mark extends PickleObject {}
const MARK = new Mark();

/** @throws FileError, with the offset, on an instruction that is not known and where the pickle is cut short. */
export function readPickle(bytes: Uint8Array, file: string, hooks: PickleHooks): PickleValue {
  return new Machine(bytes, file, hooks).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #hooks: PickleHooks;
  readonly #stack: PickleValue[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array, file: string, hooks: PickleHooks) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.#hooks = hooks;
  }

  run(): PickleValue {
    for (;;) {
      const at = this.#at;
      const code = this.#take(1)[0]!;
      if (code === 0x2e) return this.#pop(); // STOP
      if (!this.#plain(code) && !this.#container(code) && !this.#memory(code) && !this.#named(code)) {
        throw new FileError(
          `${this.#file}: pickle instruction 0x${code.toString(16).padStart(2, "0")} at offset ${at} is none that weights are saved with`,
        );
      }
    }
  }

  /** Constants. */
  #plain(code: number): boolean {
    const push = (value: PickleValue) => {
      this.#stack.push(value);
      return true;
    };
    switch (code) {
      case 0x80: // PROTO
        this.#take(1);
        return true;
      case 0x95: // FRAME
        this.#take(8);
        return true;
      case 0x4e: // NONE
        return push(null);
      case 0x88: // NEWTRUE
        return push(true);
      case 0x89: // NEWFALSE
        return push(false);
      case 0x4a: // BININT
        return push(this.#read(4, (at) => this.#view.getInt32(at, true)));
      case 0x4b: // BININT1
        return push(this.#take(1)[0]!);
      case 0x4d: // BININT2
        return push(this.#read(2, (at) => this.#view.getUint16(at, true)));
      case 0x8a: // LONG1
        return push(integer(this.#take(this.#take(1)[0]!)));
      case 0x47: // BINFLOAT
        return push(this.#read(8, (at) => this.#view.getFloat64(at)));
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        return push(this.#text(this.#take(1)[0]!));
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        return push(this.#text(this.#length()));
      case 0x43: // SHORT_BINBYTES
        return push(this.#take(this.#take(1)[0]!));
      case 0x42: // BINBYTES
        return push(this.#take(this.#length()));
      default:
        return false;
    }
  }

  #container(code: number): boolean {
    const stack = this.#stack;
    switch (code) {
      case 0x28: // MARK
        stack.push(MARK);
        return true;
      case 0x7d: // EMPTY_DICT
        stack.push(new Map());
        return true;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        stack.push([]);
        return true;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        stack.push(this.#toMark());
        return true;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const items: PickleValue[] = [];
        for (let i = code - 0x84; i > 0; i--) items.unshift(this.#pop());
        stack.push(items);
        return true;
      }
      case 0x61: // APPEND
        this.#extend([this.#pop()]);
        return true;
      case 0x65: // APPENDS
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
    switch (code) {
      case 0x71: // BINPUT
        this.#memo.set(this.#take(1)[0]!, this.#top());
        return true;
      case 0x72: // LONG_BINPUT
        this.#memo.set(this.#length(), this.#top());
        return true;
      case 0x94: // MEMOIZE
        this.#memo.set(this.#memo.size, this.#top());
        return true;
      case 0x68: // BINGET
        this.#recall(this.#take(1)[0]!);
        return true;
      case 0x6a: // LONG_BINGET
        this.#recall(this.#length());
        return true;
      case 0x30: // POP
        this.#pop();
        return true;
      default:
        return false;
    }
  }

  /** What would run something in Python. */
  #named(code: number): boolean {
    const stack = this.#stack;
    switch (code) {
      case 0x63: {
        // GLOBAL
        const module = this.#line();
        stack.push(this.#hooks.global(module, this.#line()));
        return true;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = this.#pop();
        const module = this.#pop();
        if (typeof name !== "string" || typeof module !== "string") throw this.#damaged("a name is not a text");
        stack.push(this.#hooks.global(module, name));
        return true;
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const parameters = this.#pop();
        const target = this.#pop();
        if (!Array.isArray(parameters)) throw this.#damaged("the arguments of a call are not a tuple");
        stack.push(this.#hooks.call(target, parameters as readonly PickleValue[]));
        return true;
      }
      case 0x62: // BUILD: attributes of a dictionary (PyTorch notes versions there), which weights do not need
        this.#pop();
        if (!(this.#top() instanceof Map)) throw this.#damaged("attributes are set on something that is no dictionary");
        return true;
      case 0x51: // BINPERSID
        stack.push(this.#hooks.persistent(this.#pop()));
        return true;
      default:
        return false;
    }
  }

  #take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw this.#damaged("it is cut short");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  #read<T>(count: number, read: (at: number) => T): T {
    this.#take(count);
    return read(this.#at - count);
  }

  #length(): number {
    return this.#read(4, (at) => this.#view.getUint32(at, true));
  }

  #text(count: number): string {
    return new TextDecoder().decode(this.#take(count));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#damaged("it is cut short");
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw this.#damaged("an instruction takes a value where there is none");
    return value;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #toMark(): PickleValue[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw this.#damaged("a list has no beginning");
    const items = this.#stack.splice(mark);
    items.shift();
    return items;
  }

  #extend(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#damaged("items are added to something that is no list");
    for (const item of items) (list as PickleValue[]).push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    const map = this.#top();
    if (!(map instanceof Map)) throw this.#damaged("entries are set on something that is no dictionary");
    if (items.length % 2 !== 0) throw this.#damaged("an entry has no value");
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#damaged(`it refers to value ${index}, which there is not`);
    this.#stack.push(value);
  }

  #damaged(why: string): FileError {
    return new FileError(`${this.#file}: the pickle is damaged at offset ${this.#at}: ${why}`);
  }
}

/** Little-endian two's complement, as a number where it is exact. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  if (bytes.length > 0 && bytes.at(-1)! >= 0x80) value -= 1n << BigInt(8 * bytes.length);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
