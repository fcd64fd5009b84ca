#!/usr/bin/python3
"""Twenty training steps of residual networks with batch norm, as PyTorch does them.

Run without arguments; writes nn_resnet.bin beside this file, in single precision on the CPU, in the format of
nn_records.py.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from nn_records import Writer
from nn_twenty_steps import train

torch.set_num_threads(1)


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


# Sizes and rates at which single and double precision agree to 1e-6: with larger ones some of the millions of inputs
# of ReLU lie so close to 0 that rounding decides which gradient passes, and twenty steps spread that.
out = Writer("nn_resnet.bin")
train(out, "resnet8-pad", ResNet8(False), lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, weight_decay=1e-4))
train(out, "resnet8-project", ResNet8(True), lambda p: torch.optim.AdamW(p, lr=3e-4, weight_decay=0.01))
