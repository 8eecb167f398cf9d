"""Writes what PyTorch computes for one small network of each convolutional family of timm and torchvision: its graph of ATen ops, its weights, and logits and
gradients of two random pictures, in float64. build.mjs builds each graph in fovea and compares.

Run with a Python that has torch 2.x, torchvision and timm:  python bench/families/export.py FOLDER [FAMILY...]
"""

import json
import pathlib
import re
import sys
import warnings

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchvision.models as vision

warnings.filterwarnings("ignore")
CLASSES = 10
# Of the networks of a family the one with the fewest parameters among the first whose names say that they are small.
SMALL = ["test_", "atto", "femto", "pico", "nano", "xxs", "xx_small", "tiny", "micro", "xs", "_s0", "_b0", "_m0", "_t0", "mini", "lite", "small"]
TORCHVISION = {
    **{"googlenet": "googlenet", "squeezenet": "squeezenet1_1", "mnasnet": "mnasnet0_5", "shufflenetv2": "shufflenet_v2_x0_5"},
    **{"alexnet": "alexnet", "mobilenetv2": "mobilenet_v2", "segmentation.deeplabv3": "deeplabv3_mobilenet_v3_large"},
    **{"segmentation.lraspp": "lraspp_mobilenet_v3_large", "segmentation.fcn": "fcn_resnet50"},
}


# timm's modules whose networks are convolutional: without attention, but for that over channels.
CONVOLUTIONAL = """
byobnet convmixer convnext cspnet densenet dla dpn efficientnet fasternet fastvit focalnet ghostnet hardcorenas hgnet hrnet inception_next
inception_resnet_v2 inception_v3 inception_v4 lcnetv2 mambaout metaformer mobilenetv3 nasnet nfnet pnasnet rdnet regnet repghost repvit res2net
resnest resnet resnetv2 rexnet selecsls senet sknet starnet tresnet vgg vovnet xception xception_aligned
""".split()


def smallest(module):
    """Without weights anywhere, by numbers of parameters."""
    names = timm.list_models(module=module)
    few = [n for word in SMALL for n in names if word in n][:2] + names[:1]
    best = (float("inf"), names[0])
    for name in dict.fromkeys(few):
        try:
            with torch.device("meta"):
                best = min(best, (sum(p.numel() for p in timm.create_model(name).parameters()), name))
        except Exception:
            continue
    return best[1]


def timm_network(name):
    network = timm.create_model(name, num_classes=CLASSES)
    fixed = network.default_cfg
    return network, fixed["input_size"][1] if fixed.get("fixed_input_size") else 96 if re.search("inception|nasnet|xception", name) else 64


def vision_network(name):
    extras = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    if name in vision.list_models(module=vision.segmentation):
        extras = {"weights_backbone": None}
    return vision.get_model(name, num_classes=CLASSES, **extras), 64


def plain(argument):
    if isinstance(argument, torch.fx.Node):
        return {"node": argument.name}
    if isinstance(argument, (list, tuple)):
        return [plain(a) for a in argument]
    return argument if isinstance(argument, (int, float, bool, str, type(None))) else str(argument)


def calibrate(network, x):
    """Takes the statistics of the pictures for the running ones: untrained networks vanish else on their way to the logits."""
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(torch.cat([x, torch.randn_like(x), torch.randn_like(x)]))


def export(folder, family, name, network, size):
    torch.manual_seed(1)
    x = torch.randn(2, 3, size, size)
    calibrate(network, x)
    network.eval()
    program = torch.export.export(network, (x,))
    names = {
        **program.graph_signature.inputs_to_parameters,
        **program.graph_signature.inputs_to_buffers,
        **program.graph_signature.inputs_to_lifted_tensor_constants,
    }
    nodes = []
    for node in program.graph.nodes:
        value = node.meta.get("val")
        shape = list(value.shape) if torch.is_tensor(value) else None
        named = list(node.target._schema.arguments) if hasattr(node.target, "_schema") else []
        arguments = {a.name: plain(v) for a, v in zip(named, node.args)} if named else {str(i): plain(v) for i, v in enumerate(node.args)}
        arguments.update({k: plain(v) for k, v in node.kwargs.items()})
        nodes.append({"name": node.name, "op": node.op, "target": str(node.target), "arguments": arguments, "shape": shape, "holds": names.get(node.name)})
    network.double()
    outputs = network(x.double())
    logits = outputs["out"] if isinstance(outputs, dict) else outputs
    constants = {**dict(network.named_buffers()), **program.constants, **dict(network.named_parameters())}
    loss = (logits * torch.linspace(-1, 1, logits.numel(), dtype=logits.dtype).reshape(logits.shape)).sum()
    loss.backward()
    parameters = dict(network.named_parameters())
    tensors, data = [], []
    held = sorted({n for n in names.values() if n in constants})
    groups = {"state": {n: constants[n] for n in held}, "gradient": {n: p.grad for n, p in parameters.items() if n in held and p.grad is not None}}
    for kind, group in {**groups, "picture": {"x": x}, "logits": {"logits": logits}}.items():
        for n, t in group.items():
            numbers = t.detach().float().contiguous().numpy().ravel()
            tensors.append({"kind": kind, "name": n, "shape": list(t.shape), "trained": n in parameters, "count": int(numbers.size)})
            data.append(numbers)
    description = {"family": family, "network": name, "nodes": nodes, "tensors": tensors}
    (pathlib.Path(folder) / f"{family}.json").write_text(json.dumps(description))
    np.concatenate(data).tofile(pathlib.Path(folder) / f"{family}.f32")


if __name__ == "__main__":
    folder, asked = sys.argv[1], sys.argv[2:]
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    families = {f"torchvision.{f}": (n, vision_network) for f, n in TORCHVISION.items()}
    families.update({f"timm.{m}": (m, timm_network) for m in CONVOLUTIONAL})
    for family, (name, make) in families.items():
        if asked and family not in asked:
            continue
        try:
            name = smallest(name) if make is timm_network else name
            export(folder, family, name, *make(name))
            print(family, name, flush=True)
        except Exception as error:
            note = f"{type(error).__name__}: {str(error).splitlines()[0][:100] if str(error) else ''}"
            (pathlib.Path(folder) / f"{family}.json").write_text(json.dumps({"family": family, "network": name, "error": note}))
            print(family, name, "NOT EXPORTED", note, flush=True)
