/** The networks that come with fovea, in the order in which they are listed. */

import { alphago } from "./alphago.js";
import { alexnets } from "./classification/alexnet.js";
import { alexnet2012 } from "./classification/alexnet-2012.js";
import { convnexts } from "./classification/convnext.js";
import { densenets } from "./classification/densenet.js";
import { efficientnets } from "./classification/efficientnet.js";
import { enet } from "./classification/enet.js";
import { fastCifar } from "./classification/fast-cifar.js";
import { googlenet } from "./classification/googlenet.js";
import { inceptionV3 } from "./classification/inception-v3.js";
import { inceptionV4 } from "./classification/inception-v4.js";
import { lenet5 } from "./classification/lenet5.js";
import { lenet51998 } from "./classification/lenet5-1998.js";
import { mlp } from "./classification/mlp.js";
import { mnasnet } from "./classification/mnasnet.js";
import { mobilenetV2 } from "./classification/mobilenet-v2.js";
import { mobilenetV3s } from "./classification/mobilenet-v3.js";
import { nins } from "./classification/nin.js";
import { regnets } from "./classification/regnet.js";
import { resnets } from "./classification/resnet.js";
import { cifarResnets } from "./classification/resnet-cifar.js";
import { shufflenets } from "./classification/shufflenet-v2.js";
import { squeezenets } from "./classification/squeezenet.js";
import { vggs } from "./classification/vgg.js";
import type { ModelDefinition } from "./definition.js";
import { deeplabs } from "./segmentation/deeplabv3.js";
import { farabetMultiscale } from "./segmentation/farabet-multiscale.js";
import { fcn8s } from "./segmentation/fcn8s.js";
import { lraspp } from "./segmentation/lraspp.js";
import { pinheiroRcnn } from "./segmentation/pinheiro-rcnn.js";
import { unet } from "./segmentation/unet.js";

export const ZOO: readonly ModelDefinition[] = [
  mlp,
  lenet5,
  lenet51998,
  ...alexnets,
  alexnet2012,
  ...vggs,
  ...resnets,
  ...cifarResnets,
  ...squeezenets,
  ...nins,
  enet,
  googlenet,
  inceptionV3,
  inceptionV4,
  ...densenets,
  mobilenetV2,
  ...mobilenetV3s,
  mnasnet,
  ...shufflenets,
  ...regnets,
  ...efficientnets,
  ...convnexts,
  fastCifar,
  alphago,
  unet,
  ...fcn8s,
  ...deeplabs,
  lraspp,
  farabetMultiscale,
  pinheiroRcnn,
];
