/** What of @sabaki/sgf the tests use; the package brings no types. */
declare module "@sabaki/sgf" {
  interface Node {
    readonly data: Record<string, readonly string[]>;
    readonly children: readonly Node[];
  }
  const sgf: {
    /** Every game of a text. Throws where it comes upon what is not SGF. */
    parse(contents: string): Node[];
  };
  export default sgf;
}
