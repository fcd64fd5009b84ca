"""Recorded logits as a user's script writes them with h5py, for tests/unit/teachers/test_recorded.c.

    /usr/bin/python3 tests/golden/recorded_goldens.py      writes tests/golden/recorded/*.h5
"""
import os

import h5py
import numpy as np

ROWS, TEST_ROWS, CLASSES = 240, 40, 4
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


def write(name, **content):
    attributes = content.pop("attributes", {})
    with h5py.File(os.path.join(FOLDER, name), "w") as file:
        for key, value in content.items():
            file.create_dataset(key.replace("__", "/"), data=value)
        for key, value in attributes.items():
            file.attrs[key] = value


def main():
    os.makedirs(FOLDER, exist_ok=True)
    rng = np.random.default_rng(20)
    label = rng.integers(0, CLASSES, ROWS)
    ids = (7000 + 3 * rng.permutation(ROWS)).astype(np.uint64)
    split = np.zeros(ROWS, np.uint8)
    split[-TEST_ROWS:] = 1
    write("data.h5", x=rng.integers(0, 256, (ROWS, 1, 3, 3), dtype=np.uint8), y=label.astype(np.int64), split=split,
          id=ids, attributes={"classes": ["ant", "bee", "cat", "dog"]})

    seen = np.where(rng.random(ROWS) < 0.8, label, rng.integers(0, CLASSES, ROWS))
    logits = (rng.normal(size=(ROWS, CLASSES)) + 4.0 * np.eye(CLASSES)[seen]).astype(np.float32)
    order = rng.permutation(ROWS)
    logits.tofile(os.path.join(FOLDER, "logits.bin"))
    write("in_order.h5", logits=logits, id=ids)
    write("any_order.h5", logits=logits[order].astype(np.float64), id=ids[order].astype(np.int64))
    write("half.h5", logits=logits.astype(np.float16), id=ids)
    write("misordered.h5", logits=logits[order], id=ids)
    write("no_id.h5", logits=logits)
    write("unrelated.h5", logits=rng.normal(size=(ROWS, CLASSES)), id=ids, attributes={"unrelated_to_labels": 1})
    write("views.h5", logits__0=logits, logits__1=2 * logits, id=ids,
          attributes={"view_key": "shift=1 flip=0 seed=7"})
    write("labels.h5", logits=np.repeat(seen[:, None], CLASSES, 1), id=ids)
    write("named.h5", logits=logits, id=ids, attributes={"classes": ["bee", "ant", "cat", "dog"]})


main()
