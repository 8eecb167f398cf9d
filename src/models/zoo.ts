/** The networks that come with fovea, in the order in which they are listed. */
import { alexnet } from "./alexnet.js";
import { alexnet2012 } from "./alexnet-2012.js";
import { alphago } from "./alphago.js";
import type { ModelDefinition } from "./definition.js";
import { fastCifar } from "./fast-cifar.js";
import { lenet5 } from "./lenet5.js";
import { lenet51998 } from "./lenet5-1998.js";
import { mlp } from "./mlp.js";
import { resnets } from "./resnet.js";
import { cifarResnets } from "./resnet-cifar.js";
import { farabetMultiscale } from "./segmentation/farabet-multiscale.js";
import { fcn8s } from "./segmentation/fcn8s.js";
import { pinheiroRcnn } from "./segmentation/pinheiro-rcnn.js";
import { unet } from "./segmentation/unet.js";
import { squeezenet } from "./squeezenet.js";
import { vggs } from "./vgg.js";

export const ZOO: readonly ModelDefinition[] = [
  mlp,
  lenet5,
  lenet51998,
  alexnet,
  alexnet2012,
  ...vggs,
  ...resnets,
  ...cifarResnets,
  squeezenet,
  fastCifar,
  alphago,
  unet,
  ...fcn8s,
  farabetMultiscale,
  pinheiroRcnn,
];
