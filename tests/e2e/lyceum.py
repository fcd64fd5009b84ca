"""What the end-to-end tests share: running the program, a small synthetic data set, reading results.

The data set looks like Fashion-MNIST in shape (28x28 grey, 10 classes): a smooth prototype per class plus noise,
hard enough that networks differ, small enough that a run takes a second. Everything is a function of a seed.
"""
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

PROGRAM = os.environ.get("LYCEUM", "build/release/lyceum")
CLASSES = 10


def run(*arguments, check=0, timeout=600, cwd=None, env=None):
    """Runs the program; `check` is the exit status expected (None: any)."""
    result = subprocess.run([os.path.abspath(PROGRAM), *map(str, arguments)], capture_output=True, text=True,
                            timeout=timeout, cwd=cwd, env={**os.environ, **(env or {})})
    if check is not None and result.returncode != check:
        raise AssertionError(f"lyceum {' '.join(map(str, arguments))}: exit {result.returncode}, expected {check}\n"
                             f"stdout:\n{result.stdout}\nstderr:\n{result.stderr}")
    return result


def samples(count, seed, noise=90.0):
    """Images u8 [count,28,28] and labels u8 [count]."""
    prototypes = np.random.default_rng(7).normal(size=(CLASSES, 7, 7))
    prototypes = np.kron(prototypes, np.ones((4, 4)))
    generator = np.random.default_rng(seed)
    labels = (np.arange(count) % CLASSES).astype(np.uint8)
    generator.shuffle(labels)
    images = 128 + 25 * prototypes[labels] + noise * generator.normal(size=(count, 28, 28))
    return np.clip(images, 0, 255).astype(np.uint8), labels


def write_idx(path, array, compress=True):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + b"".join(struct.pack(">I", n) for n in array.shape)
    opener = gzip.open if compress else open
    with opener(path, "wb") as file:
        file.write(header + array.tobytes())


def write_dataset(folder, train=3000, test=500, noise=90.0):
    """Four idx files and the data set made of them by `lyceum data idx`; the path of the latter."""
    files = {}
    for part, count, seed in (("train", train, 1), ("test", test, 2)):
        images, labels = samples(count, seed, noise)
        for kind, array in (("images", images), ("labels", labels)):
            files[f"--{part}-{kind}"] = os.path.join(folder, f"{part}-{kind}.gz")
            write_idx(files[f"--{part}-{kind}"], array)
    path = os.path.join(folder, "data.h5")
    run("data", "idx", *[word for pair in files.items() for word in pair], "-o", path, "--quiet")
    return path


def write_cifar(folder, train=700, test=100):
    """Records of CIFAR-10, 3 x 32 x 32 with a smooth prototype a class, and the data set made of them."""
    prototypes = np.kron(np.random.default_rng(8).normal(size=(CLASSES, 3, 4, 4)), np.ones((8, 8)))
    files = {}
    for part, count, seed in (("train", train, 3), ("test", test, 4)):
        generator = np.random.default_rng(seed)
        labels = (np.arange(count) % CLASSES).astype(np.uint8)
        images = 128 + 30 * prototypes[labels] + 60 * generator.normal(size=(count, 3, 32, 32))
        records = np.concatenate([labels[:, None], np.clip(images, 0, 255).astype(np.uint8).reshape(count, -1)], axis=1)
        files["--" + part] = os.path.join(folder, part + ".bin")
        records.tofile(files["--" + part])
    path = os.path.join(folder, "data.h5")
    run("data", "cifar", *[word for pair in files.items() for word in pair], "-o", path, "--quiet")
    return path


# resnet8 with all that moves from step to step: dropout, views, running statistics.
RESNET = {"student": {"arch": "resnet", "depth": 8, "shortcut": "project", "dropout": 0.2},
          "data": {"augment": {"views": 3, "shift": 3, "flip": True, "cutout": 8}},
          "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}}


def write_config(folder, name, content):
    path = os.path.join(folder, name + ".json")
    with open(path, "w") as file:
        json.dump(content, file)
    return path


def merge(content, changes):
    """`content` with `changes` laid over it, objects within objects too."""
    for key, value in changes.items():
        content[key] = merge(dict(content.get(key, {})), value) if isinstance(value, dict) else value
    return content


# A recipe that uses what the plain one does not.
RECIPE = {"optimizer": {"kind": "sgd", "lr": 0.02, "nesterov": True, "weight_decay": 0.001, "decay": "weights",
                        "clip_norm": 2},
          "schedule": {"kind": "step", "milestones": [0.4, 0.7], "gamma": 0.3}, "loss": {"label_smoothing": 0.1}}


def train_config(folder, dataset, name, arch="mlp", **changes):
    network = {"arch": arch, "hidden": [32]} if arch == "mlp" else {"arch": arch}
    content = {"name": name, "data": {"path": dataset, "reward_fraction": 0.1, "valid_fraction": 0.1}, "network": network,
               "optimizer": {"kind": "adamw", "lr": 0.002}, "train": {"epochs": 2, "batch": 64, "seed": 5},
               "output": os.path.join(folder, name)}
    return merge(content, changes)


def distill_config(folder, dataset, teachers, name="student", arch="mlp", **changes):
    content = train_config(folder, dataset, name, arch)
    content["student"] = content.pop("network")
    content["teachers"] = teachers
    content["banks"] = {"directory": os.path.join(folder, "banks")}
    content["agent"] = {"strategy": "learned", "credit": {"kind": "probe", "every": 4, "steps": 2, "samples": 128}}
    content["train"] = {"epochs": 3, "batch": 64, "seed": 3}
    return merge(content, changes)


def parameters(path):
    """All parameters of a model file, as bytes by name."""
    found = {}
    with h5py.File(path, "r") as file:
        file["params"].visititems(lambda name, item: found.__setitem__(name, item[()].tobytes())
                                  if isinstance(item, h5py.Dataset) else None)
    return found


def trajectory(path):
    """Every column of run.h5 that must not depend on time, as bytes by name."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and "seconds" not in name and name not in ("run/config", "run/name", "committed", "evaluation/touched"):
            value = item[()]
            found[name] = value.tobytes() if value.dtype.kind != "O" else b"\0".join(value.ravel().tolist())

    with h5py.File(path, "r", swmr=True) as file:
        file.visititems(visit)
    return found


def last_checkpoint(directory):
    """State of the newest checkpoint, as bytes by name, less measured times."""
    folder = os.path.join(directory, "checkpoints")
    newest = sorted(os.listdir(folder))[-1]
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and "tally" not in name and "cursor" not in name and "checksum" not in name:
            found[name] = np.asarray(item[()]).tobytes() if item.dtype.kind != "O" else item[()]

    with h5py.File(os.path.join(folder, newest), "r") as file:
        file.visititems(visit)
    return found


class Case(unittest.TestCase):
    """A test with a folder of its own that goes away with it."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def assert_same(self, first, second, what):
        self.assertEqual(sorted(first), sorted(second), f"{what}: other names")
        self.assertTrue(first, f"{what}: nothing to compare")
        for name in first:
            self.assertEqual(first[name], second[name], f"{what}: {name} differs")


def main():
    unittest.main(verbosity=2, argv=sys.argv)
