"""The networks of Lyceum as PyTorch code writes them, with the same layers, names and initial values' law."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class MLP(nn.Module):
    def __init__(self, inputs, hidden, classes, dropout=0.0):
        super().__init__()
        self.depth = len(hidden)
        self.dropout = dropout
        for i, (a, b) in enumerate(zip([inputs, *hidden], [*hidden, classes])):
            setattr(self, f"fc{i + 1}", nn.Linear(a, b))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(self.depth):
            x = F.dropout(F.relu(getattr(self, f"fc{i + 1}")(x)), self.dropout, self.training)
        return getattr(self, f"fc{self.depth + 1}")(x)


class LeNet5(nn.Module):
    def __init__(self, channels, side, classes, dropout=0.0):
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2 if side == 28 else 0)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), self.dropout, self.training)
        x = F.dropout(F.relu(self.fc2(x)), self.dropout, self.training)
        return self.fc3(x)


class Pad(nn.Module):
    """A shortcut without parameters: every so many pixels, with channels of zeros before and behind."""

    def __init__(self, stride, zeros):
        super().__init__()
        self.stride, self.zeros = stride, zeros

    def forward(self, x):
        return F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.zeros, self.zeros))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if inputs == outputs:
            self.shortcut = nn.Identity()
        elif shortcut == "project":
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        else:
            self.shortcut = Pad(stride, (outputs - inputs) // 2)

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        return F.relu(y + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self, channels, depth, classes, shortcut="pad", dropout=0.0):
        super().__init__()
        self.dropout = dropout
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for stage, (inputs, outputs) in enumerate(((16, 16), (16, 32), (32, 64))):
            blocks = [Block(outputs if i else inputs, outputs, 2 if stage and not i else 1, shortcut)
                      for i in range((depth - 2) // 6)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(F.dropout(x.mean((2, 3)), self.dropout, self.training))


class ConvNet(nn.Module):
    def __init__(self, channels, blocks, classes, dropout=0.0):
        super().__init__()
        self.dropout, self.blocks = dropout, blocks
        for i, b in enumerate(blocks):
            kernel = b["kernel"]
            setattr(self, f"conv{i + 1}", nn.Conv2d(channels, b["channels"], kernel, b["stride"], kernel // 2,
                                                    bias=not b["batch_norm"]))
            if b["batch_norm"]:
                setattr(self, f"bn{i + 1}", nn.BatchNorm2d(b["channels"]))
            channels = b["channels"]
        self.linear = nn.Linear(channels, classes)

    def forward(self, x):
        for i, b in enumerate(self.blocks):
            x = getattr(self, f"conv{i + 1}")(x)
            x = F.relu(getattr(self, f"bn{i + 1}")(x) if b["batch_norm"] else x, inplace=True)
            x = F.dropout(F.max_pool2d(x, b["pool"]) if b["pool"] > 1 else x, b["dropout"], self.training)
        return self.linear(F.dropout(x.mean((2, 3)), self.dropout, self.training))


# Of a convnet whose configuration lists no blocks.
STANDARD_BLOCKS = [{"channels": c, "kernel": 3, "stride": 1, "batch_norm": True, "pool": p, "dropout": 0.0}
                   for c, p in ((32, 2), (64, 2), (128, 1))]


def build(spec, channels, height, width, classes):
    """The network of a resolved configuration's `network`."""
    if spec["arch"] == "mlp":
        return MLP(channels * height * width, spec["hidden"] or [128], classes, spec["dropout"])
    if spec["arch"] == "lenet5":
        return LeNet5(channels, height, classes, spec["dropout"])
    if spec["arch"] == "resnet":
        return ResNet(channels, spec["depth"] or 20, classes, spec["shortcut"], spec["dropout"])
    if spec["arch"] == "convnet":
        return ConvNet(channels, spec["blocks"] or STANDARD_BLOCKS, classes, spec["dropout"])
    raise SystemExit(f"network.arch: no PyTorch twin of {spec['arch']}")
