/** CIFAR-10 and CIFAR-100 from a folder of the original binary files (formats/cifar.ts). */
import { join } from "node:path";
import { DataError, FileError } from "../../base/errors.js";
import { CIFAR_SIDE, type CifarLabels, parseCifar } from "../../formats/cifar.js";
import { exists } from "../../host/exists-node.js";
import { readWholeFile } from "../../host/read-node.js";
import type { Dataset, DatasetSplits } from "../sets/dataset.js";
import { CIFAR_SCALING, CIFAR10_CLASSES } from "../sets/known.js";
import { readClassNames } from "./class-names-node.js";

export const CIFAR_NAMES = ["cifar10", "cifar100", "cifar100-coarse"] as const;
export type CifarName = (typeof CIFAR_NAMES)[number];

const FILES: Readonly<Record<CifarName, CifarLabels & { train: readonly string[]; test: string; names: string }>> = {
  cifar10: {
    ...{ bytes: 1, at: 0, classes: 10, test: "test_batch.bin", names: "batches.meta.txt" },
    train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`),
  },
  cifar100: { bytes: 2, at: 1, classes: 100, train: ["train.bin"], test: "test.bin", names: "fine_label_names.txt" },
  "cifar100-coarse": {
    ...{ bytes: 2, at: 0, classes: 20, test: "test.bin", names: "coarse_label_names.txt" },
    train: ["train.bin"],
  },
};

/** Which of them the names of a folder's files are of. */
export function cifarOf(files: readonly string[]): CifarName | undefined {
  return (["cifar10", "cifar100"] as const).find((name) => files.includes(FILES[name].train[0]!));
}

/** @throws FileError naming every file that is missing, DataError where a label is out of range. */
export async function loadCifar(folder: string, name: CifarName): Promise<DatasetSplits> {
  const kind = FILES[name];
  const wanted = [...kind.train, kind.test];
  const missing: string[] = [];
  for (const file of wanted) if (!(await exists(join(folder, file)))) missing.push(file);
  if (missing.length > 0) {
    throw new FileError(
      `${folder}: ${missing.join(", ")} missing; expected the binary version of ${name}: ${wanted.join(", ")}`,
    );
  }
  const given = await readClassNames(folder, [kind.names]);
  const numbered = Array.from({ length: kind.classes }, (_, label) => String(label));
  const classes = given ?? (name === "cifar10" ? CIFAR10_CLASSES : numbered);
  if (classes.length !== kind.classes) {
    throw new DataError(`${join(folder, kind.names)}: names ${classes.length} classes; ${name} has ${kind.classes}`);
  }
  const load = async (files: readonly string[], half: string): Promise<Dataset> => {
    const parts = [];
    for (const file of files) parts.push(parseCifar(await readWholeFile(join(folder, file)), kind, join(folder, file)));
    const labels = joined(parts.map((part) => part.labels));
    const images = joined(parts.map((part) => part.images));
    const scaling = CIFAR_SCALING[name === "cifar10" ? "cifar10" : "cifar100"];
    const shape = [CIFAR_SIDE, CIFAR_SIDE, 3] as const;
    return { name: `${name} ${half}`, length: labels.length, classes, shape, images, labels, ...scaling };
  };
  return { train: await load(kind.train, "train"), test: await load([kind.test], "test") };
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
