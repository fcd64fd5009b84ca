#!/usr/bin/python3
"""Data-set files as a user writes them with h5py, for tests/unit/data/test_dataset_h5py.c.

Run without arguments; writes data_*.h5 beside this file. Pixel values are (7 * position) % 256 over the whole of x.
"""
import pathlib

import h5py
import numpy as np

HERE = pathlib.Path(__file__).parent


def pixels(*shape):
    return (7 * np.arange(np.prod(shape)) % 256).astype("uint8").reshape(shape)


def write(name, attributes=None, **columns):
    with h5py.File(HERE / name, "w", track_order=False) as f:
        for key, value in columns.items():
            f.create_dataset(key, data=value, track_times=False)
        for key, value in (attributes or {}).items():
            f.attrs[key] = value


# Everything given, in the types that PyTorch uses.
write("data_pytorch.h5", {"classes": ["cat", "dog", "größer"], "mean": [0.5, 0.25], "std": [0.5, 0.125]},
      x=pixels(6, 2, 3, 4), y=np.array([0, 1, 2, -1, 1, 0]), split=np.array([0, 0, 0, 0, 1, 1], "uint8"),
      id=np.array([40, 30, 20, 10, 2**63 + 5, 0], "uint64"))

# As little as possible: features in double precision and 32-bit labels.
write("data_features.h5", x=pixels(5, 6) / 256.0, y=np.array([3, 0, 1, 1, 2], "int32"))

# Class names in fixed length, grey images without a channel axis, no labels, compressed.
with h5py.File(HERE / "data_unlabelled.h5", "w") as f:
    f.create_dataset("x", data=pixels(4, 5, 5), compression="gzip", chunks=(2, 5, 5), track_times=False)
    f.create_dataset("split", (4,), "uint8", track_times=False)  # never written: zeros
    f.attrs["classes"] = np.array([b"a", b"bc"], "S6")
