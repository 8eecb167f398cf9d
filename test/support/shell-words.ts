/** A command line as its words: blanks part them, quotes hold them together. No other sign of a shell is known. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "");
}

export interface Example {
  readonly command: string;
  /** What it prints. */
  readonly expected: string;
}

/** The commands of a document's `console` blocks, with what is printed below each. */
export function examplesOf(markdown: string): Example[] {
  return [...markdown.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
    block!
      .split(/^(?=\$ )/m)
      .filter((part) => part.startsWith("$ "))
      .map((part) => {
        const [command, ...lines] = part.slice(2).split("\n");
        return { command: command!, expected: lines.join("\n").trimEnd() };
      }),
  );
}
