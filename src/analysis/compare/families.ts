/** How networks are told apart in figures: a colour a family, and a dash and a sign a member, for eyes and print without colours. */
import { type Paint, paint } from "../figures/palette.js";

/** The networks that Canziani, Paszke and Culurciello (2017) compare, as far as the zoo has them; ResNet-18 to 152, Inception and VGG as there. */
export const CANZIANI: readonly string[] = [
  "alexnet",
  "bn-alexnet",
  "nin",
  "bn-nin",
  "enet",
  "googlenet",
  "vgg16",
  "vgg19",
  "resnet18",
  "resnet34",
  "resnet50",
  "resnet101",
  "resnet152",
  "inception_v3",
  "inception_v4",
];

interface Family {
  readonly name: string;
  readonly belongs: RegExp;
  readonly paint: Paint;
}

/** The first that fits. */
const FAMILIES: readonly Family[] = [
  { name: "AlexNet", belongs: /^(bn-)?alexnet/, paint: "family2" },
  { name: "VGG with batch norm", belongs: /^vgg.*_bn$/, paint: "family4" },
  { name: "VGG", belongs: /^vgg/, paint: "family1" },
  { name: "ResNet", belongs: /^(resnet|resnext|wide_resnet)/, paint: "family3" },
  { name: "SqueezeNet", belongs: /^squeezenet/, paint: "family5" },
  { name: "Inception", belongs: /^(googlenet|inception)/, paint: "family5" },
  { name: "DenseNet", belongs: /^densenet/, paint: "family6" },
  { name: "others", belongs: /./, paint: "family6" },
];

export const familyOf = (network: string): Family => FAMILIES.find(({ belongs }) => belongs.test(network))!;

export const colourOf = (network: string): string => paint(familyOf(network).paint);

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4"];

/** Of the members of a family that are drawn together, each its own. */
export function dashOf(network: string, drawn: readonly string[]): string {
  const family = familyOf(network);
  const members = drawn.filter((name) => familyOf(name) === family);
  // Lines of networks with and without batch normalisation nearly lie on each other.
  const first = family.name === "VGG with batch norm" ? 1 : 0;
  return DASHES[(members.indexOf(network) + first) % DASHES.length]!;
}
