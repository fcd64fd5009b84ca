#!/usr/bin/python3
"""What PyTorch computes for every operator, loss and optimiser, and twenty training steps of both networks.

Run without arguments; writes nn_operators.bin, nn_optimizers.bin and nn_training.bin beside this file, all in single
precision on the CPU (the format: nn_records.py).
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

from nn_records import Writer, leaf, record
from nn_twenty_steps import train

torch.set_num_threads(1)



# ---- operators ------------------------------------------------------------------------------------------------

LINEAR = [(1, 1, 1), (3, 5, 7), (17, 33, 10), (8, 64, 16)]
CONV2D = [  # rows, channels, height, width, outputs, kernel, stride, padding
    (2, 1, 8, 8, 3, 5, 5, 1, 1, 2, 2), (1, 3, 7, 9, 4, 3, 3, 1, 1, 1, 1), (2, 6, 9, 7, 5, 5, 5, 1, 1, 0, 0),
    (1, 5, 8, 8, 2, 3, 3, 2, 2, 1, 1), (2, 7, 5, 6, 9, 1, 1, 1, 1, 0, 0), (1, 4, 6, 6, 3, 1, 1, 2, 2, 0, 0),
    (1, 2, 9, 8, 3, 2, 4, 3, 2, 1, 2), (1, 17, 5, 5, 18, 3, 3, 1, 1, 1, 1), (1, 2, 7, 7, 3, 3, 3, 2, 1, 1, 1),
    (3, 6, 6, 6, 4, 3, 3, 1, 1, 2, 2), (1, 1, 4, 20, 2, 1, 3, 1, 1, 0, 1),
]
MAX_POOL = [  # rows, channels, height, width, kernel, stride, padding
    (2, 6, 8, 8, 2, 2, 2, 2, 0, 0), (1, 17, 7, 9, 3, 3, 2, 2, 1, 1), (2, 1, 5, 6, 2, 3, 1, 1, 0, 0),
    (1, 33, 7, 7, 2, 2, 2, 2, 0, 0), (1, 16, 6, 5, 3, 2, 3, 2, 1, 1),
]
CROSS_ENTROPY = [(1, 2), (5, 10), (33, 10), (3, 64), (4, 65), (2, 130)]
KL = [(1, 2, 1.0), (19, 10, 4.0), (16, 10, 0.5), (7, 10, 20.0), (3, 64, 1.5), (5, 65, 4.0), (2, 130, 1.5)]


def operators(out):
    for i, (rows, inputs, outputs) in enumerate(LINEAR):
        layer, x = nn.Linear(inputs, outputs), leaf(rows, inputs)
        record(out, f"linear/{i}", (rows, inputs, outputs), layer(x), [x], layer.parameters())
    for i, spec in enumerate(CONV2D):
        rows, channels, height, width, outputs, *window = spec
        layer = nn.Conv2d(channels, outputs, window[0:2], stride=window[2:4], padding=window[4:6])
        x = leaf(rows, channels, height, width)
        record(out, f"conv2d/{i}", spec, layer(x), [x], layer.parameters())
    for i, spec in enumerate(MAX_POOL):
        rows, channels, height, width, *window = spec
        x = leaf(rows, channels, height, width)
        y = F.max_pool2d(x, window[0:2], stride=window[2:4], padding=window[4:6])
        record(out, f"max_pool/{i}", spec, y, [x], [])
    x = torch.randn(3, 21)
    x[0, :4] = torch.tensor([0.0, -0.0, 1e-30, -1e-30])
    x.requires_grad_()
    record(out, "relu/0", (3, 21), F.relu(x), [x], [])
    a, b = leaf(3, 21), leaf(3, 21)
    record(out, "add/0", (3, 21), a + b, [a, b], [])
    for i, (rows, classes) in enumerate(CROSS_ENTROPY):
        x, labels = torch.randn(rows, classes).mul(3).requires_grad_(), torch.randint(0, classes, (rows,))
        labels[rows // 2 + 1:rows // 2 + 2] = -1
        y = F.cross_entropy(x, labels, ignore_index=-1, reduction="none")
        record(out, f"cross_entropy/{i}", (rows, classes), y, [x, labels], [])
    for i, (rows, classes, temperature) in enumerate(KL):
        x, p = torch.randn(rows, classes).mul(3).requires_grad_(), F.softmax(torch.randn(rows, classes) * 2, 1)
        p[rows // 2] = F.one_hot(torch.tensor(1), classes)
        y = F.kl_div(F.log_softmax(x / temperature, 1), p, reduction="none").sum(1) * temperature ** 2
        record(out, f"kl/{i}", (rows, classes, temperature), y, [x, p], [])
    # Weights behind a flatten: PyTorch's order of features is channel, height, width.
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 5))
    x = torch.randn(3, 3, 4, 6)
    record(out, "flatten/0", (3, 3, 4, 6), net(x), [x], net.parameters())


# ---- optimisers -----------------------------------------------------------------------------------------------

SIZE, STEPS = 44, 20
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}),
    "sgd-decay": (torch.optim.SGD, {"weight_decay": 0.05}),
    "sgd-momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "sgd-momentum-decay": (torch.optim.SGD, {"momentum": 0.8, "weight_decay": 0.05}),
    "adam": (torch.optim.Adam, {}),
    "adam-decay": (torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.05}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0}),
    "adamw-decay": (torch.optim.AdamW, {"betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.05}),
}


def optimizers(out):
    start, gradients = torch.randn(SIZE), torch.randn(STEPS, SIZE)
    out.add("all/start", start)
    out.add("all/gradients", gradients)
    for name, (kind, options) in OPTIMIZERS.items():
        p = nn.Parameter(start.clone())
        optimizer = kind([p], lr=0.1, **options)
        for step in range(STEPS):
            optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 40)
            p.grad = gradients[step].clone()
            optimizer.step()
            if step == 0:
                out.add(f"{name}/first", p)
        out.add(f"{name}/last", p)


# ---- training -------------------------------------------------------------------------------------------------

class Mlp(nn.Module):
    SHAPE = (3, 9, 7)

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(189, 48)
        self.fc2 = nn.Linear(48, 33)
        self.fc3 = nn.Linear(33, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


class LeNet5(nn.Module):
    SHAPE = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x.flatten(1))))))


def training(out):
    # At a rate of 0.05 LeNet-5 meets a near tie in max pooling, where single and double precision part.
    def sgd(params):
        return torch.optim.SGD(params, lr=0.02, momentum=0.9, weight_decay=1e-4)

    def adamw(params):
        return torch.optim.AdamW(params, lr=1e-3, weight_decay=0.01)

    train(out, "mlp-sgd", Mlp(), sgd)
    train(out, "mlp-adamw", Mlp(), adamw)
    train(out, "lenet5-sgd", LeNet5(), sgd)
    train(out, "lenet5-adamw", LeNet5(), adamw)


torch.manual_seed(20)
operators(Writer("nn_operators.bin"))
optimizers(Writer("nn_optimizers.bin"))
training(Writer("nn_training.bin"))
