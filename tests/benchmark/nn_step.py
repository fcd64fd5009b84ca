#!/usr/bin/python3
"""One training step (forward, cross-entropy, backward, Adam) in Lyceum and in PyTorch, run in turn on this machine.

    /usr/bin/python3 tests/benchmark/nn_step.py build/release/tests/benchmark-nn_step [NETWORK...]

PyTorch's data lie in one tensor; threads 1 and 2, both memory formats, both forms of Adam, OpenBLAS kernels as it
chooses them and as Lyceum has it choose them, and OpenMP threads that spin or sleep while they wait are tried, and the
best is taken. So is the better of Lyceum's thread
counts. Lyceum is measured before and after each of PyTorch's processes, and the least time counts on both sides.

Columns: microseconds a step, samples and floating-point operations a second, and the share of the step that its kernels
alone take (the same products and convolutions on shards of the same size, back to back); how many times as fast as
PyTorch, and what is aimed at; what two threads gain over one, program and kernels, and the ratio of the two gains;
allocations in a step (Lyceum's own are none, which a test counts: these are the libraries'); peak memory in MiB.
"""
import itertools
import os
import resource
import subprocess
import sys
import time

ROWS = {"mlp-64-128-10": 64, "mlp-784-64-10": 128, "lenet5": 128, "resnet20": 128}
TARGETS = {"mlp-64-128-10": 5.0, "lenet5": 2.0, "resnet20": 1.2}
SHAPES = {"mlp-64-128-10": (64,), "mlp-784-64-10": (784,), "lenet5": (1, 28, 28), "resnet20": (3, 32, 32)}
WINDOWS, SECONDS = 4, 0.1
OWN_SECONDS = {"resnet20": 7}


def settings(name):
    for threads in (1, 2):
        for layout in ("nchw", "nhwc") if len(SHAPES[name]) == 3 else ("flat",):
            for adam in ("plain", "foreach"):
                yield threads, layout, adam


def make_step(name, threads, layout, adam):
    import networks
    import torch
    torch.set_num_threads(threads)
    network = {"mlp-64-128-10": lambda: networks.MLP(64, [128], 10), "mlp-784-64-10": lambda: networks.MLP(784, [64], 10),
               "lenet5": lambda: networks.LeNet5(1, 28, 10), "resnet20": lambda: networks.ResNet(3, 20, 10)}[name]()
    x, y = torch.randn(ROWS[name], *SHAPES[name]), torch.arange(ROWS[name]) % 10
    if layout == "nhwc":
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), foreach=adam == "foreach")

    def step():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimizer.step()
    return step


def time_step(step):
    step()
    best, begun = float("inf"), time.perf_counter()
    for window in range(WINDOWS):
        if window >= 2 and time.perf_counter() - begun > WINDOWS * SECONDS:
            break
        start, steps = time.perf_counter(), 0
        while steps == 0 or time.perf_counter() - start < SECONDS:
            step()
            steps += 1
        best = min(best, (time.perf_counter() - start) / steps)
    return best * 1e6


def measure_pytorch(name):
    """Prints "microseconds threads layout adam" of every setting."""
    for setting in settings(name):
        print(time_step(make_step(name, *setting)), *setting)


def measure_memory(name, threads, layout, adam):
    """Prints the peak in MiB after the import and after some steps."""
    import torch  # noqa: F401
    imported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = make_step(name, int(threads), layout, adam)
    for _ in range(3):
        step()
    print(imported // 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


def run(command, core=None, waiting=None):
    environment = {**os.environ, **({"OPENBLAS_CORETYPE": core} if core else {}),
                   **({"OMP_WAIT_POLICY": waiting} if waiting else {})}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return [line.split() for line in output.splitlines()]


def lyceum(program, name, best):
    """Merges another measurement into `best`: the least of each time."""
    for key, *value in run([program, name, str(OWN_SECONDS.get(name, 1.5))]):
        timed = key.startswith(("step", "bare"))
        best[key] = min(best.get(key, float("inf")), float(value[0])) if timed else value[0]
    return best


def compare(program, name):
    own, others = lyceum(program, name, {}), []
    for started in itertools.product((None, own["core"]), (None, "passive")):
        for microseconds, *setting in run([sys.executable, __file__, "--pytorch", name], *started):
            others.append((float(microseconds), setting, started))
        lyceum(program, name, own)
    other, setting, started = min(others, key=lambda entry: entry[0])
    memory = run([sys.executable, __file__, "--memory", name, *setting], *started)[0]
    threads = min((1, 2), key=lambda n: own[f"step{n}"])
    step, bare = own[f"step{threads}"], own[f"bare{threads}"]
    gains = own["step1"] / own["step2"], own["bare1"] / own["bare2"]
    target = f"{TARGETS[name]:.1f}" if name in TARGETS else "-"
    print(f"{name:14} {threads:7} {step:10.1f} {ROWS[name] / step * 1e6:10.0f} {float(own['gflop']) / step * 1e6:8.1f} "
          f"{100 * bare / step:6.0f} %  {other:10.1f} {other / step:6.2f} {target:>6}   {gains[0]:4.2f} {gains[1]:7.2f} "
          f"{100 * gains[0] / gains[1]:5.0f} %  {own['allocations']:>7}  {own['memory']:>6} {memory[1]:>5} ({memory[0]})   "
          f"{' '.join(setting)} {started[0] or 'own kernels'} {started[1] or 'spinning'}", flush=True)


def main():
    if sys.argv[1:2] == ["--pytorch"]:
        return measure_pytorch(sys.argv[2])
    if sys.argv[1:2] == ["--memory"]:
        return measure_memory(*sys.argv[2:])
    if len(sys.argv) < 2 or any(name not in ROWS for name in sys.argv[2:]):
        raise SystemExit(f"{__doc__}\nNetworks: {' '.join(ROWS)}")
    print(f"{'':14} {'':7} {'Lyceum':>10} {'':10} {'':8} {'kernels':>8}  {'PyTorch':>10} {'times':>6} {'':6}   two threads gain    "
          f"{'alloca-':>10}  peak MiB")
    print(f"{'network':14} {'threads':>7} {'us':>10} {'samples/s':>10} {'GFLOP/s':>8} {'share':>8}  {'us':>10} {'faster':>6} "
          f"{'target':>6}   step kernels  ratio  {'tions':>7}  Lyceum PyTorch (import)   PyTorch's best setting", flush=True)
    for name in sys.argv[2:] or ROWS:
        compare(sys.argv[1], name)


main()
