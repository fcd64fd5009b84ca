#!/usr/bin/python3
"""What PyTorch makes of Nesterov momentum, of clipped gradients, of decay on weights only, of its schedules, of label
smoothing and of averaged parameters; for test_optimizers.c, test_smoothing.c and test_average.c.

Run without arguments; writes optimizer.bin beside this file. Computed in single precision on the CPU. Records: a line
"name type count", then `count` little-endian numbers, type f4.
"""
import pathlib

import numpy as np
import torch
import torch.nn as nn

PARTS, DECAYS = (15, 5, 20, 4), (True, False, True, False)  # weight, bias, weight, bias of a 3-5-4 perceptron
STEPS, RUN = 20, 40
OPTIMIZERS = {  # kind, options, decay on weights only, clip
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}, False, 0),
    "nesterov-decay": (torch.optim.SGD, {"momentum": 0.8, "nesterov": True, "weight_decay": 0.05}, False, 0),
    "sgd-weights": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.05}, True, 0),
    "adam-weights": (torch.optim.Adam, {"eps": 1e-6, "weight_decay": 0.05}, True, 0),
    "adamw-weights": (torch.optim.AdamW, {"eps": 1e-6, "weight_decay": 0.05}, True, 0),
    "sgd-clip": (torch.optim.SGD, {}, False, 6.5),
    "nesterov-clip": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05}, True, 6.5),
    "adamw-clip": (torch.optim.AdamW, {"eps": 1e-6, "weight_decay": 0.05}, False, 3),
}


def write(file, name, values):
    values = np.ascontiguousarray(np.asarray(values, dtype="<f4")).reshape(-1)
    file.write(f"{name} f4 {values.size}\n".encode() + values.tobytes())


def optimizers(file):
    start, gradients = torch.randn(sum(PARTS)), torch.randn(STEPS, sum(PARTS))
    write(file, "all/start", start)
    write(file, "all/gradients", gradients)
    for name, (kind, options, weights_only, clip) in OPTIMIZERS.items():
        params = [nn.Parameter(part.clone()) for part in start.split(PARTS)]
        decay = options.get("weight_decay", 0)
        groups = [{"params": [p], "weight_decay": decay if decays or not weights_only else 0}
                  for p, decays in zip(params, DECAYS)]
        optimizer, norms = kind(groups, lr=0.1, **options), []
        for step in range(STEPS):
            for group in optimizer.param_groups:
                group["lr"] = 0.1 * (1 - step / 40)
            for p, gradient in zip(params, gradients[step].split(PARTS)):
                p.grad = gradient.clone()
            if clip:
                norms.append(nn.utils.clip_grad_norm_(params, clip).item())
            optimizer.step()
            if step == 0:
                write(file, f"{name}/first", torch.cat(params).detach())
        write(file, f"{name}/last", torch.cat(params).detach())
        if clip:
            assert min(norms) < 6.5 < max(norms)  # some gradients are clipped, some are not
            write(file, f"{name}/norms", norms)


def schedules(file):
    def factors(make):
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1)
        schedule, out = make(optimizer), []
        for _ in range(RUN):
            out.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return out

    named = torch.optim.lr_scheduler
    write(file, "step/factors", factors(lambda o: named.MultiStepLR(o, [20, 30], gamma=0.1)))
    write(file, "third/factors", factors(lambda o: named.StepLR(o, 10, gamma=0.5)))
    write(file, "linear/factors", factors(lambda o: named.LinearLR(o, 1, 0.2, RUN)))
    write(file, "cosine/factors", factors(lambda o: named.CosineAnnealingLR(o, RUN, 0.1)))


def smoothing(file):
    logits, labels = torch.randn(12, 5) * 2, torch.arange(12) % 5
    labels[3], labels[7] = -1, -1
    write(file, "smoothing/logits", logits)
    write(file, "smoothing/labels", labels)
    for share in (0, 0.1, 0.5):
        x = logits.double().requires_grad_()
        loss = nn.CrossEntropyLoss(label_smoothing=share, ignore_index=-1)(x, labels)
        loss.backward()
        write(file, f"smoothing-{share}/loss", loss.item())
        write(file, f"smoothing-{share}/gradient", x.grad)


def average(file):
    size = sum(PARTS)
    model = nn.Linear(size, 1, bias=False)
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=lambda mean, new, count: 0.9 * mean + 0.1 * new)
    params, after = torch.randn(STEPS, size), []
    for row in params:
        model.weight.data.copy_(row)
        averaged.update_parameters(model)
        after.append(averaged.module.weight.detach().clone().flatten())
    write(file, "average/params", params)
    write(file, "average/after", torch.stack(after))


torch.manual_seed(21)
with open(pathlib.Path(__file__).with_name("optimizer.bin"), "wb") as out:
    optimizers(out)
    schedules(out)
    smoothing(out)
    average(out)
