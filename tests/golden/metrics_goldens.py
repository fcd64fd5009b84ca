#!/usr/bin/python3
"""Figures of classifiers, for tests/unit/distill/test_metrics.c; written from docs/metrics.md with numpy alone.

Run without arguments; writes metrics.bin beside this file. Records of the file: a line "name f8 count", then `count`
little-endian float64.
"""
import pathlib

import numpy as np


def probabilities(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def calibration_error(confidence, right, bins=15):
    edges = np.arange(bins + 1) / bins
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error


def macro_f1(labels, predictions):
    scores = []
    for c in sorted(set(labels) | set(predictions)):
        true_positive = np.sum((labels == c) & (predictions == c))
        false_positive = np.sum((labels != c) & (predictions == c))
        false_negative = np.sum((labels == c) & (predictions != c))
        scores.append(2 * true_positive / (2 * true_positive + false_positive + false_negative))
    return np.mean(scores)


def matthews(labels, predictions, classes):
    """R_K as the ratio of covariances of one-hot matrices, not by its closed form."""
    x, y = np.eye(classes)[labels], np.eye(classes)[predictions]
    x, y = x - x.mean(0), y - y.mean(0)
    spread = np.sum(x * x) * np.sum(y * y)
    return np.sum(x * y) / np.sqrt(spread) if spread > 0 else 0.0


def measure(logits, labels):
    keep = labels >= 0
    logits, labels = logits[keep], labels[keep]
    p = probabilities(logits)
    predictions = p.argmax(1)
    of_label = p[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):
        nll = -np.log(of_label).mean()
    brier = ((p - np.eye(p.shape[1])[labels]) ** 2).sum(1).mean()
    right = predictions == labels
    return [len(labels), right.mean(), nll, brier, calibration_error(p.max(1), right), macro_f1(labels, predictions),
            matthews(labels, predictions, p.shape[1])]


def agree(teacher, student):
    p, q = probabilities(teacher), probabilities(student)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0)
    return [(p.argmax(1) == q.argmax(1)).mean(), terms.sum(1).mean()]


def main():
    random = np.random.default_rng(7)
    records = []
    cases = 0
    for rows, classes, sharpness, occurring, unknown in ((61, 5, 1.0, 5, False), (200, 10, 4.0, 10, False),
                                                         (40, 2, 2.0, 2, False), (50, 7, 3.0, 3, False),
                                                         (64, 6, 2.0, 6, True)):
        labels = random.integers(0, occurring, rows)
        logits = sharpness * random.standard_normal((rows, classes))
        logits[np.arange(rows), labels] += sharpness
        teachers = sharpness * random.standard_normal((3, rows, classes))
        teachers[:, np.arange(rows), labels] += 1.0
        labels[random.random(rows) < 0.1] = -1
        logits, teachers = logits.astype(np.float32), teachers.astype(np.float32)
        if unknown:
            teachers[1, :, classes // 2:] = -np.inf
            logits[labels == 0, classes - 1] = -np.inf
            teachers[:, labels == 0, classes - 1] = -np.inf
        whole, theirs = logits.astype(np.float64), teachers.astype(np.float64)
        with np.errstate(divide="ignore"):
            mixture = np.log(np.mean([probabilities(t) for t in theirs], axis=0))
        for field, values in (("head", [rows, classes, len(teachers)]), ("logits", logits), ("labels", labels),
                              ("teachers", teachers), ("metrics", measure(whole, labels)),
                              ("specialist", measure(theirs[1], labels)),
                              ("agreement", [agree(t, whole) for t in theirs]), ("mixture", mixture)):
            records.append((f"{cases}/{field}", values))
        cases += 1
    records.insert(0, ("all/cases", [cases]))
    with open(pathlib.Path(__file__).with_name("metrics.bin"), "wb") as file:
        for name, values in records:
            values = np.ascontiguousarray(values, "<f8").ravel()
            file.write(f"{name} f8 {values.size}\n".encode())
            file.write(values.tobytes())


if __name__ == "__main__":
    main()
