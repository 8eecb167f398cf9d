"""How much a first training step takes in PyTorch: the growth of the resident size from before the network is made, and the most; of
training also the most by the second step, which finds the momentum that the first one leaves behind."""
import json
import sys

import torch
import torch.nn.functional as F

from torch_models import MODELS

torch.set_num_threads(2)


def resident(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(name))


row = json.loads(sys.argv[1])
before = resident("VmRSS")
model = MODELS[row["network"]](**row.get("options", {})).to(memory_format=torch.channels_last)
images = torch.randn(row["batch"], *row["input"]).contiguous(memory_format=torch.channels_last)
labels = torch.arange(row["batch"]) % 7


def step():
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()


if row["what"] == "train":
    optimizer = torch.optim.SGD(model.train().parameters(), lr=1e-3, momentum=0.9)
    step()
else:
    with torch.inference_mode():
        model.eval()(images)
found = {"growth": resident("VmRSS") - before, "peak": resident("VmHWM") - before}
if row["what"] == "train":
    step()
    found["second"] = resident("VmHWM") - before
print(json.dumps(found))
