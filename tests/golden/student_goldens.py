#!/usr/bin/python3
"""Twenty training steps of both networks with PyTorch, taught by two fused teachers; for test_parity.c.

Run without arguments; writes student.bin beside this file. Computed in double precision from single-precision
parameters, so that what the test measures is Lyceum's rounding alone. Records of the file: a line "name type count",
then `count` little-endian numbers; types u1, f4 and f8.
"""
import pathlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

STEPS, ROWS, BATCH, CLASSES, TEACHERS = 20, 48, 16, 10, 2
MEAN, STD = 0.25, 0.5
MLP_SEED, LENET5_SEED = 20240602, 20240601 # of data and initial parameters: the first that is_stable accepts


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(100, 32)
        self.fc2 = nn.Linear(32, CLASSES)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


def fuse(space, logits, weights, temperature):
    """logits [K, B, C], weights [B, K]."""
    weights = weights.t().unsqueeze(2)
    if space == "logit":
        return F.softmax((weights * logits).sum(0) / temperature, 1)
    return (weights * F.softmax(logits / temperature, 2)).sum(0)


def optimizer_of(kind, network):
    if kind == "adamw":
        # Adam divides rounding noise by itself where a gradient is next to nothing: with eps 1e-8 PyTorch's own single
        # precision strays from its double precision by 1e-3 of fc1.weight in these twenty steps. 1e-5 tames it.
        return torch.optim.AdamW(network.parameters(), lr=2e-3, betas=(0.9, 0.999), eps=1e-5, weight_decay=0.01)
    return torch.optim.SGD(network.parameters(), lr=0.02, momentum=0.9)


def train(network, case, data):
    """Returns the losses [STEPS, 3]: total, labels, kd."""
    images, labels, teachers, batches, weights = data
    space, kind, alpha, temperature, per_row = case
    optimizer = optimizer_of(kind, network)
    losses = []
    for step in range(STEPS):
        rows = batches[step]
        logits = network(images[rows])
        row_weights = weights[step] if per_row else weights[step, :1].expand(len(rows), TEACHERS)
        target = fuse(space, teachers[:, rows], row_weights, temperature)
        hard = F.cross_entropy(logits, labels[rows], ignore_index=-1)
        soft = temperature ** 2 * F.kl_div(F.log_softmax(logits / temperature, 1), target, reduction="batchmean")
        total = alpha * hard + (1 - alpha) * soft
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append([total.item(), hard.item(), soft.item()])
    return losses


def is_stable(make, start, setting, data):
    """Whether rounding decides nothing: a near tie within a maximum or at a ReLU's zero falls one way or the other with the
    last bit, and from then on two right implementations part. Parameters moved by as little as single precision
    rounds must give the same losses to a hundredth of the test's tolerance."""
    def losses(noise, seed):
        network = make()
        network.load_state_dict(start)
        network.double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter *= 1 + noise * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        return np.array(train(network, setting, data))
    plain = losses(0.0, 0)
    return all(np.abs(losses(3e-7, seed) / plain - 1).max() < 1e-6 for seed in range(1, 9))


def main():
    records = []
    for name, make, side, stride, seed in (("mlp", Mlp, 10, 1, MLP_SEED), ("lenet5", LeNet5, 28, 7, LENET5_SEED)):
        torch.manual_seed(seed)
        random = np.random.default_rng(seed)
        pixels = random.integers(0, 256, (ROWS, 1, side, side), dtype=np.uint8)
        labels = random.integers(0, CLASSES, ROWS)
        labels[random.random(ROWS) < 0.3] = -1
        teachers = (3 * random.standard_normal((TEACHERS, ROWS, CLASSES))).astype(np.float32)
        batches = np.stack([random.permutation(ROWS)[:BATCH] for _ in range(STEPS)])
        assert all((labels[rows] >= 0).any() for rows in batches)
        weights = random.dirichlet(np.ones(TEACHERS), (STEPS, BATCH)).astype(np.float32)
        start = {key: value.clone() for key, value in make().state_dict().items()}
        records += [(f"{name}/pixels", "u1", pixels), (f"{name}/labels", "f8", labels),
                    (f"{name}/teachers", "f4", teachers), (f"{name}/batches", "f8", batches),
                    (f"{name}/weights", "f4", weights)]
        records += [(f"{name}/start/{key}", "f4", value.numpy()) for key, value in start.items()]
        images = torch.tensor(((pixels / 255.0) - MEAN) / STD)
        data = (images, torch.tensor(labels), torch.tensor(teachers.astype(np.float64)), torch.tensor(batches),
                torch.tensor(weights.astype(np.float64)))
        for case, setting in enumerate((("probability", "adamw", 0.1, 4.0, False), ("logit", "sgd", 0.5, 2.0, True))):
            assert is_stable(make, start, setting, data), f"{name}: choose another seed"
            network = make()
            network.load_state_dict(start)
            network.double()
            prefix = f"{name}{case}"
            records.append((f"{prefix}/losses", "f8", train(network, setting, data)))
            records.append((f"{prefix}/logits", "f8", network(images).detach().numpy()))
            records += [(f"{prefix}/end/{key}", "f4", value.numpy().ravel()[::stride])
                        for key, value in network.state_dict().items()]
    with open(pathlib.Path(__file__).with_name("student.bin"), "wb") as file:
        for name, kind, values in records:
            values = np.ascontiguousarray(values, "<" + kind).ravel()
            file.write(f"{name} {kind} {values.size}\n".encode())
            file.write(values.tobytes())


if __name__ == "__main__":
    main()
