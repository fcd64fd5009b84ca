"""Writes the first inputs of the fuzz targets: tests/fuzz/corpus/<target>/<name>. Inputs that were found by fuzzing
stand beside them and are left alone.

    /usr/bin/python3 tests/golden/fuzz_corpus.py
"""
import gzip
import math
import os
import struct

CORPUS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fuzz", "corpus")


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
}

if __name__ == "__main__":
    for target, inputs in INPUTS.items():
        os.makedirs(os.path.join(CORPUS, target), exist_ok=True)
        for name, content in inputs.items():
            with open(os.path.join(CORPUS, target, name), "wb") as file:
                file.write(content)
