"""What the tables of bad input share: one good file of each kind to spoil, and a row's type.

A row says what is wrong, how to make it, which exit code and which words answer. test_bad_input.py runs them all.
"""
import copy
import fcntl
import gzip
import json
import os
import shutil
import struct
from dataclasses import dataclass
from typing import Callable

import h5py

import lyceum

EPOCHS = {"epochs": 3, "checkpoint_every": 4, "keep_checkpoints": 3}


@dataclass
class Row:
    what: str
    make: Callable  # (Box) -> arguments of the program
    says: tuple     # pieces that the message must hold
    code: int = 1
    warns: tuple = ()  # pieces that the warnings before it must hold
    begins: bool = False  # a run begins before it fails: its directory keeps what belongs to it


class Goods:
    """Good files of every kind, made once and never changed."""

    def __init__(self, folder):
        self.folder = folder
        self.data = lyceum.write_dataset(folder, train=400, test=100)
        self.idx = {part + "-" + kind: os.path.join(folder, f"{part}-{kind}.gz")
                    for part in ("train", "test") for kind in ("images", "labels")}
        self.models = []
        for name in ("a", "b"):
            config = lyceum.train_config(folder, self.data, name, train={"epochs": 1, "seed": ord(name)})
            lyceum.run("train", lyceum.write_config(folder, name, config), "--quiet")
            self.models.append(os.path.join(folder, name, "model.h5"))
        self.logits = os.path.join(folder, "logits.h5")
        lyceum.run("eval", self.models[0], "-d", self.data, "-s", "all", "--logits", self.logits, "--quiet")
        self.run = os.path.join(folder, "run")  # a finished run with three checkpoints
        self.run_config = self.config(train=EPOCHS, output=self.run, banks={"enabled": False})
        lyceum.run("distill", lyceum.write_config(folder, "run-config", self.run_config), "--quiet")

    def config(self, **changes):
        """A small distillation by teacher `a`."""
        config = lyceum.distill_config(self.folder, self.data, [{"name": "t", "model": self.models[0]}],
                                       train={"epochs": 1}, agent={"credit": {"samples": 20}})
        return lyceum.merge(config, changes)


class Box:
    """A folder for one row, and the ways to spoil good files in it."""

    def __init__(self, goods, folder):
        self.goods = goods
        self.folder = folder
        self.held = []

    def hold(self, path):
        """Locks a file as another process does, until the row is done."""
        self.held.append(open(path, "a", encoding="utf-8"))
        fcntl.flock(self.held[-1], fcntl.LOCK_EX)

    def release(self):
        for file in self.held:
            file.close()

    def path(self, name):
        return os.path.join(self.folder, name)

    def bytes(self, content, name="spoiled"):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def copy(self, good, name=None):
        return shutil.copy(good, self.path(name or os.path.basename(good)))

    def truncated(self, good):
        with open(good, "rb") as file:
            content = file.read()
        return self.bytes(content[:len(content) // 2])

    # ---- idx -----------------------------------------------------------------------------------------

    @staticmethod
    def idx_bytes(shape, body=b"", kind=8):
        return struct.pack(">BBBB", 0, 0, kind, len(shape)) + struct.pack(f">{len(shape)}I", *shape) + body

    def import_idx(self, *more, out="made.h5", **files):
        """`lyceum data idx` of the good files, with some replaced: train_images=bytes or a path, None to leave out."""
        arguments = ["data", "idx", "-o", self.path(out)]
        for key, good in self.goods.idx.items():
            given = files.get(key.replace("-", "_"), good)
            if isinstance(given, bytes):
                given = self.bytes(given, key)
            if given is not None:
                arguments += ["--" + key, given]
        return [*arguments, *more]

    def zipped(self):
        with gzip.open(self.goods.idx["train-images"]) as file:
            return bytearray(gzip.compress(file.read()))

    # ---- HDF5 ----------------------------------------------------------------------------------------

    def dataset(self, x=None, y=None, split=None, id=None, change=None, **attributes):
        """A data set as a script writes it: columns replaced, attributes set (None: left out)."""
        with h5py.File(self.goods.data) as good:
            columns = {name: good[name][()] for name in ("x", "y", "split", "id")}
        columns["y"] = columns["y"].astype("int64")
        for name, spoil in (("x", x), ("y", y), ("split", split), ("id", id)):
            if spoil is not None:
                columns[name] = spoil(columns[name])
        attributes = {"format": "lyceum data 1", "classes": [str(i) for i in range(10)], **attributes}
        return self._write("data.h5", columns, attributes, change)

    def model(self, parameters=None, change=None, **attributes):
        """A model as a script writes it: `parameters` maps names to functions of the good values."""
        with h5py.File(self.goods.models[0]) as good:
            columns = {"params/" + name: good["params/" + name][()] for name in good["params"]}
            kept = {name: value for name, value in good.attrs.items() if name != "fingerprint"}
        for name, spoil in (parameters or {}).items():
            columns["params/" + name] = spoil(columns["params/" + name])
        return self._write("model.h5", columns, {**kept, **attributes}, change)

    def recorded(self, logits=None, id=None, check=None, change=None, **attributes):
        with h5py.File(self.goods.logits) as good:
            columns = {name: good[name][()] for name in ("logits", "id", "check")}
            attributes = {"data_fingerprint": good.attrs["data_fingerprint"], **attributes}
        for name, spoil in (("logits", logits), ("id", id), ("check", check)):
            if spoil is not None:
                columns[name] = spoil(columns[name])
        return self._write("recorded.h5", columns, attributes, change)

    def _write(self, name, columns, attributes, change):
        with h5py.File(self.path(name), "w") as file:
            for key, value in columns.items():
                if value is not None:
                    file[key] = value
            for key, value in attributes.items():
                if value is not None:
                    file.attrs[key] = value
            if change:
                change(file)
        return self.path(name)

    # ---- commands ------------------------------------------------------------------------------------

    def evaluate(self, model=None, data=None, *more):
        return ["eval", model or self.goods.models[0], "--data", data or self.goods.data, *more]

    def write_config(self, content):
        return lyceum.write_config(self.folder, "config", content)

    def distill(self, *more, command="distill", **changes):
        here = {"output": self.path("out"), "banks": {"directory": self.path("banks")}}
        config = self.goods.config(**lyceum.merge(copy.deepcopy(here), changes))
        return [command, self.write_config(config), *more]

    def train(self, **changes):
        config = lyceum.train_config(self.folder, self.goods.data, "model", train={"epochs": 1},
                                     output=self.path("out"))
        return ["train", self.write_config(lyceum.merge(config, changes))]

    def taught(self, path, **teacher):
        """Distillation by recorded logits."""
        return self.distill(teachers=[{"name": "t", "bank": path, **teacher}])

    def configured(self, text):
        """Distillation by a configuration of these bytes; a function is given those of a good one."""
        if callable(text):
            text = text(json.dumps(self.goods.config(output=self.path("out"))).encode())
        return ["distill", self.bytes(text, "config.json")]

    def resume(self, spoil, *more, first=None, **changes):
        """A run that lacks but its result.json, spoiled and resumed; `first` changes what it starts with."""
        directory = self.path("run")
        config = lyceum.merge(copy.deepcopy(self.goods.run_config), {"output": directory, **(first or {})})
        lyceum.run("distill", self.write_config(config), "--quiet")
        os.unlink(os.path.join(directory, "result.json"))
        spoil(directory)
        return ["distill", self.write_config(lyceum.merge(config, changes)), "--resume", *more]


def at(row, value):
    """Puts `value` into one row of a column."""
    def spoil(column):
        column = column.copy()
        column[row] = value
        return column
    return spoil


def floats(x):
    return (x / 255).astype("float32")


def delete(name):
    def change(file):
        del file[name]
    return change


def absent(_):
    return None
