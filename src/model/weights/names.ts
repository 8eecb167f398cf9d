/** Names of a network's tensors and of a file's. */

/**
 * The network's names by the file's, whole or up to a dot (`{ "stem.": "conv1." }`); or the network's name of a tensor,
 * undefined where it has none. An empty name says where the network lies, `{ "student.": "" }`: what lies elsewhere is
 * passed over.
 */
export type Names = Readonly<Record<string, string>> | ((name: string) => string | undefined);
