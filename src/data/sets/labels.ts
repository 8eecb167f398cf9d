/** Labels as a loader writes them and a program reads them. */

export type Labels = Int32Array | Uint8Array | Float32Array;
