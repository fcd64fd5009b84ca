#!/usr/bin/python3
"""What PyTorch computes for the layers of convolutional networks.

Run without arguments; writes nn_layers.bin beside this file, in single precision on the CPU, in the format of
nn_records.py. Every operator starts from a seed of its own, so that a case added to one leaves the others.
"""
import zlib

import torch
import torch.nn as nn
import torch.nn.functional as F

from nn_records import Writer, leaf, nhwc, record

torch.set_num_threads(1)

CONV2D = [  # rows, channels, height, width, outputs, kernel, stride, padding, dilation, groups, bias
    (2, 5, 6, 7, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 0), (1, 5, 9, 9, 4, 3, 3, 1, 1, 2, 2, 2, 2, 1, 1),
    (2, 3, 9, 8, 2, 3, 2, 2, 1, 1, 2, 1, 3, 1, 0), (2, 6, 7, 6, 9, 3, 3, 1, 1, 1, 1, 1, 1, 3, 1),
    (1, 8, 7, 7, 4, 3, 3, 2, 2, 1, 1, 2, 1, 4, 0), (2, 17, 6, 5, 17, 3, 3, 1, 1, 1, 1, 1, 1, 17, 1),
    (1, 6, 9, 9, 6, 5, 3, 2, 2, 2, 1, 1, 2, 6, 0), (2, 4, 5, 5, 8, 3, 3, 1, 2, 1, 0, 1, 1, 4, 1),
]


def conv2d(spec):
    rows, channels, height, width, outputs, *window = spec
    layer = nn.Conv2d(channels, outputs, window[0:2], stride=window[2:4], padding=window[4:6], dilation=window[6:8],
                      groups=window[8], bias=bool(window[9]))
    x = leaf(rows, channels, height, width)
    return layer(x), [x], layer.parameters()


BATCH_NORM = [(5, 3, 4, 6), (6, 19, 3, 3), (2, 32, 5, 4), (16, 1, 1, 1)]  # rows, channels, height, width


def batch_norm(spec):
    rows, channels, height, width = spec
    layer, x = nn.BatchNorm2d(channels), torch.randn(rows, channels, height, width)
    x[:, 0] += 20
    x.requires_grad_()
    for p in [*layer.parameters(), layer.running_mean, layer.running_var]:
        p.data.uniform_(0.3, 2)
    state = [layer.running_mean.clone(), layer.running_var.clone(), layer.num_batches_tracked.clone()]
    y = layer(x)
    return y, [x], [*layer.parameters(), *state], {"mean": layer.running_mean, "var": layer.running_var}


BATCH_NORM_ADD = [(5, 3, 4, 6, 1), (3, 19, 3, 3, 1), (2, 32, 5, 4, 0)]  # ..., whether a ReLU follows


def batch_norm_add(spec):
    y, inputs, params, _ = batch_norm(spec[:4])
    other = leaf(*spec[:4])
    return F.relu(y + other) if spec[4] else y + other, [*inputs, other], params


LAYER_NORM = [(7, 5), (3, 64), (4, 131), (5, 768), (2, 19, 3, 4)]  # rows, features; or channels, height, width


def layer_norm(spec):
    layer, x = nn.LayerNorm(spec[1]), torch.randn(*spec)
    x[:, 0] += 5
    x.requires_grad_()
    for p in layer.parameters():
        p.data.uniform_(0.3, 2)
    y = layer(x) if len(spec) == 2 else layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return y, [x], layer.parameters()


CONCATENATE = [(3, 1, 1, 5, 17), (2, 3, 4, 8, 1, 16), (1, 2, 2, 3, 4, 5, 6)]  # rows, height, width, channels


def concatenate(spec):
    rows, height, width, *channels = spec
    inputs = [leaf(rows, c, height, width) for c in channels]
    return torch.cat(inputs, 1), inputs, []


EMBEDDING = [  # rows, ids a row, entries, features, whether one id is padding, which
    (13, 1, 7, 5, 0, 0), (40, 1, 11, 64, 1, 3), (3, 9, 20, 17, 1, 0), (2, 30, 5, 33, 0, 0),
]


def embedding(spec):
    rows, length, entries, width, pads, padding = spec
    layer = nn.Embedding(entries, width, padding_idx=padding if pads else None)
    ids = torch.randint(0, entries, (rows, length))
    ids[0, 0] = padding
    return layer(ids) * 1, [ids], layer.parameters()


AVG_POOL = [  # rows, channels, height, width, kernel, stride, padding
    (2, 3, 8, 6, 2, 2, 2, 2, 0, 0), (1, 17, 7, 9, 3, 3, 2, 1, 1, 1), (2, 5, 6, 5, 3, 2, 3, 2, 1, 0),
    (2, 20, 4, 4, 4, 4, 1, 1, 0, 0),
]


def avg_pool(spec):
    x = leaf(*spec[:4])
    return F.avg_pool2d(x, spec[4:6], stride=spec[6:8], padding=spec[8:10]), [x], []


SUBSAMPLE = [(2, 8, 6, 6, 16), (1, 3, 7, 5, 6)]  # rows, channels, height, width, outputs


def subsample(spec):
    x, more = leaf(*spec[:4]), spec[4] - spec[1]
    return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2)), [x], []


def tanh(spec):
    x = leaf(*spec[:2])
    return torch.tanh(x), [x], []


def sigmoid(spec):
    x = torch.linspace(-100, 100, spec[0] * spec[1]).reshape(spec[:2]).requires_grad_()
    return torch.sigmoid(x), [x], []


def leaky_relu(spec):
    x = leaf(*spec[:2])
    return F.leaky_relu(x, spec[2]), [x], []


def gelu(spec):
    x = torch.linspace(-8, 8, spec[0] * spec[1]).reshape(spec[:2]).requires_grad_()
    return F.gelu(x, approximate="tanh" if spec[2] else "none"), [x], []


def softmax(spec):
    x = leaf(*spec[:2])
    return F.softmax(x * 1, 1), [x], []


OPERATORS = {
    tanh: [(3, 37, 0)], sigmoid: [(3, 67, 0)], leaky_relu: [(3, 37, 0.01), (2, 9, 0.25)],
    gelu: [(3, 167, 0), (3, 167, 1)], softmax: [(5, 3, 0), (3, 70, 0)], conv2d: CONV2D, batch_norm: BATCH_NORM,
    batch_norm_add: BATCH_NORM_ADD, layer_norm: LAYER_NORM, concatenate: CONCATENATE, embedding: EMBEDDING,
    avg_pool: AVG_POOL, subsample: SUBSAMPLE,
}

out = Writer("nn_layers.bin")
for operator, cases in OPERATORS.items():
    torch.manual_seed(zlib.crc32(operator.__name__.encode()))
    for i, spec in enumerate(cases):
        record(out, f"{operator.__name__}/{i}", spec, *operator(spec))
