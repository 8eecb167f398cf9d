/** The name maps of each network of the zoo whose published files spell names in more than one way. */
import type { NameMap } from "./name-map.js";
import { caffe as squeezenetCaffe } from "./squeezenet1_1.js";

export type { FileTensor, NameMap } from "./name-map.js";

const maps: Readonly<Record<string, readonly NameMap[]>> = {
  squeezenet1_1: [squeezenetCaffe],
};

/** Besides the network's own names, which are torchvision's. */
export function nameMapsOf(network: string): readonly NameMap[] {
  return Object.hasOwn(maps, network) ? maps[network]! : [];
}
