/**
 * Text of others (file names, class names, metadata, messages of libraries) made harmless where people read it. A
 * control character can move a terminal's cursor, change its title or fake a line of output, and a document that holds
 * one is no XML; a mark of direction can show letters in another order. Each is shown as its code instead: `\x1b`,
 * `\u202e`.
 */

// Control characters, marks of direction, separators of lines, and what XML and UTF-8 cannot hold.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** For text of several lines: line ends and tabs stay. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => (character === "\n" || character === "\t" ? character : code(character)));
}

/** For a name, or a message: all on one line. */
export function onOneLine(text: string): string {
  return text.replace(UNSAFE, code);
}

/** JSON that is as harmless; it reads back to the same value. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) => `\\u${hex(character, 4)}`);
}

function code(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return character.charCodeAt(0) < 256 ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
}

const hex = (character: string, digits: number) => character.charCodeAt(0).toString(16).padStart(digits, "0");
