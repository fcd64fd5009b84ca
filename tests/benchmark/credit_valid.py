"""Settings of the agent against each other on `valid`, for docs/credit.md ("Per instance", "How often", "What was tried"):

    scripts/credit --prepare                                       # data, teachers and planted teachers in demo/
    /usr/bin/python3 tests/benchmark/credit_valid.py action        # or: often, instance, labels, sharpness

A row a setting, a column an ensemble: accuracy on `valid` in percent, mean over the seeds and in brackets the least and
the most; then the largest weight over the seeds that each teacher had in the last quarter of a run, and over the 47
batches from half way on where two change places there. `test` is not looked at. Runs lie in demo/tried, and what is
finished is not repeated. The program is $LYCEUM, or build/release/lyceum.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

import h5py
import numpy as np

PROGRAM = os.environ.get("LYCEUM", "build/release/lyceum")
DATA, PLANTED, RUNS = (pathlib.Path("demo") / name for name in ("fashion.h5", "planted", "tried"))
EPOCH = 47  # batches


def model(name, path):
    return {"name": name, "model": f"demo/{path}/model.h5"}


def recorded(file, name=None):
    return {"name": name or file, "bank": f"demo/planted/{file}.h5"}


LENET, MLP = model("lenet5", "teachers/lenet5"), model("mlp", "teachers/mlp")
TWO = {"lenet5 and mlp": [LENET, MLP]}
THIRD = {third: [LENET, MLP, recorded(third, "third")]
         for third in ("scrambled", "specialist", "overconfident", "overconfident-hard", "noisy")}
SWAPPED = {"change places": [recorded("good-bad"), recorded("bad-good"), MLP]}
SPECIALISTS = {"specialists": [recorded("low"), recorded("high"), model("weak", "planted/weak")]}


def agent(*sets, beside=()):
    """A setting: what it sets, and the teachers that it puts beside those of the ensemble."""
    return list(sets), list(beside)


def per_instance(steps, every, *sets):
    return agent("agent.granularity=instance", f"agent.credit.steps={steps}", f"agent.credit.every={every}", *sets)


def sharper(factor, *sets):
    return agent(*sets, beside=[recorded(f"lenet5-times-{factor}"), recorded(f"mlp-times-{factor}")])


LABELS = {factor: [recorded(f"labels-{factor}", "labels")] for factor in (20, 80)}
FORMER = ("agent.credit.every=48", "agent.credit.steps=16")
ACTIONS = {action: agent(f"agent.action={action}", *FORMER) for action in ("select", "weight")}
# Of each table: seeds, ensembles, settings.
TABLES = {
    "often": (range(101, 121), {**THIRD, **SWAPPED}, {
        **{f"{steps} of {every}": agent(f"agent.credit.steps={steps}", f"agent.credit.every={every}")
           for steps, every in ((16, 48), (16, 32), (16, 24), (16, 16), (8, 24), (12, 24))},
        "16 of 24, select+weight": agent("agent.credit.every=24", "agent.action=select+weight", "agent.sigma=1"),
        "16 of 24, weight": agent("agent.credit.every=24", "agent.action=weight"),
        "confidence": agent("agent.strategy=confidence"), "the MLP": agent("agent.strategy=single:mlp")}),
    "action": (range(101, 111), {**THIRD, **SWAPPED, **TWO, "a linear one": [LENET, model("linear", "planted/linear")]},
               ACTIONS),
    "instance": (range(101, 106), SPECIALISTS, {
        **{f"{steps} of {every}, {samples}":
           per_instance(steps, every, f"agent.credit.samples={samples}", "agent.credit.delay=0")
           for steps, every, samples in ((16, 48, 2048), (8, 32, 2048), (8, 32, 1024), (4, 32, 2048), (4, 24, 2048),
                                         (4, 16, 2048), (4, 16, 1024), (2, 8, 1024))},
        "default": agent("agent.granularity=instance"),
        **{f"{steps} of {every}, weight": per_instance(steps, every, "agent.action=weight", "agent.credit.delay=0")
           for steps, every in ((16, 48), (4, 16))}}),
    "labels": (range(101, 106), {**TWO, "noisy": THIRD["noisy"]}, {
        **{f"alpha {alpha}": agent(f"loss.alpha={alpha}", *FORMER) for alpha in (0, 0.1, 0.3, 0.5, 0.7, 0.9)},
        **{f"labels x {factor}, {action}": agent("loss.alpha=0", f"agent.action={action}", *FORMER, beside=LABELS[factor])
           for factor in LABELS for action in ACTIONS},
        "labels x 20, uniform": agent("loss.alpha=0", "agent.strategy=uniform", beside=LABELS[20]),
        "labels x 20, alpha 0.1": agent(*FORMER, beside=LABELS[20])}),
    "sharpness": (range(101, 106), {**TWO, "noisy": THIRD["noisy"]}, {
        **{f"T {temperature}": agent(f"loss.temperature={temperature}", *FORMER) for temperature in (1, 2, 4, 8, 16)},
        **{f"and x {factor}, {action}": sharper(factor, f"agent.action={action}", *FORMER) for factor in (0.5, 2) for action in ACTIONS},
        "and x 0.5, uniform": sharper(0.5, "agent.strategy=uniform")}),
}


# ---- recorded teachers that the program has no plant for ----------------------------------------------------------------


def record(name, like, logits):
    """`logits` of all rows, in the order of the recorded teacher `like`."""
    with h5py.File(PLANTED / f"{like}.h5") as source, h5py.File(PLANTED / f"{name}.h5", "w") as file:
        file["logits"], file["id"], file["check"] = logits.astype("f4"), source["id"][:], source["check"][:]
        for key in ("data_fingerprint", "classes"):
            file.attrs[key] = source.attrs[key]


def logits_of(name):
    path = PLANTED / f"{name}.h5"
    if not path.exists():
        subprocess.run([PROGRAM, "eval", f"demo/teachers/{name}/model.h5", "--data", DATA, "--split", "all", "--logits", path,
                        "--quiet"], check=True, stdout=subprocess.DEVNULL)
    with h5py.File(path) as file:
        return file["logits"][:]


def one_hot():
    with h5py.File(DATA) as data, h5py.File(PLANTED / "lenet5.h5") as like:
        labels, ids = data["y"][:], data["id"][:]
        place = np.argsort(ids)[np.searchsorted(np.sort(ids), like["id"][:])]
    return np.eye(labels.max() + 1)[labels[place]]


def prepare():
    for factor in (0.5, 2):
        for name in ("lenet5", "mlp"):
            record(f"{name}-times-{factor}", name, factor * logits_of(name))
    for factor in LABELS:
        record(f"labels-{factor}", "lenet5", factor * one_hot())


# ---- runs ---------------------------------------------------------------------------------------------------------------


def finished(job):
    """Accuracy on `valid`, and the weights of a run, which is made unless it is there."""
    table, ensemble, setting, seed = job
    sets, beside = TABLES[table][2][setting]
    teachers = TABLES[table][1][ensemble] + beside
    output = RUNS / table / re.sub(r"[^\w.-]+", "-", f"{ensemble}-{setting}-{seed}")
    if not (output / "result.json").exists():
        subprocess.run([PROGRAM, "distill", "configs/planted/student.json", "--seed", str(seed), "--output", output, "--resume",
                        "--quiet", "--json", "--threads", "1", "--set", f"teachers={json.dumps(teachers)}",
                        *[word for one in sets for word in ("--set", one)]], check=True, stdout=subprocess.DEVNULL)
    with h5py.File(output / "run.h5") as file:
        weights = file["trajectory/weight"][:]
    half = len(weights) // 2
    return (json.loads((output / "result.json").read_text())["valid"]["accuracy"], weights[-(len(weights) // 4):].mean(0),
            weights[half:half + EPOCH].mean(0))


def cell(runs, with_change):
    accuracies = [100 * accuracy for accuracy, _, _ in runs]
    text = f"{np.mean(accuracies):.2f} ({min(accuracies):.1f} to {max(accuracies):.1f})"
    most = [np.max([run[1 + when] for run in runs], 0) for when in range(1 + with_change)]
    return text + "; " + "; then ".join(" / ".join(f"{weight:.2f}" for weight in weights) for weights in most)


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in TABLES:
        raise SystemExit(__doc__)
    table = sys.argv[1]
    seeds, ensembles, settings = TABLES[table]
    prepare()
    jobs = [(table, ensemble, setting, seed) for setting in settings for ensemble in ensembles for seed in seeds]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = dict(zip(jobs, pool.map(finished, jobs)))
    print(f"|  | {' | '.join(ensembles)} |\n|{'---|' * (1 + len(ensembles))}")
    for setting in settings:
        cells = [cell([runs[table, ensemble, setting, seed] for seed in seeds], ensemble in SWAPPED) for ensemble in ensembles]
        print(f"| {setting} | {' | '.join(cells)} |")


main()
