#!/usr/bin/python3
"""Reads a data set and a model of Lyceum with nothing but h5py and numpy, for test_model.c.

read_with_h5py.py DATA MODEL OUT: checks what docs/files.md promises, computes the logits of every row of DATA by
MODEL (a perceptron) and writes them to OUT as little-endian float64. Exit 77: h5py or numpy is not installed.
"""
import json
import sys

try:
    import h5py
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

data_path, model_path, out = sys.argv[1:]
with h5py.File(data_path, "r") as f:
    x, rows = f["x"][:], len(f["x"])
    assert f["x"].dtype == np.uint8 and x.ndim == 4
    assert f["x"].chunks is None and f["x"].compression is None
    assert f["y"].dtype == np.int64 and f["y"].shape == (rows,)
    assert f["split"].dtype == np.uint8 and f["split"].shape == (rows,)
    assert f["id"].dtype == np.uint64 and f["id"].shape == (rows,)
    assert f.attrs["format"].decode() == "lyceum data 1"
    classes = [name.decode() for name in f.attrs["classes"]]
    train = x[f["split"][:] == 0] / 255
    assert np.allclose(f.attrs["mean"], train.mean((0, 2, 3)), atol=1e-6)
    assert np.allclose(f.attrs["std"], train.std((0, 2, 3)), atol=1e-6)
    assert len(f.attrs["fingerprint"].decode()) == 32
    assert f.attrs["source"].decode() == "made by a test"

with h5py.File(model_path, "r") as f:
    config = json.loads(f["config"][()].decode())
    attrs = dict(f.attrs)
    assert [name.decode() for name in attrs["classes"]] == classes == config["classes"]
    assert attrs["arch"].decode() == config["arch"] == "mlp"
    assert [attrs[k] for k in ("channels", "height", "width")] == list(x.shape[1:])
    assert [config[k] for k in ("channels", "height", "width")] == list(x.shape[1:])
    assert attrs["hidden"].tolist() == config["hidden"]
    assert attrs["dropout"] == config["dropout"]
    assert attrs["format"].decode() == config["format"] == "lyceum model 1"
    assert json.loads(attrs["provenance"].decode()) == {"made": "by a test, with \u00fcmlauts"}
    mean, std = attrs["mean"], attrs["std"]
    assert np.allclose(mean, config["mean"], rtol=1e-12) and np.allclose(std, config["std"], rtol=1e-12)
    layers = len(config["hidden"]) + 1
    assert sorted(f["params"]) == sorted(f"fc{i + 1}.{k}" for i in range(layers) for k in ("weight", "bias"))
    value = ((x / 255 - mean[:, None, None]) / std[:, None, None]).reshape(rows, -1)
    for i in range(layers):
        assert f[f"params/fc{i + 1}.weight"].dtype == np.float32
        value = value @ f[f"params/fc{i + 1}.weight"][:].T.astype(float) + f[f"params/fc{i + 1}.bias"][:]
        value = np.maximum(value, 0) if i + 1 < layers else value
value.astype("<f8").tofile(out)
