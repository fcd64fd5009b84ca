#!/usr/bin/python3
"""Soft targets of several teachers, for tests/unit/student/test_fusion.c.

Written from docs/fusion.md in the most literal way: every teacher is first turned into a whole distribution over
the classes, then the distributions are mixed. Run without arguments; writes fusion.bin beside this file.

Records of the file: a line "name f8 count", then `count` little-endian float64.
"""
import pathlib

import numpy as np


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def mixture(space, distributions, weights):
    """One distribution out of whole ones; weights sum to 1."""
    if space == "probability":
        return sum(w * p for w, p in zip(weights, distributions))
    with np.errstate(divide="ignore"):
        return softmax(sum(w * np.log(p) for w, p in zip(weights, distributions)))


def fuse_row(space, logits, weights, temperature, label):
    selected = [k for k in range(len(weights)) if weights[k] > 0]
    known = {k: np.isfinite(logits[k]) for k in selected}
    if not selected or (label >= 0 and not any(known[k][label] for k in selected)):
        return None
    own = {}
    for k in selected:
        own[k] = np.zeros(len(logits[k]))
        if known[k].any():
            own[k][known[k]] = softmax(logits[k][known[k]] / temperature)
    full = [k for k in selected if known[k].all()]
    if full:
        total = sum(weights[k] for k in full)
        base = mixture(space, [own[k] for k in full], [weights[k] / total for k in full])
        whole = []
        for k in selected:
            mass = base[known[k]].sum()
            whole.append(own[k] if k in full else np.where(known[k], own[k] * mass, base))
        return mixture(space, whole, [weights[k] for k in selected])
    target = np.zeros(logits.shape[1])
    for c in range(len(target)):
        knowers = [k for k in selected if known[k][c]]
        total = sum(weights[k] for k in knowers)
        if not knowers:
            continue
        if space == "probability":
            target[c] = sum(weights[k] * own[k][c] for k in knowers) / total
        else:
            target[c] = np.exp(sum(weights[k] * np.log(own[k][c]) for k in knowers) / total)
    return target / target.sum() if target.sum() > 0 else None


def knowledge(name, random, teachers, rows, classes):
    """[teachers, rows, classes]: which classes a teacher knows in a row."""
    known = np.ones((teachers, rows, classes), bool)
    if name == "one specialist":
        known[1, :, classes // 2:] = False
    elif name == "two specialists":
        known[1, :, classes // 2:] = False
        known[2, :, :classes // 3] = False
    elif name == "only specialists":
        for k in range(teachers):
            known[k] = False
            known[k, :, k:k + 3] = True
    elif name == "disjoint":
        for k in range(teachers):
            known[k, :, :] = np.arange(classes) % teachers == k
    elif name == "at random":
        known = random.random((teachers, rows, classes)) < 0.7
    return known


def main():
    random = np.random.default_rng(20240501)
    teachers, rows, classes = 3, 8, 6
    records = []
    cases = 0
    for name in ("all know all", "one specialist", "two specialists", "only specialists", "disjoint", "at random"):
        for space in ("probability", "logit"):
            for temperature in (1.0, 4.0):
                for per_row in (False, True):
                    logits = (3.0 * random.standard_normal((teachers, rows, classes))).astype(np.float32)
                    logits[~knowledge(name, random, teachers, rows, classes)] = -np.inf
                    weights = random.dirichlet(np.ones(teachers), rows if per_row else 1)
                    weights[random.random(len(weights)) < 0.4, 0] = 0.0
                    weights = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
                    labels = random.integers(-1, classes, rows)
                    target, has = np.zeros((rows, classes)), np.zeros(rows)
                    for b in range(rows):
                        row = fuse_row(space, logits[:, b].astype(np.float64),
                                       weights[b if per_row else 0].astype(np.float64), temperature, labels[b])
                        if row is not None:
                            target[b], has[b] = row, 1.0
                    head = [teachers, rows, classes, space == "logit", temperature, per_row]
                    for field, values in (("head", head), ("logits", logits), ("weights", weights), ("labels", labels),
                                          ("target", target), ("has", has)):
                        records.append((f"{cases}/{field}", values))
                    cases += 1
    records.insert(0, ("all/cases", [cases]))
    with open(pathlib.Path(__file__).with_name("fusion.bin"), "wb") as file:
        for name, values in records:
            values = np.ascontiguousarray(values, "<f8").ravel()
            file.write(f"{name} f8 {values.size}\n".encode())
            file.write(values.tobytes())


if __name__ == "__main__":
    main()
