/** Documents keep to the rules of CONTRIBUTING's "How we write" that a machine can check: openings of sentences, and words with a better one. */
import { describe, expect, it } from "vitest";
import { pages, proseOf, read } from "./markdown.js";

/** A sentence that begins so lacks its subject; a question may. */
const OPENING = /(?<=^|[.:!?] |\n\n|[.!?]\n|- |\| )(?:Of|What|Whether) [^.?|]*[.?|]/g;
/** Words that have a better one in the table of CONTRIBUTING. */
const WORDS =
  /\b(unless (?:it is )?said|every so manieth|so many at a time|melted|nobody reads|is no number|into the order in which kernels)\b/gi;

function faults(markdown: string): string[] {
  // The quotations and the table of CONTRIBUTING show what not to write.
  const prose = proseOf(markdown).replace(/^(> Before:.*|\| in place of[\s\S]*?\n)\n/gm, "");
  const openings = [...prose.matchAll(OPENING)].flatMap(([sentence]) => (sentence.endsWith("?") ? [] : [sentence]));
  return [...openings, ...[...prose.matchAll(WORDS)].map(([word]) => word)];
}

describe("How we write", () => {
  it.each(pages().filter((page) => page !== "CHANGELOG.md"))("%s keeps to it", (page) => {
    expect(faults(read(page))).toEqual([]);
  });

  it("finds sentences without a subject, and words with a better one", () => {
    expect(faults("It works. What is large is loaded.\nOf two, one stays.\n")).toEqual([
      "What is large is loaded.",
      "Of two, one stays.",
    ]);
    expect(faults("- Whether it is there.\n\n5 unless said, and melted into it.\n")).toEqual([
      "Whether it is there.",
      "unless said",
      "melted",
    ]);
    expect(faults("## What it does\n\nWhat is a kernel? It is a loop. `What is code` is passed over.\n")).toEqual([]);
    expect(faults("```js\n// What is code.\n```\n")).toEqual([]);
  });
});
