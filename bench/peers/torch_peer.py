"""PyTorch (1.13 or 2.x) as one of the systems that are measured: requests and answers as lines of JSON, see ../serve.mjs.

Every form that may be the fastest is a mode of its own: contiguous (NCHW) and channels-last (NHWC), and for inference
also traced and frozen ("jit"). Training uses the fused SGD where there is one. The batch is a tensor already.
"""
import ctypes
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")
import torch
import torch.nn.functional as F

from torch_models import MODELS

THREADS = 2
CHECKED_STEPS = 4
TIMED_RATE, MOMENTUM = 1e-9, 0.9
FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


def read(folder):
    with open(os.path.join(folder, "manifest.json")) as f:
        manifest = json.load(f)
    tensors = {}
    for t in manifest["tensors"]:
        with open(os.path.join(folder, t["file"]), "rb") as f:
            data = torch.frombuffer(bytearray(f.read()), dtype=torch.int32 if t["dtype"] == "i32" else torch.float32)
        tensors[t["name"]] = data.reshape(t["shape"])
    return tensors


def image(tensor, layout):
    """NHWC numbers as PyTorch's [N, C, H, W] in a memory format."""
    return tensor.permute(0, 3, 1, 2).clone().contiguous(memory_format=FORMATS[layout])


def network(workload, tensors, layout):
    model = MODELS[workload["network"]](**workload.get("options", {}))
    state = model.state_dict()
    prefix = "parameter "
    given = {name[len(prefix):]: data for name, data in tensors.items() if name.startswith(prefix)}
    for name, data in given.items():
        if state[name].shape != data.shape:
            raise ValueError(f"{name}: fovea has {list(data.shape)}, PyTorch {list(state[name].shape)}")
    model.load_state_dict(given, strict=False)
    return model.to(memory_format=FORMATS[layout])


class Training:
    def __init__(self, workload, tensors, layout):
        self.make = lambda: network(workload, tensors, layout).train()
        self.input = image(tensors["input"], layout)
        self.labels = tensors["labels"].long()
        self.check_rate = workload["checkRate"]
        self.reset(TIMED_RATE)

    def reset(self, rate):
        self.model = self.make()
        parameters = list(self.model.parameters())
        try:
            self.optimizer = torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM, fused=True)
        except (TypeError, RuntimeError):
            self.optimizer = torch.optim.SGD(parameters, lr=rate, momentum=MOMENTUM)

    def __call__(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(self.model(self.input), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss

    def check(self):
        self.reset(self.check_rate)
        losses = torch.tensor([self().item() for _ in range(CHECKED_STEPS)])
        self.reset(TIMED_RATE)
        return losses


class Inference:
    def __init__(self, workload, tensors, layout, jit):
        self.model = network(workload, tensors, layout).eval()
        self.input = image(tensors["input"], layout)
        if jit:
            with torch.inference_mode(False), torch.no_grad():
                traced = torch.jit.trace(self.model, self.input)
                self.model = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def __call__(self):
        with torch.inference_mode():
            return self.model(self.input)

    def check(self):
        return self()


class Layer:
    def __init__(self, workload, tensors, layout):
        convolution = workload["convolution"]
        self.direction = workload["direction"]
        self.input = image(tensors["input"], layout)
        self.gradient = image(tensors["outputGradient"], layout)
        self.weight = tensors["weight"].clone().contiguous(memory_format=FORMATS[layout])
        self.stride = convolution["stride"]
        self.padding = (convolution["kernel"] - 1) // 2
        self.groups = convolution["groups"]

    def __call__(self):
        with torch.no_grad():
            if self.direction == "forward":
                return F.conv2d(self.input, self.weight, stride=self.stride, padding=self.padding, groups=self.groups)
            wanted = [self.direction == "inputGradient", self.direction == "weightGradient", False]
            two = lambda n: [n, n]
            results = torch.ops.aten.convolution_backward(
                self.gradient, self.input, self.weight, None,
                two(self.stride), two(self.padding), [1, 1], False, [0, 0], self.groups, wanted,
            )
            return results[0] if wanted[0] else results[1]

    def check(self):
        result = self()
        # As fovea has them: images NHWC, weights HWIO.
        return result.permute(2, 3, 1, 0) if self.direction == "weightGradient" else result.permute(0, 2, 3, 1)


prepared = {}


def hello(_):
    torch.set_num_threads(THREADS)
    return {
        "system": "PyTorch " + torch.__version__.split("+")[0].removesuffix("a0"),
        "details": {
            "version": torch.__version__,
            "threads": torch.get_num_threads(),
            "openblasCoretype": os.environ.get("OPENBLAS_CORETYPE"),
            "preload": os.environ.get("LD_PRELOAD"),
        },
    }


def prepare(request):
    workload, tensors = request["workload"], read(request["folder"])
    prepared.clear()
    kind = workload["what"]
    for layout in FORMATS:
        if kind == "train":
            prepared[layout] = Training(workload, tensors, layout)
        elif kind == "layers":
            prepared[layout] = Layer(workload, tensors, layout)
        else:
            for jit in (False, True):
                prepared[layout + (" jit" if jit else "")] = Inference(workload, tensors, layout, jit)
    return {"modes": list(prepared)}


def check(request):
    result = prepared[request["mode"]].check().detach().to(torch.float32).contiguous()
    with open(request["file"], "wb") as f:
        f.write(ctypes.string_at(result.data_ptr(), 4 * result.numel()))  # PyTorch may lack NumPy
    return {}


def run(request):
    call, calls = prepared[request["mode"]], request["calls"]
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return {"ms": (time.perf_counter() - started) * 1000 / calls}


def export(request):
    """Writes the workload's network as an ONNX file, for peers that read those."""
    tensors = read(request["folder"])
    model = network(request["workload"], tensors, "NCHW").eval()
    options = {} if torch.__version__.startswith("1.") else {"dynamo": False}
    axes = {"input": {0: "batch"}, "logits": {0: "batch"}}
    torch.onnx.export(model, image(tensors["input"], "NCHW"), request["file"], input_names=["input"],
                      output_names=["logits"], dynamic_axes=axes, **options)
    return {}


def gemm(_):
    """Milliseconds of the matrix products of a training step, by which the BLAS of this process is judged."""
    a, b, c = torch.randn(128, 400), torch.randn(400, 120), torch.randn(512, 512)
    best = float("inf")
    for _ in range(12):
        started = time.perf_counter()
        for _ in range(10):
            (a @ b, a.t() @ (a @ b), c @ c)
        best = min(best, time.perf_counter() - started)
    return {"ms": best * 100}


HANDLERS = {"hello": hello, "prepare": prepare, "check": check, "run": run, "export": export, "gemm": gemm}

if __name__ == "__main__":
    # What libraries print must not come between the lines.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            request = json.loads(line)
            reply = HANDLERS[request["do"]](request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")
        answers.flush()
