/** Short texts that users should see: on the console, or where they say. */

/** Takes a note. It may be asynchronous: whoever calls it waits for it, and fails by what it throws. */
export type Note = (text: string) => void;

/** Passes each text on once. */
export function eachOnce(note: Note): Note {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    said.add(text);
    return note(text);
  };
}

/** Warns on the console, each text once a process. */
export const noteOnce: Note = eachOnce((text) => console.warn(text));
