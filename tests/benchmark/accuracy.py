#!/usr/bin/python3
"""Trains in PyTorch what a finished run of `lyceum train` trained, by the same recipe, and prints one line of JSON.

    LYCEUM=build/release/lyceum /usr/bin/python3 tests/benchmark/accuracy.py runs/cifar/resnet8-seed1 [THREADS]

The recipe is the run's config.json, as resolved; the data are the run's data set; the splits are those that
`lyceum eval --logits` writes down, row by row. Order, initial values, dropout and views follow the same laws with
PyTorch's random numbers. The checkpoint is chosen as Lyceum does it, on `valid`; `test` is looked at once.
"""
import copy
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
import torch
import torch.nn.functional as F

import networks

# What the twin does not do, and the value at which there is nothing to do.
INERT = {("data", "labelled"): 0, ("data", "train_rows"): 0, ("data", "only_classes"): None, ("data", "class_order"): None,
         ("train", "ema_decay"): 0, ("train", "select"): "best"}


def split_rows(model, config, split, ids):
    """Rows of the data-set file that Lyceum counts among `split`; `model` is any that fits the data."""
    data = config["data"]
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/logits.h5"
        subprocess.run([os.environ["LYCEUM"], "eval", model, "--data", data["path"], "--split", split,
                        "--reward-fraction", str(data["reward_fraction"]), "--valid-fraction", str(data["valid_fraction"]),
                        "--split-seed", str(data["split_seed"]), "--logits", out, "--quiet", "--json", "--threads", "1"],
                       check=True, stdout=subprocess.DEVNULL)
        with h5py.File(out) as file:
            wanted = file["id"][:]
    order = np.argsort(ids)
    return torch.from_numpy(order[np.searchsorted(ids[order], wanted)])


def read_data(config):
    with h5py.File(config["data"]["path"]) as file:
        x = file["x"][:]
        ids = file["id"][:] if "id" in file else np.arange(len(x))
        mean, std = (np.asarray(file.attrs[name], "f4").reshape(1, -1, 1, 1) for name in ("mean", "std"))
        x = x.astype("f4") / np.float32(255 if x.dtype == np.uint8 else 1)
        classes = len(file.attrs["classes"])
        black = torch.from_numpy(-mean / std)
        return torch.from_numpy((x - mean) / std), torch.from_numpy(file["y"][:].astype("i8")), ids, classes, black


class Views:
    """View v of a sample: a pure function of (v, row), drawn with PyTorch's numbers; view 0 is the clean one."""

    def __init__(self, x, black, recipe):
        self.shift, self.flip, self.cutout = recipe["shift"], recipe["flip"], recipe["cutout"]
        self.count, self.seed, (rows, _, self.height, self.width) = recipe["views"], recipe["seed"], x.shape
        if self.shift:
            padded = black.expand(rows, -1, self.height + 2 * self.shift, self.width + 2 * self.shift).clone()
            padded[:, :, self.shift:-self.shift, self.shift:-self.shift] = x
            x = padded
        self.x, self.view = x, 0

    def choose(self, epoch):
        self.view = epoch % self.count
        draw = torch.Generator().manual_seed(1000 * self.seed + self.view)
        rows, side = len(self.x), 2 * self.shift + 1
        self.moves = torch.randint(0, side, (rows, 2), generator=draw)
        self.mirrored = torch.rand(rows, generator=draw) < 0.5
        self.holes = torch.stack([torch.randint(0, most, (rows,), generator=draw) for most in (self.height, self.width)], 1)

    def __getitem__(self, rows):
        x = self.x[rows]
        if self.view == 0:
            s = self.shift
            return x[:, :, s:s + self.height, s:s + self.width]
        if self.flip:
            x = torch.where(self.mirrored[rows].view(-1, 1, 1, 1), x.flip(3), x)
        if self.shift:
            move, batch = self.moves[rows], torch.arange(len(rows)).view(-1, 1, 1)
            y = torch.arange(self.height).view(1, -1, 1) + move[:, 0].view(-1, 1, 1)
            z = torch.arange(self.width).view(1, 1, -1) + move[:, 1].view(-1, 1, 1)
            x = x.permute(0, 2, 3, 1)[batch, y, z].permute(0, 3, 1, 2)
        if self.cutout:
            corner = (self.holes[rows] - self.cutout // 2).view(-1, 2, 1, 1)
            y, z = torch.arange(self.height).view(1, -1, 1) - corner[:, 0], torch.arange(self.width).view(1, 1, -1) - corner[:, 1]
            x = x * ~((y >= 0) & (y < self.cutout) & (z >= 0) & (z < self.cutout)).unsqueeze(1)
        return x


def make_optimizer(network, o):
    decay = o["weight_decay"]
    groups = [{"params": list(network.parameters()), "weight_decay": decay}]
    if o["decay"] == "weights":
        groups = [{"params": [p for p in network.parameters() if p.dim() > 1], "weight_decay": decay},
                  {"params": [p for p in network.parameters() if p.dim() == 1], "weight_decay": 0}]
    if o["kind"] == "sgd":
        return torch.optim.SGD(groups, o["lr"], momentum=o["momentum"], nesterov=o["nesterov"])
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[o["kind"]]
    return kind(groups, o["lr"], betas=(o["beta1"], o["beta2"]), eps=o["epsilon"])


def rate_factor(s, step, total):
    rising = math.floor(s["warmup"] * total)
    if step < rising:
        return (step + 1) / rising
    progress = (step - rising) / (total - rising)
    if s["kind"] == "step":
        return math.prod(s["gamma"] for m in s["milestones"] if step >= round(m * total))
    shape = {"constant": 1.0, "linear": 1 - progress, "cosine": 0.5 * (1 + math.cos(math.pi * progress))}[s["kind"]]
    return shape if s["kind"] == "constant" else s["final"] + (1 - s["final"]) * shape


@torch.no_grad()
def measure(network, x, y, rows):
    network.eval()
    logits = torch.cat([network(x[part]) for part in rows.split(500)])
    network.train()
    return (logits.argmax(1) == y[rows]).double().mean().item(), F.cross_entropy(logits, y[rows]).item()


def train_epoch(network, optimizer, recipe, state, x, y, order):
    for rows in order.split(recipe["train"]["batch"]):
        for group in optimizer.param_groups:
            group["lr"] = recipe["optimizer"]["lr"] * rate_factor(recipe["schedule"], state["step"], state["total"])
        loss = F.cross_entropy(network(x[rows]), y[rows], label_smoothing=recipe["loss"]["label_smoothing"])
        optimizer.zero_grad()
        loss.backward()
        if recipe["optimizer"]["clip_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(network.parameters(), recipe["optimizer"]["clip_norm"])
        optimizer.step()
        state["step"] += 1


def main():
    run, threads = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    recipe = json.loads((run / "config.json").read_text())
    for (part, key), inert in INERT.items():
        if recipe[part].get(key, inert) != inert:
            raise SystemExit(f"{run}: {part}.{key} is {recipe[part][key]}; the PyTorch twin has no such thing")
    x, y, ids, classes, black = read_data(recipe)
    splits = {name: split_rows(run / "model.h5", recipe, name, ids) for name in ("train", "valid", "test")}
    torch.manual_seed(recipe["train"]["seed"])
    network = networks.build(recipe["network"], *x.shape[1:], classes)
    optimizer, views = make_optimizer(network, recipe["optimizer"]), Views(x, black, recipe["data"]["augment"])
    steps = math.ceil(len(splits["train"]) / recipe["train"]["batch"])
    state, best, started = {"step": 0, "total": steps * recipe["train"]["epochs"]}, None, time.perf_counter()
    for epoch in range(recipe["train"]["epochs"]):
        views.choose(epoch)
        order = splits["train"][torch.randperm(len(splits["train"]))]
        train_epoch(network, optimizer, recipe, state, views, y, order)
        accuracy, nll = measure(network, x, y, splits["valid"])
        if best is None or (accuracy, -nll) > best[0]:
            best = (accuracy, -nll), epoch + 1, copy.deepcopy(network.state_dict())
    network.load_state_dict(best[2])
    seconds = time.perf_counter() - started
    print(json.dumps({"torch": torch.__version__, "best_epoch": best[1], "valid": {"accuracy": best[0][0]},
                      "test": {"accuracy": measure(network, x, y, splits["test"])[0]}, "seconds": seconds}))


if __name__ == "__main__":
    main()
