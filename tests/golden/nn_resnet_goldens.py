#!/usr/bin/python3
"""Twenty training steps of residual networks with batch norm, as PyTorch does them.

Run without arguments; writes nn_resnet.bin beside this file, in single precision on the CPU, in the format of
nn_goldens.py.
"""
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
BATCH, BATCHES, ALPHA, TEMPERATURE, SAMPLE = 40, 3, 0.3, 4.0, 101
torch.set_num_threads(1)


class Writer:
    def __init__(self, name):
        self.file = open(HERE / name, "wb")

    def add(self, name, values):
        if isinstance(values, torch.Tensor):
            values = values.detach().numpy()
        values = np.ascontiguousarray(np.asarray(values, dtype="<f4")).reshape(-1)
        self.file.write(f"{name} f4 {values.size}\n".encode() + values.tobytes())


class Draws:
    """Numbers in [-1, 1) that the test draws just so; 24 bits, exact in single precision."""

    def __init__(self, seed):
        self.state = seed

    def take(self, *shape):
        count = int(np.prod(shape))
        values = np.empty(count, dtype=np.float64)
        for i in range(count):
            self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
            values[i] = (self.state >> 8) / 2 ** 23 - 1
        return torch.from_numpy(values.astype(np.float32)).reshape(shape)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, project):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.zeros = (outputs - inputs) // 2
        self.changes = inputs != outputs
        if self.changes and project:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        else:
            self.shortcut = self.pad if self.changes else nn.Identity()

    def pad(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.zeros, self.zeros))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet8(nn.Module):
    SHAPE = (3, 8, 6)

    def __init__(self, project):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1, project))
        self.layer2 = nn.Sequential(Block(16, 32, 2, project))
        self.layer3 = nn.Sequential(Block(32, 64, 2, project))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def sample(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])[::SAMPLE]


def train(out, name, net, optimizer_of):
    draws = Draws(7)
    with torch.no_grad():
        for p_name, p in net.named_parameters():
            fan_in = p[0].numel() if p.dim() > 1 else 64
            base = 1 if p.dim() == 1 and p_name.endswith(".weight") else 0
            p.copy_(base + draws.take(*p.shape) * np.float32(1 / np.sqrt(fan_in)))
    x = draws.take(BATCHES * BATCH, *net.SHAPE)
    targets = F.softmax(draws.take(BATCHES * BATCH, 10) * 4, 1)
    labels = targets.argmax(1)
    optimizer = optimizer_of(net.parameters())
    losses = []
    for step in range(20):
        rows = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        s = net(x[rows])
        kd = F.kl_div(F.log_softmax(s / TEMPERATURE, 1), targets[rows], reduction="batchmean") * TEMPERATURE ** 2
        loss = ALPHA * F.cross_entropy(s, labels[rows]) + (1 - ALPHA) * kd
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    out.add(f"{name}/targets", targets)
    out.add(f"{name}/losses", losses)
    out.add(f"{name}/params", sample(net))
    out.add(f"{name}/state", torch.cat([b.reshape(-1).float() for b in net.buffers()]))
    net.eval()
    out.add(f"{name}/logits", net(x[:BATCH]))


# Sizes and rates at which single and double precision agree to 1e-6: with larger ones some of the millions of inputs
# of ReLU lie so close to 0 that rounding decides which gradient passes, and twenty steps spread that.
out = Writer("nn_resnet.bin")
train(out, "resnet8-pad", ResNet8(False), lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, weight_decay=1e-4))
train(out, "resnet8-project", ResNet8(True), lambda p: torch.optim.AdamW(p, lr=3e-4, weight_decay=0.01))
