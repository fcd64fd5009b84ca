#!/usr/bin/python3
"""Logits of residual networks in inference, as PyTorch computes them in double precision.

Run without arguments; writes nn_frozen.bin beside this file, in the format of nn_records.py. Parameters and images are
no part of it: both sides make them by one rule, `numbers`, so that running statistics far from 0 and 1 cost no space.
"""
import numpy as np
import torch
import torch.nn.functional as F

from nn_records import Writer

torch.set_num_threads(1)
ROWS, SHAPE = 5, (8, 6, 3)


def uniform(name, count):
    """Numbers in [0, 1) that depend on the name and the place; exact in 32 bits of a double."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (np.uint64(seed) + np.arange(count, dtype=np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)
    for _ in range(2):
        x = (x ^ (x >> np.uint64(16))) * np.uint64(0x45d9f3b) % np.uint64(2**32)
    return (x ^ (x >> np.uint64(16))).astype(np.float64) / 2**32


def numbers(name, shape):
    u, fan_in = uniform(name, int(np.prod(shape))), int(np.prod(shape[1:]))
    if name.endswith("running_var"):
        values = 0.25 + 4 * u
    elif name.endswith("running_mean"):
        values = 4 * u - 2
    elif len(shape) == 1 and name.endswith("weight"):
        values = 0.5 + u
    elif len(shape) == 1:
        values = u - 0.5
    else:
        values = (2 * u - 1) * np.sqrt(6 / fan_in)
    return torch.from_numpy(values.astype(np.float32).astype(np.float64).reshape(shape))


def convolve(x, conv, norm, outputs, kernel, stride):
    x = F.conv2d(x, numbers(conv + ".weight", (outputs, x.shape[1], kernel, kernel)), stride=stride, padding=kernel // 2)
    state = [numbers(f"{norm}.{what}", (outputs,)) for what in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *state, training=False, eps=1e-5)


def block(x, name, outputs, stride, project):
    y = F.relu(convolve(x, f"{name}.conv1", f"{name}.bn1", outputs, 3, stride))
    y = convolve(y, f"{name}.conv2", f"{name}.bn2", outputs, 3, 1)
    if stride > 1 and project:
        x = convolve(x, f"{name}.shortcut.0", f"{name}.shortcut.1", outputs, 1, stride)
    elif stride > 1:
        zeros = (outputs - x.shape[1]) // 2
        x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, zeros, zeros))
    return F.relu(y + x)


def resnet8(x, project):
    x = F.relu(convolve(x, "conv1", "bn1", 16, 3, 1))
    for stage, outputs in enumerate((16, 32, 64)):
        x = block(x, f"layer{stage + 1}.0", outputs, 2 if stage else 1, project)
    return F.linear(x.mean((2, 3)), numbers("linear.weight", (10, 64)), numbers("linear.bias", (10,)))


images = numbers("images", (ROWS * int(np.prod(SHAPE)),)).reshape(ROWS, *SHAPE).permute(0, 3, 1, 2)
out = Writer("nn_frozen.bin")
out.add("resnet8-pad/logits", resnet8(images, False))
out.add("resnet8-project/logits", resnet8(images, True))
