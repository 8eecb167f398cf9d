"""The networks of the table as PyTorch modules, with the parameter names that fovea has."""
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn


def lenet5(size=28, channels=1, classes=10):
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 6, 5, padding=2 if size == 28 else 0),
            relu1=nn.ReLU(inplace=True),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(6, 16, 5),
            relu2=nn.ReLU(inplace=True),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(400, 120),
            relu3=nn.ReLU(inplace=True),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(inplace=True),
            fc3=nn.Linear(84, classes),
        )
    )


class Classifier(nn.Module):
    """features, the mean over a grid, and a classifier, as torchvision's AlexNet and VGG are."""

    def __init__(self, features, grid, classifier):
        super().__init__()
        self.features = nn.Sequential(*features)
        self.avgpool = nn.AdaptiveAvgPool2d(grid)
        self.classifier = nn.Sequential(*classifier)

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def alexnet(classes=1000, dropout=0.5):
    relu = lambda: nn.ReLU(inplace=True)
    features = [
        nn.Conv2d(3, 64, 11, 4, 2), relu(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), relu(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), relu(),
        nn.Conv2d(384, 256, 3, padding=1), relu(),
        nn.Conv2d(256, 256, 3, padding=1), relu(), nn.MaxPool2d(3, 2),
    ]
    classifier = [
        nn.Dropout(dropout), nn.Linear(9216, 4096), relu(),
        nn.Dropout(dropout), nn.Linear(4096, 4096), relu(), nn.Linear(4096, classes),
    ]
    return Classifier(features, 6, classifier)


def vgg16(classes=1000, dropout=0.5):
    relu = lambda: nn.ReLU(inplace=True)
    features, channels = [], 3
    for out, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            features += [nn.Conv2d(channels, out, 3, padding=1), relu()]
            channels = out
        features.append(nn.MaxPool2d(2))
    classifier = [
        nn.Linear(25088, 4096), relu(), nn.Dropout(dropout),
        nn.Linear(4096, 4096), relu(), nn.Dropout(dropout), nn.Linear(4096, classes),
    ]
    return Classifier(features, 7, classifier)


def convolution(inputs, out, kernel, stride=1):
    return nn.Conv2d(inputs, out, kernel, stride, (kernel - 1) // 2, bias=False)


class Block(nn.Module):
    """A residual block; `sizes` are the kernels of its convolutions, the stride is on the first 3x3."""

    def __init__(self, inputs, width, stride, bottleneck, projection):
        super().__init__()
        kernels = (1, 3, 1) if bottleneck else (3, 3)
        widths = (width, width, 4 * width) if bottleneck else (width, width)
        strides = (1, stride, 1) if bottleneck else (stride, 1)
        self.count = len(kernels)
        for i, (kernel, out, step) in enumerate(zip(kernels, widths, strides), 1):
            setattr(self, f"conv{i}", convolution(inputs if i == 1 else widths[i - 2], out, kernel, step))
            setattr(self, f"bn{i}", nn.BatchNorm2d(out))
        self.relu = nn.ReLU(inplace=True)
        self.stride, self.more = stride, widths[-1] - inputs
        differs = stride != 1 or self.more != 0
        if projection and differs:
            self.downsample = nn.Sequential(convolution(inputs, widths[-1], 1, stride), nn.BatchNorm2d(widths[-1]))
        self.pads = differs and not projection

    def shortcut(self, x):
        if self.pads:
            return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return self.downsample(x) if hasattr(self, "downsample") else x

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = self.relu(y)
        return self.relu(y + self.shortcut(x))


def stages(blocks, widths, first, bottleneck, projection):
    inputs, made = first, OrderedDict()
    for n, (count, width) in enumerate(zip(blocks, widths), 1):
        layer = []
        for i in range(count):
            layer.append(Block(inputs, width, 2 if i == 0 and n > 1 else 1, bottleneck, projection))
            inputs = 4 * width if bottleneck else width
        made[f"layer{n}"] = nn.Sequential(*layer)
    return made, inputs


def resnet(blocks, bottleneck):
    def make(classes=1000):
        made, channels = stages(blocks, (64, 128, 256, 512), 64, bottleneck, True)
        return nn.Sequential(
            OrderedDict(
                conv1=convolution(3, 64, 7, 2), bn1=nn.BatchNorm2d(64), relu=nn.ReLU(inplace=True),
                maxpool=nn.MaxPool2d(3, 2, 1), **made,
                avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(channels, classes),
            )
        )

    return make


def resnet20(classes=10):
    made, channels = stages((3, 3, 3), (16, 32, 64), 16, False, False)
    return nn.Sequential(
        OrderedDict(
            conv1=convolution(3, 16, 3), bn1=nn.BatchNorm2d(16), relu=nn.ReLU(inplace=True), **made,
            avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), linear=nn.Linear(channels, classes),
        )
    )


class PositionBias(nn.Module):
    """[N, 1, H, W] becomes a number a point, each with a bias of its own."""

    def __init__(self, points):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(points))

    def forward(self, x):
        return torch.flatten(x, 1) + self.bias


def alphago_policy(filters=192, layers=13, planes=48, size=19):
    """AlphaGo's policy network; the softmax over the points is the loss's, as it is of the other networks."""
    made = OrderedDict()
    for i in range(1, layers):
        kernel, inputs = (5, planes) if i == 1 else (3, filters)
        made[f"conv{i}"] = nn.Conv2d(inputs, filters, kernel, padding=kernel // 2)
        made[f"relu{i}"] = nn.ReLU(inplace=True)
    made[f"conv{layers}"] = nn.Conv2d(filters, 1, 1, bias=False)
    made["position"] = PositionBias(size * size)
    return nn.Sequential(made)


MODELS = {
    "alphago-policy": alphago_policy,
    "lenet5": lenet5,
    "alexnet": alexnet,
    "vgg16": vgg16,
    "resnet18": resnet((2, 2, 2, 2), False),
    "resnet50": resnet((3, 4, 6, 3), True),
    "resnet152": resnet((3, 8, 36, 3), True),
    "resnet20": resnet20,
}
