"""Writes the first inputs of the fuzz targets: tests/fuzz/corpus/<target>/<name>. Inputs that were found by fuzzing
stand beside them and are left alone.

    /usr/bin/python3 tests/golden/fuzz_corpus.py

Needs the program, build/release/lyceum or $LYCEUM: it makes the models and the run that some inputs are taken from.
"""
import ctypes
import gzip
import json
import math
import os
import struct
import subprocess
import tempfile

import h5py
import numpy as np

GOLDEN = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(GOLDEN), "fuzz", "corpus")
PROGRAM = os.path.abspath(os.environ.get("LYCEUM", os.path.join(GOLDEN, "..", "..", "build", "release", "lyceum")))


def idx(*dims, values=None, type=8):
    if values is None:
        values = bytes(i % 256 for i in range(math.prod(dims)))
    return bytes([0, 0, type, len(dims)]) + b"".join(struct.pack(">I", dim) for dim in dims) + values


def pack(content):
    return gzip.compress(content, mtime=0)


def with_option(option, content):
    return bytes([option]) + (content if isinstance(content, bytes) else content.encode())


RECORDS = bytes([3]) + bytes(i % 251 for i in range(3072)) + bytes([9]) + bytes(i % 7 for i in range(3072))
TABLE = 'u,kind,"v ""w"""\r\n1,bee,2.5\r\n-3e1,"an\nt",+.5\r\n'
DISTILL = ('{"output": "o", "data": {"path": "d.h5", "augment": {"views": 2, "shift": 1, "cutout": 4, "teacher_view": '
           '"clean"}}, "teachers": [{"name": "a", "model": "a.h5"}, {"name": "b", "bank": "b.h5", "delay_ms": 5, '
           '"class_map": [1, 0]}], "student": {"arch": "mlp", "hidden": [8, 8]}, "agent": {"strategy": "static", '
           '"weights": [1, 2]}, "optimizer": {"kind": "sgd", "lr": 1e-2}}')

INPUTS = {
    "idx": {
        "images": idx(2, 3, 4), "labels": idx(5), "four": idx(2, 3, 2, 2), "packed": pack(idx(2, 3, 4)),
        "cut": idx(2, 3, 4)[:-3], "long": idx(2, 2) + b"x", "header": idx(2, 3, 4)[:9], "empty": b"",
        "huge": idx(0xffffffff, values=b"abc"), "overflow": idx(*[0xffffffff] * 4, values=b"abc"), "zero": idx(2, 0, values=b""), "type": idx(2, 2, type=13),
        "half_packed": pack(idx(200, 30))[:60],
    },
    "cifar": {
        "ten": with_option(0, RECORDS), "hundred": with_option(1, bytes([1]) + RECORDS[:3073]),
        "packed": with_option(0, pack(RECORDS)), "cut": with_option(0, RECORDS[:-1]),
        "half_packed": with_option(0, pack(RECORDS)[:50]), "empty": b"\0",
    },
    "csv": {
        "header": with_option(0, TABLE), "named": with_option(6, TABLE), "mark": with_option(0, b"\xef\xbb\xbf1,2,a\n"),
        "plain": with_option(2, "1,2,3\n4,5,6\n"), "first": with_option(3, "7,0,255\n8,1,2\n"),
        "semicolon": with_option(0x40, "1;2;x\n3;4;y"), "unlabelled": with_option(0x80, "1,2\n3,4\n"),
        "quote": with_option(0, '1,"2'), "ragged": with_option(0, "1,2,3\n4,5\n"), "word": with_option(0, "1,2,a\nx,2,a\n"),
        "zero": with_option(0, b"1,\0,a\n"), "packed": with_option(0, pack(TABLE.encode())), "empty": b"\0",
        "large": with_option(0, "1e39,2,a\n"), "blank": with_option(0, "\n\n1, 2 ,a\n\n"),
    },
    "config": {
        "distill": with_option(0, DISTILL),
        "train": with_option(1, '{"output": "o", "data": {"path": "d.h5"}, "network": {"arch": "lenet5"}}'),
        "duplicate": with_option(1, '{"output": "o", "output": "p"}'), "unknown": with_option(1, '{"outptu": 1}'),
        "trailing": with_option(1, '{} x'), "deep": with_option(1, "[" * 40), "number": with_option(1, '{"train": 1e999}'),
        "escape": with_option(1, '{"name": "\\u0000\\ud800\\n"}'), "list": with_option(0, '{"teachers": [1, {}, null]}'),
        "empty": b"\0",
    },
    "ablation": {
        "whole": '{"name": "a", "base": "b.json", "output": "o", "set": {"train.epochs": 1}, "axes": {"agent.strategy": '
                 '["none", "uniform"], "train.seed": [1, 2], "train.batch": {"small": 8, "large": 64}}, "reference": '
                 '{"agent.strategy": "none"}}'.encode(),
        "result": b'{"test": {"accuracy": 0.5}, "seconds": null}', "empty": b"", "list": b"[1]",
        "within": b'{"base": "b", "output": "o", "axes": {"train": [1], "train.seed": [1, 1]}}',
        "twice": b'{"base": "b", "base": "c", "axes": {}}',
    },
    "options": {
        "long": b"--data=a\n--window\n7\n--fraction\n0.5\n--file\nx\n--file\ny\nz",
        "short": b"-dfile\n-w\n-3\n-q\n-t8\n-o\nout\nc.json", "dashes": b"--json\n--\n--quiet\n-x",
        "sets": b"--set\ntrain.epochs=3\n--set\nteachers[0].name=b\n--set=student={\"arch\": \"lenet5\"}\n--set\n"
                b"agent.weights=[1]\n--set\nagent.strategy=static",
        "bad_sets": b"--set\n.=\n--set\nteachers[9].name=b\n--set\ntrain=[\n--set\nname.x=1",
        "near": b"--wnidow\n1", "twice": b"--data\na\n--data\nb", "number": b"--fraction\n1e999", "empty": b"",
    },
}


# ---- HDF5 files as lists of records, tests/fuzz/container.h ----------------------------------------------------------

GROUP, DATASET, ATTRIBUTE, LINK = range(4)
NUMBERS = ["<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8", ">i4", ">u8", ">f4", ">f8"]
TEXT_NULLPAD, TEXT_VARIABLE = 14, 17
CONTIGUOUS, CHUNKED = range(2)
MOST_BYTES, CUT_TO = 1024, 48  # a longer array is cut: the builder repeats what there is


def name_of(text):
    return bytes([len(text.encode())]) + text.encode()


def record(kind, name, rest=b""):
    body = bytes([kind]) + name_of(name) + rest
    return struct.pack("<H", len(body)) + body


def value(content):
    """Of a text, a list of texts, or numbers."""
    if isinstance(content, str):
        content = np.array(content.encode())
    elif isinstance(content, list):
        content = np.array([text.encode() for text in content])
    content = np.asarray(content)
    shape = content.shape
    if content.dtype.kind == "S":
        kind, width = TEXT_NULLPAD, max(1, content.dtype.itemsize)
    elif content.dtype.kind == "O": # of texts of variable length the builder repeats one
        kind, width = TEXT_VARIABLE, 0
        content = np.array([text if isinstance(text, bytes) else text.encode() for text in content.ravel()])
    else:
        code = content.dtype.newbyteorder("<").str.replace("|", "<")
        kind, width = NUMBERS.index(code), 0
    content_bytes = np.ascontiguousarray(content).tobytes() or b"\0"
    if kind < TEXT_NULLPAD and len(content_bytes) > MOST_BYTES:
        content_bytes = content_bytes[:CUT_TO]
    return struct.pack(f"<BHB{len(shape)}I", kind, width, len(shape), *shape) + content_bytes


def attribute(name, content, owner="/"):
    return record(ATTRIBUTE, owner, name_of(name) + value(content))


def dataset(name, content, layout=CONTIGUOUS):
    return record(DATASET, name, bytes([layout]) + value(content))


def records_of(path):
    """The content of a file, objects first."""
    found, attributes = [], []

    def take(name, item):
        if isinstance(item, h5py.Group):
            found.append(record(GROUP, name))
        else:
            found.append(dataset(name, item[()], CHUNKED if item.chunks else CONTIGUOUS))
        attributes.extend(attribute(key, content, "/" + name) for key, content in item.attrs.items())

    with h5py.File(path, "r", swmr=path.endswith("run.h5")) as file:
        attributes.extend(attribute(key, content) for key, content in file.attrs.items())
        file.visititems(take)
    return b"".join(found + attributes)


def lyceum(*words):
    subprocess.run([PROGRAM, *map(str, words), "--quiet"], check=True)


def small_data(folder):
    """60 images of 3 classes, 3 x 8 x 8."""
    path = os.path.join(folder, "data.h5")
    numbers = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["x"] = numbers.integers(0, 256, (60, 3, 8, 8)).astype("u1")
        file["y"] = (np.arange(60) % 3).astype("i8")
        file["split"] = (np.arange(60) >= 50).astype("u1")
        file["id"] = np.arange(100, 160).astype("u8")
        file.attrs["classes"] = ["a", "b", "c"]
    return path


NETWORKS = {
    "mlp": {"arch": "mlp", "hidden": [4]}, "resnet": {"arch": "resnet", "depth": 8, "shortcut": "project"},
    "convnet": {"arch": "convnet", "dropout": 0.1, "blocks": [
        {"channels": 4, "kernel": 3, "stride": 2, "batch_norm": True, "pool": 2, "dropout": 0.1}, {"channels": 2}]},
}


def small_files(folder):
    """What small runs leave behind, by name: models of each network, a data set, the run itself, its bank and logits."""
    data = small_data(folder)
    files = {"data": data}
    common = {"data": {"path": data, "reward_fraction": 0.2, "valid_fraction": 0.2}, "train": {"epochs": 1, "batch": 8}}
    for name, network in NETWORKS.items():
        config = {**common, "network": network, "output": os.path.join(folder, name)}
        with open(os.path.join(folder, name + ".json"), "w") as file:
            json.dump(config, file)
        lyceum("train", os.path.join(folder, name + ".json"))
        files[name] = os.path.join(folder, name, "model.h5")
    config = {**common, "student": NETWORKS["mlp"], "output": os.path.join(folder, "run"),
              "banks": {"directory": os.path.join(folder, "banks")},
              "teachers": [{"name": name, "model": files[name]} for name in NETWORKS],
              "agent": {"strategy": "learned", "credit": {"every": 2, "steps": 1, "samples": 8}}}
    with open(os.path.join(folder, "run.json"), "w") as file:
        json.dump(config, file)
    lyceum("distill", os.path.join(folder, "run.json"))
    files["run"] = os.path.join(folder, "run", "run.h5")
    files["bank"] = next(os.path.join(folder, "banks", n) for n in sorted(os.listdir(os.path.join(folder, "banks")))
                         if n.endswith(".h5"))
    files["logits"] = os.path.join(folder, "logits.h5")
    lyceum("eval", files["mlp"], "--data", data, "--split", "all", "--logits", files["logits"])
    return files


STATE = {"a/f32": ("<f4", 3), "a/f64": ("<f8", 2), "b/i32": ("<i4", 2), "b/u32": ("<u4", 1), "b/i64": ("<i8", 2),
         "u64": ("<u8", 1), "u8": ("<u1", 4)}


def checkpoint(skip=(), extra=b""):
    """As fuzz_checkpoint.c wants it; the target itself mends the checksum."""
    arrays = b"".join(dataset(name, np.arange(1, count + 1).astype(code)) for name, (code, count) in STATE.items()
                      if name not in skip)
    text = dataset("require/config", '{\n  "name": "a"\n}\n\0')
    return (arrays + text + extra + attribute("format", "lyceum checkpoint 1") +
            attribute("step", np.uint64(7)) + attribute("checksum", "0" * 32))


def bank_checksum(view, block, values):
    xxh3 = ctypes.CDLL("libxxhash.so.0").XXH3_64bits_withSeed
    xxh3.restype, xxh3.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    return xxh3(values.tobytes(), values.nbytes, view << 40 ^ (block + 1))


def bank(rows=5, filled=1, view_key="clean"):
    """As fuzz_bank.c wants it."""
    logits = np.arange(rows * 3, dtype="<f4").reshape(rows, 3)
    sums = [np.array([bank_checksum(v, b, logits[2 * b:2 * b + 2]) for b in range(3)], "<u8") for v in range(2)]
    views = b"".join(dataset(f"logits/{v}", logits) + dataset(f"filled/{v}", np.full(3, filled, "u1")) +
                     dataset(f"checksum/{v}", sums[v]) for v in range(2))
    return (views + dataset("id", np.arange(rows).astype("<u8")) + attribute("format", "lyceum bank 1") +
            attribute("data_fingerprint", "0123456789abcdef" * 2) + attribute("teacher_fingerprint", "fedcba9876543210" * 2) +
            attribute("view_key", view_key) + attribute("precision", "f32") + attribute("views", np.uint64(2)) +
            attribute("rows", np.uint64(rows)) + attribute("classes", np.uint64(3)) + attribute("block_rows", np.uint64(2)))


def container_inputs(files):
    features = dataset("x", np.arange(80, dtype="<f4").reshape(40, 2)) + dataset("y", (np.arange(40) % 2).astype("<i4"))
    return {
        "dataset": {"images": records_of(files["data"]), "features": features,
                    "named": features + attribute("classes", ["no", "yes"]) + attribute("mean", np.ones(1)) +
                    attribute("std", np.ones(1)) + attribute("fingerprint", "0" * 32) + attribute("format", "lyceum data 1"),
                    "pytorch": records_of(os.path.join(GOLDEN, "data_pytorch.h5")), "empty": b""},
        "model": {name: records_of(files[name]) for name in NETWORKS},
        "bank": {"whole": bank(), "unfilled": bank(filled=0), "short": bank(rows=3), "other": bank(view_key="x")},
        "recorded": {"logits": b"\0" + records_of(files["logits"]), "bank": b"\1" + records_of(files["bank"]),
                     "views": b"\2" + records_of(os.path.join(GOLDEN, "recorded", "views.h5")),
                     "labels": b"\0" + records_of(os.path.join(GOLDEN, "recorded", "labels.h5"))},
        "checkpoint": {"whole": checkpoint(), "lacking": checkpoint(skip=("u8",)),
                       "surplus": checkpoint(extra=dataset("b/more", np.ones(2, "<f4")))},
        "run": {"learned": b"\0" + records_of(files["run"]), "window": b"\3" + records_of(files["run"])},
    }


def image_inputs():
    folder = os.path.join(GOLDEN, "images")
    return {"image": {name: open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))
                      if name != "huge.png"}}


def write(inputs):
    for target, of_target in inputs.items():
        os.makedirs(os.path.join(CORPUS, target), exist_ok=True)
        for name, content in of_target.items():
            with open(os.path.join(CORPUS, target, name), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    write(INPUTS)
    write(image_inputs())
    with tempfile.TemporaryDirectory() as holder:
        write(container_inputs(small_files(holder)))
