/**
 * Published accuracies of the zoo's networks, with where they are published. All are of one network and one view of
 * each picture unless the note says otherwise.
 */

/** An accuracy that its authors published. */
export interface PublishedAccuracy {
  /** Right first answers of 100. */
  readonly top1: number;
  /** The data set that it was measured on. */
  readonly data: string;
  /** Where it is published. */
  readonly source: string;
  /** A caution. */
  readonly note?: string;
}

const TORCHVISION = "torchvision's weight documentation, IMAGENET1K_V1";
const HE = "He, Zhang, Ren, Sun 2015, table 6";
const LECUN = "LeCun, Bottou, Bengio, Haffner 1998, figure 9";

const imageNet = (top1: number): PublishedAccuracy => ({ top1, data: "ImageNet", source: TORCHVISION });
const cifar = (error: number): PublishedAccuracy => ({ top1: rounded(100 - error), data: "CIFAR-10", source: HE });

const rounded = (value: number) => Number(value.toFixed(3));

const PUBLISHED: Readonly<Record<string, PublishedAccuracy>> = {
  alexnet: imageNet(56.522),
  vgg11: imageNet(69.02),
  vgg13: imageNet(69.928),
  vgg16: imageNet(71.592),
  vgg19: imageNet(72.376),
  vgg11_bn: imageNet(70.37),
  vgg13_bn: imageNet(71.586),
  vgg16_bn: imageNet(73.36),
  vgg19_bn: imageNet(74.218),
  resnet18: imageNet(69.758),
  resnet34: imageNet(73.314),
  resnet50: imageNet(76.13),
  resnet101: imageNet(77.374),
  resnet152: imageNet(78.312),
  resnext50_32x4d: imageNet(77.618),
  resnext101_32x8d: imageNet(79.312),
  wide_resnet50_2: imageNet(78.468),
  wide_resnet101_2: imageNet(78.848),
  squeezenet1_0: imageNet(58.092),
  squeezenet1_1: imageNet(58.178),
  nin: { top1: 59.36, data: "ImageNet", source: "Lin, Chen, Yan: nin_imagenet in Caffe's model zoo" },
  googlenet: imageNet(69.778),
  inception_v3: imageNet(77.294),
  inception_v4: {
    top1: 80,
    data: "ImageNet",
    source: "Szegedy, Ioffe, Vanhoucke, Alemi 2016, table 2",
  },
  densenet121: imageNet(74.434),
  densenet161: imageNet(77.138),
  densenet169: imageNet(75.6),
  densenet201: imageNet(76.896),
  mobilenet_v2: imageNet(71.878),
  mobilenet_v3_large: imageNet(74.042),
  mobilenet_v3_small: imageNet(67.668),
  mnasnet1_0: imageNet(73.456),
  shufflenet_v2_x0_5: imageNet(60.552),
  shufflenet_v2_x1_0: imageNet(69.362),
  shufflenet_v2_x1_5: imageNet(72.996),
  shufflenet_v2_x2_0: imageNet(76.23),
  regnet_x_400mf: imageNet(72.834),
  regnet_y_400mf: imageNet(74.046),
  regnet_y_800mf: imageNet(76.42),
  regnet_y_1_6gf: imageNet(77.95),
  efficientnet_b0: imageNet(77.692),
  efficientnet_b1: imageNet(78.642),
  efficientnet_b2: imageNet(80.608),
  efficientnet_b3: imageNet(82.008),
  efficientnet_b4: imageNet(83.384),
  efficientnet_v2_s: imageNet(84.228),
  convnext_tiny: imageNet(82.52),
  convnext_small: imageNet(83.616),
  convnext_base: imageNet(84.062),
  "alexnet-2012": {
    top1: rounded(100 - 40.7),
    data: "ImageNet",
    source: "Krizhevsky, Sutskever, Hinton 2012, table 2",
    note: "the mean over ten views of each picture",
  },
  resnet20: cifar(8.75),
  resnet32: cifar(7.51),
  resnet44: cifar(7.17),
  resnet56: cifar(6.97),
  resnet110: cifar(6.43),
  "lenet5-1998": {
    top1: rounded(100 - 0.95),
    data: "MNIST",
    source: `${LECUN}, "LeNet-5"`,
    note: "without distortions",
  },
  "alphago-policy": { top1: 55.4, data: "KGS positions", source: "Silver et al. 2016, extended data table 3" },
  // Figure 9: 3.05 without and 2.50 with distorted training digits; the network of one hidden layer, 28x28-300-10, 4.7.
  mlp: {
    top1: rounded(100 - 3.05),
    data: "MNIST",
    source: `${LECUN}, "28x28-300-100-10"`,
    note: "with squashing units in place of ReLU, without distortions",
  },
};

/** Undefined where none is known. */
export function publishedAccuracy(network: string): PublishedAccuracy | undefined {
  return Object.hasOwn(PUBLISHED, network) ? PUBLISHED[network] : undefined;
}
