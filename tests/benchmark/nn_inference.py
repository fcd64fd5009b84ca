#!/usr/bin/python3
"""Inference in Lyceum and in PyTorch, run in turn on this machine.

    /usr/bin/python3 tests/benchmark/nn_inference.py build/tests/benchmark-nn_inference [CASE]

PyTorch's data lie in one tensor; evaluation mode, no gradients, threads 1 and 2, contiguous and channels_last, f32 and
(autocast to) bf16, OpenBLAS kernels as it chooses them and as Lyceum has it choose them, and OpenMP threads that spin or
sleep while they wait are tried, and the best of each precision is taken. So is the better of Lyceum's thread counts. The
last column is how many times as fast Lyceum is in the same precision.
"""
import itertools
import os
import subprocess
import sys
import time

CASES = {"mlp-784-256-10-b256": 256, "lenet5-b128": 128, "lenet5-b256": 256, "resnet20-b128": 128, "resnet20-b256": 256}
WINDOWS, SECONDS = 5, 0.2


def network(name):
    import networks
    if name.startswith("mlp"):
        return networks.MLP(784, [256], 10), (1, 28, 28)
    if name.startswith("lenet5"):
        return networks.LeNet5(1, 28, 10), (1, 28, 28)
    return networks.ResNet(3, 20, 10), (3, 32, 32)


def time_best(run):
    best = float("inf")
    run()
    for _ in range(WINDOWS):
        start, runs = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            run()
            runs += 1
        best = min(best, (time.perf_counter() - start) / runs)
    return best * 1e6


def measure_pytorch(only):
    """Prints "case precision microseconds threads layout" of every setting."""
    import torch
    for name, rows in CASES.items():
        if only and name != only:
            continue
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for layout in (torch.contiguous_format, torch.channels_last):
                model, shape = network(name)
                model = model.eval().to(memory_format=layout)
                x = torch.randn(rows, *shape).to(memory_format=layout)
                for precision in ("f32", "bf16"):
                    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                        print(name, precision, time_best(lambda: model(x)), threads, str(layout).split(".")[1], flush=True)


def rows_of(command, **more):
    output = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **more}).stdout
    return output.split()[2].rstrip(","), [line.split() for line in output.splitlines() if not line.startswith("#")]


def main():
    if sys.argv[1:2] == ["--pytorch"]:
        return measure_pytorch(sys.argv[2] if len(sys.argv) > 2 else None)
    if not 2 <= len(sys.argv) <= 3 or any(name not in CASES for name in sys.argv[2:]):
        raise SystemExit(f"{__doc__}\nCases: {' '.join(CASES)}")
    core, own = rows_of(sys.argv[1:])
    twin = [sys.executable, __file__, "--pytorch", *sys.argv[2:]]
    other = [row for blas, waiting in itertools.product(({}, {"OPENBLAS_CORETYPE": core}), ({}, {"OMP_WAIT_POLICY": "passive"}))
             for row in rows_of(twin, **blas, **waiting)[1]]
    print(f"{'case':20} {'form':12} {'Lyceum us':>10} {'threads':>7} {'samples/s':>10} {'GFLOP/s':>8} {'PyTorch us':>10}  "
          "ratio  PyTorch's best setting")
    for name, form in dict.fromkeys((row[0], row[1]) for row in own):
        best = min((row for row in own if row[:2] == [name, form]), key=lambda row: float(row[3]))
        precision = "bf16" if form.endswith("bf16") else "f32"
        rival = min((row for row in other if row[:2] == [name, precision]), key=lambda row: float(row[2]))
        print(f"{name:20} {form:12} {best[3]:>10} {best[2]:>7} {best[4]:>10} {best[5]:>8} {float(rival[2]):10.1f} "
              f"{float(rival[2]) / float(best[3]):6.2f}  {rival[3]} threads, {rival[4]}")


main()
