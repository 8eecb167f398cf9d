/** Changes to bytes and to texts of JSON: what disks, copies and people with bad intent do to files. */

const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x28, 0x5b, 0x5d, 0x7b, 0x7d, 0x22, 0x5c, 0x2e, 0x0a];
const LENGTHS = [0, 1, 2, 255, 256, 65535, 65536, 2 ** 20, 2 ** 24, 2 ** 30, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** One to four changes; `others` are files of the same kind, to take pieces of. */
export function mutated(random, bytes, others) {
  let changed = bytes;
  const times = 1 + random.below(4);
  for (let i = 0; i < times; i++) changed = random.pick(CHANGES)(random, changed, others);
  return changed;
}

const joined = (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
};

/** A copy with a few bytes set. */
const edited = (bytes, edit) => {
  if (bytes.length === 0) return bytes;
  const copy = bytes.slice();
  edit(copy);
  return copy;
};

/** A place in the head is as likely as one in all the rest, since heads say what the rest is. */
const place = (random, bytes, room = 1) => {
  const most = Math.max(1, bytes.length - room + 1);
  return random.below(random.chance(0.5) ? Math.min(most, 256) : most);
};
const piece = (random, bytes) => {
  const from = place(random, bytes);
  return bytes.subarray(from, from + 1 + random.below(random.chance(0.8) ? 16 : bytes.length - from));
};

const CHANGES = [
  (random, bytes) => edited(bytes, (copy) => (copy[place(random, copy)] ^= 1 << random.below(8))),
  (random, bytes) => edited(bytes, (copy) => (copy[place(random, copy)] = random.pick(BYTES))),
  (random, bytes) => edited(bytes, (copy) => (copy[place(random, copy)] = random.below(256))),
  // A length, little- or big-endian, of two, four or eight bytes.
  (random, bytes) =>
    edited(bytes, (copy) => {
      const size = random.pick([2, 4, 8]);
      if (copy.length < size) return;
      const at = place(random, copy, size);
      const view = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
      const value = random.chance(0.2) ? copy.length + random.below(9) - 4 : random.pick(LENGTHS);
      const little = random.chance(0.5);
      if (size === 2) view.setUint16(at, value, little);
      else if (size === 4) view.setUint32(at, value, little);
      else view.setBigUint64(at, BigInt(value) * BigInt(random.pick([1, 1, 2 ** 20, 2 ** 31])), little);
    }),
  (random, bytes) => bytes.slice(0, random.below(bytes.length + 1)),
  (random, bytes) => bytes.slice(place(random, bytes)),
  (random, bytes) => {
    const from = place(random, bytes);
    return joined(bytes.subarray(0, from), bytes.subarray(from + piece(random, bytes).length));
  },
  // A piece again, or hundreds of times.
  (random, bytes) => {
    const at = place(random, bytes);
    const again = piece(random, bytes);
    const times = random.chance(0.7) ? 1 : 1 + random.below(Math.max(1, Math.min(2000, 60_000 / (again.length + 1))));
    return joined(bytes.subarray(0, at), ...Array.from({ length: times }, () => again), bytes.subarray(at));
  },
  (random, bytes) => {
    const at = place(random, bytes);
    return joined(
      bytes.subarray(0, at),
      Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
      bytes.subarray(at),
    );
  },
  // The beginning of one file and the end of another.
  (random, bytes, others) => {
    const other = random.pick(others);
    return joined(bytes.subarray(0, place(random, bytes)), other.subarray(random.below(other.length + 1)));
  },
  (random, bytes, others) =>
    edited(bytes, (copy) => {
      const from = piece(random, random.pick(others));
      copy.set(from.subarray(0, copy.length), place(random, copy, Math.min(from.length, copy.length)));
    }),
  // Nesting.
  (random, bytes) => {
    const at = place(random, bytes);
    const text = random.pick(["[", "(", "{", '{"a":', "(;", "\x85", "]", "\x28", "}"]);
    const depth = random.chance(0.9) ? 1 + random.below(50) : 20_000;
    const nested = Uint8Array.from(text.repeat(depth), (letter) => letter.charCodeAt(0));
    return joined(bytes.subarray(0, at), nested, bytes.subarray(at));
  },
];

const VALUES = [
  () => null,
  () => true,
  () => -1,
  () => 0,
  () => 1e308,
  () => 2 ** 53,
  () => 2 ** 31,
  () => 0.5,
  () => "",
  () => "__proto__",
  () => "\u001b[31m\u0007",
  () => "x".repeat(5000),
  () => [],
  () => ({}),
  () => new Array(1000).fill(0),
  () => DEEP,
];

/** Stands for lists in lists, which the writer of JSON itself could not go through. */
const DEEP = "lists in lists";
const DEPTH = 20_000;

/** The text of a value that mutatedJson gave. */
export function jsonText(value) {
  const text = JSON.stringify(value) ?? "";
  return text.replaceAll(JSON.stringify(DEEP), `${"[".repeat(DEPTH)}${"]".repeat(DEPTH)}`);
}

/** A value of JSON with some of its parts replaced, taken away, doubled or renamed. */
export function mutatedJson(random, value) {
  let changed = value;
  const times = 1 + random.below(3);
  for (let i = 0; i < times; i++) changed = changedJson(random, changed);
  return changed;
}

function changedJson(random, value) {
  const isList = Array.isArray(value);
  const isObject = typeof value === "object" && value !== null && !isList;
  if ((!isList && !isObject) || random.chance(0.1)) return random.pick(VALUES)();
  const entries = Object.entries(value);
  if (entries.length === 0) return random.pick(VALUES)();
  const at = random.below(entries.length);
  const [key, inner] = entries[at];
  if (random.chance(0.6)) entries[at] = [key, changedJson(random, inner)];
  else if (random.chance(0.4)) entries.splice(at, 1);
  else if (random.chance(0.5))
    entries.push([isList ? key : random.pick([`${key}2`, "__proto__", "constructor", ""]), inner]);
  else entries[at] = [key, random.pick(VALUES)()];
  if (isList) return entries.map(([, item]) => item);
  // Defined, not set: "__proto__" is a name as any other.
  return entries.reduce((made, [name, item]) => {
    Object.defineProperty(made, name, { value: item, enumerable: true, configurable: true, writable: true });
    return made;
  }, {});
}
