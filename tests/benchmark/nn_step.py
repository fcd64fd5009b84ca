#!/usr/bin/python3
"""One training step (forward, cross-entropy, backward, Adam) in Lyceum and in PyTorch, run in turn on this machine.

    /usr/bin/python3 tests/benchmark/nn_step.py build/tests/benchmark-nn_step

PyTorch's data lie in one tensor; threads 1 and 2, both memory formats, both forms of Adam, and OpenBLAS kernels as it
chooses them and as Lyceum has it choose them are tried, and the best is taken. So is the better of Lyceum's thread
counts. The last column is how many times as fast Lyceum is.
"""
import os
import subprocess
import sys
import time

CASES = {"mlp-64-128-10-b64": 64, "mlp-784-64-10-b128": 128, "lenet5-b128": 128}
WINDOWS, SECONDS = 5, 0.15


def networks(torch):
    nn, functional = torch.nn, torch.nn.functional

    class LeNet5(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(400, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x):
            x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
            x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
            x = functional.relu(self.fc1(x.flatten(1)))
            return self.fc3(functional.relu(self.fc2(x)))

    def mlp(*widths):
        return nn.Sequential(nn.Linear(*widths[:2]), nn.ReLU(), nn.Linear(*widths[1:]))

    yield "mlp-64-128-10-b64", lambda: mlp(64, 128, 10), (64,)
    yield "mlp-784-64-10-b128", lambda: mlp(784, 64, 10), (784,)
    yield "lenet5-b128", LeNet5, (1, 28, 28)


def time_step(torch, network, x, y, foreach):
    optimizer = torch.optim.Adam(network.parameters(), foreach=foreach)
    best = float("inf")
    for _ in range(WINDOWS):
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
            steps += 1
        best = min(best, (time.perf_counter() - start) / steps)
    return best * 1e6


def measure_pytorch():
    """Prints "network microseconds threads format adam" of every setting."""
    import torch
    for name, build, shape in networks(torch):
        rows = CASES[name]
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for layout in ("nchw", "nhwc") if len(shape) == 3 else ("flat",):
                for foreach in (False, True):
                    network, x = build(), torch.randn(rows, *shape)
                    if layout == "nhwc":
                        network = network.to(memory_format=torch.channels_last)
                        x = x.to(memory_format=torch.channels_last)
                    y = torch.arange(rows) % 10
                    print(name, time_step(torch, network, x, y, foreach), threads, layout, "foreach" if foreach else "plain")


def pytorch(core):
    environment = {**os.environ, **({"OPENBLAS_CORETYPE": core} if core else {})}
    output = subprocess.run([sys.executable, __file__, "--pytorch"], env=environment, check=True, capture_output=True,
                            text=True).stdout
    for line in output.splitlines():
        name, microseconds, *setting = line.split()
        yield name, float(microseconds), " ".join(setting + [core or "own kernels"])


def lyceum(program):
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    core = output.splitlines()[0].split()[2].rstrip(",")
    rows = [line.split("\t") for line in output.splitlines() if not line.startswith("#")]
    return core, rows


def main():
    if sys.argv[1:] == ["--pytorch"]:
        return measure_pytorch()
    core, own = lyceum(sys.argv[1])
    others = [*pytorch(None), *pytorch(core)]
    print(f"{'network':20} {'Lyceum us':>10} {'threads':>7} {'samples/s':>10} {'GFLOP/s':>8} {'products':>8} "
          f"{'PyTorch us':>10}  ratio  PyTorch's best setting")
    for name in CASES:
        best = min((row for row in own if row[0] == name), key=lambda row: float(row[2]))
        other = min((entry for entry in others if entry[0] == name), key=lambda entry: entry[1])
        print(f"{name:20} {best[2]:>10} {best[1]:>7} {best[3]:>10} {best[4]:>8} {best[5]:>8} {other[1]:10.1f} "
              f"{other[1] / float(best[2]):6.2f}  {other[2]}")


main()
