/** Why something failed, for a sentence. */

/** The first line of what was thrown. */
export function reasonOf(cause: unknown): string {
  // an Error of another realm is no instance of this one's
  const { message, name } = (typeof cause === "object" && cause !== null ? cause : {}) as Partial<Error>;
  return String(message || name || cause).split("\n", 1)[0]!;
}
