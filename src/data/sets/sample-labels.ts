/**
 * Pictures with their labels beside them, as WebDataset has them: `KEY.jpg` and `KEY.cls`, which holds the label in
 * digits.
 */
import { DataError } from "../../base/errors.js";
import type { FileTree, FoundFile } from "../sources/file-tree.js";

/** No label has more digits, or white space around it. */
const LABEL_BYTES = 64;

export interface Sample {
  readonly file: FoundFile;
  readonly label: number;
}

/**
 * One picture a sample: the one that is called `KEY.EXTENSION`, or the only one; `left` are the others, such as masks
 * `KEY.mask.png`.
 * @throws DataError where a picture has no label, or it is not clear which one is the sample's.
 */
export async function readLabels(
  tree: FileTree,
  pictures: readonly FoundFile[],
  labelFiles: readonly FoundFile[],
): Promise<{ readonly samples: readonly Sample[]; readonly left: readonly FoundFile[] }> {
  const labels = new Map(labelFiles.map((file) => [keyOf(file), file]));
  const byKey = new Map<string, FoundFile[]>();
  for (const file of pictures) {
    const key = keyOf(file);
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [file]);
    else same.push(file);
  }
  const samples: Sample[] = [];
  const left: FoundFile[] = [];
  for (const [key, files] of byKey) {
    const file = pictureOf(files);
    const cls = labels.get(key);
    if (cls === undefined) {
      throw new DataError(`${file.name}: has no label: there is no ${stemOf(file.path)}.cls`);
    }
    samples.push({ file, label: labelFrom(await tree.read(cls, LABEL_BYTES), cls.name) });
    for (const other of files) if (other !== file) left.push(other);
  }
  return { samples, left };
}

function pictureOf(files: readonly FoundFile[]): FoundFile {
  if (files.length === 1) return files[0]!;
  const plain = files.filter(({ path }) => path.indexOf(".", stemOf(path).length + 1) < 0);
  if (plain.length === 1) return plain[0]!;
  const names = files.map(({ path }) => path.slice(path.lastIndexOf("/") + 1)).join(", ");
  throw new DataError(
    `${files[0]!.name}: its sample has ${files.length} pictures (${names}), and none or several are called KEY.EXTENSION; keep one of them`,
  );
}

/** Keys tell samples of one archive apart. */
const keyOf = ({ path, place }: FoundFile): string =>
  place.offset === undefined ? stemOf(path) : `${place.path}\0${stemOf(path)}`;

/** All up to the first dot of the file's own name. */
function stemOf(path: string): string {
  const dot = path.indexOf(".", path.lastIndexOf("/") + 1);
  return dot < 0 ? path : path.slice(0, dot);
}

function labelFrom(bytes: Uint8Array, name: string): number {
  const text = new TextDecoder().decode(bytes).trim();
  if (!/^\d{1,9}$/.test(text)) throw new DataError(`${name}: is "${text.slice(0, 20)}"; expected a label in digits`);
  return Number(text);
}
