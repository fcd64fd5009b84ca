"""Golden records of the network tests: what the scripts nn_*_goldens.py share.

A file holds records: a line "name type count", then `count` little-endian numbers, type f4. Images are written NHWC, as
Lyceum keeps them; parameters as PyTorch keeps them.
"""
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent


class Writer:
    def __init__(self, name):
        self.file = open(HERE / name, "wb")

    def add(self, name, values):
        if isinstance(values, torch.Tensor):
            values = values.detach().numpy()
        values = np.ascontiguousarray(np.asarray(values, dtype="<f4")).reshape(-1)
        self.file.write(f"{name} f4 {values.size}\n".encode() + values.tobytes())


def nhwc(x):
    return x.permute(0, 2, 3, 1) if x.dim() == 4 else x


def record(out, name, spec, y, inputs, params, more={}):
    """Writes forward and backward of y, a function of inputs and params, and what else there is."""
    for field, values in more.items():
        out.add(f"{name}/{field}", values)
    gradient = torch.randn_like(y)
    y.backward(gradient)
    out.add(f"{name}/spec", spec)
    out.add(f"{name}/y", nhwc(y))
    out.add(f"{name}/dy", nhwc(gradient))
    for i, x in enumerate(inputs):
        out.add(f"{name}/x{i}", nhwc(x))
        if x.grad is not None:
            out.add(f"{name}/dx{i}", nhwc(x.grad))
    for i, p in enumerate(params):
        out.add(f"{name}/p{i}", p)
        if p.grad is not None:
            out.add(f"{name}/dp{i}", p.grad)


def leaf(*shape):
    return torch.randn(*shape).requires_grad_()
