#!/usr/bin/python3
"""A model file written from a PyTorch network with h5py, for tests/unit/data/test_model.c.

Run without arguments; writes model_pytorch.h5 beside this file: the network's parameters under their PyTorch names,
the attributes that Lyceum needs, and (ignored by it) /check/x [rows,C,H,W] with the logits that PyTorch gives.
"""
import pathlib

import h5py
import torch

torch.manual_seed(3)
CHANNELS, HEIGHT, WIDTH, HIDDEN, CLASSES = 2, 3, 4, (5, 6), 3
mean, std = torch.tensor([0.25, 0.5]), torch.tensor([0.5, 2.0])


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(CHANNELS * HEIGHT * WIDTH, HIDDEN[0])
        self.fc2 = torch.nn.Linear(HIDDEN[0], HIDDEN[1])
        self.fc3 = torch.nn.Linear(HIDDEN[1], CLASSES)

    def forward(self, x):
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc3(torch.relu(self.fc2(x)))


model = Mlp().eval()
x = torch.rand(8, CHANNELS, HEIGHT, WIDTH)
with torch.no_grad():
    logits = model((x - mean[:, None, None]) / std[:, None, None])

with h5py.File(pathlib.Path(__file__).parent / "model_pytorch.h5", "w") as f:
    for name, value in model.state_dict().items():
        f.create_dataset("params/" + name, data=value.numpy(), track_times=False)
    f.create_dataset("check/x", data=x.numpy(), track_times=False)
    f.create_dataset("check/logits", data=logits.numpy(), track_times=False)
    f.attrs.update(format="lyceum model 1", arch="mlp", channels=CHANNELS, height=HEIGHT, width=WIDTH,
                   hidden=list(HIDDEN), classes=["a", "b", "c"], mean=mean.numpy(), std=std.numpy())
