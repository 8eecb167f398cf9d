/** Short texts that users should see: on the console, or where they say. */

/** Passes each text on once. */
export function eachOnce(note: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    said.add(text);
    note(text);
  };
}

/** Warns on the console, each text once a process. */
export const noteOnce = eachOnce((text) => console.warn(text));
