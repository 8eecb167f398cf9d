/**
 * Check sums of a checkpoint: SHA-256, shortened, of each tensor and of the metadata, so that a bit that a disk or a
 * copy turned is noticed. They tell damage, not forgery: whoever changes a file can change its sums.
 */
import { createHash } from "node:crypto";
import type { TensorData } from "../formats/safetensors/dtypes.js";

type Tensors = Iterable<
  readonly [name: string, tensor: { readonly shape: readonly number[]; readonly data: TensorData }]
>;
type Metadata = Readonly<Record<string, string>>;

interface Sums {
  readonly metadata: string;
  /** By name: the shape that the numbers had, and their sum. */
  readonly tensors: Readonly<Record<string, readonly [shape: string, sum: string]>>;
}

/** The metadata entry that holds the sums, of which it is no part itself. */
export const SUMS = "checksums";

/** For the metadata entry. */
export function checkSums(tensors: Tensors, metadata: Metadata): string {
  const sums: Sums = {
    metadata: metadataSum(metadata),
    tensors: Object.fromEntries(
      Array.from(tensors, ([name, { shape, data }]) => [name, [shape.join("x"), sumOf(bytesOf(data))]]),
    ),
  };
  return JSON.stringify(sums);
}

/**
 * What is not as it was written; undefined where all is, or where `sums` is not what checkSums gives. A tensor of
 * another shape, or one that is missing, was changed by somebody, and is for others to tell.
 */
export function findDamage(sums: unknown, tensors: Tensors, metadata: Metadata): string | undefined {
  const { metadata: expected, tensors: known } = Object(sums) as Partial<Sums>;
  if (typeof expected !== "string" || expected !== metadataSum(metadata)) return "its metadata";
  for (const [name, { shape, data }] of tensors) {
    const [extents, sum] = (Object.hasOwn(Object(known), name) && known?.[name]) || [];
    if (extents === shape.join("x") && sum !== sumOf(bytesOf(data))) return `the numbers of "${name}"`;
  }
  return undefined;
}

function metadataSum(metadata: Metadata): string {
  const entries = Object.entries(metadata).filter(([name]) => name !== SUMS);
  return sumOf(JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
}

const sumOf = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex").slice(0, 32);
const bytesOf = (data: TensorData) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
