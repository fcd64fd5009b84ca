#!/usr/bin/python3
"""The whole loop of `lyceum distill` beside its PyTorch twin (loop_twin.py), run in turn on this machine.

    /usr/bin/python3 tests/benchmark/loop.py build/release/lyceum FOLDER [PART...]

20,000 images of Fashion-MNIST (and its 10,000 for the test), a LeNet-5 as the student, one teacher of each convolutional
architecture at its default size (a ResNet-8 of the residual ones), trained for two epochs; the learned agent with the
shipped defaults; 10 epochs. FOLDER keeps data, teachers, runs and what was measured. Parts, by default all but the plain
ones; everything runs twice, and of several measurements the least counts, on both sides.

    prepare      data and teachers, where they are not there yet; forgets what was measured
    empty full   lyceum distill with empty banks, and once more with the banks that it has filled
    calibrate    times every setting of the twin: threads and how they wait, formats, forms of AdamW, kernels of OpenBLAS,
                 eager and compiled teachers
    kept every   the twin that keeps its teachers' outputs, and the one that runs its teachers on every batch, with the
                 settings that take least; once with spinning and once with sleeping threads
    plain-kept plain-every
                 the same as PyTorch comes: eager teachers, waiting and memory as they are; threads and formats at their best
    table        what came out

Seconds of Lyceum are those of the whole process, from its start to its last file, with two threads; those of PyTorch
begin after imports and reading and end before the test.
"""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import h5py
import numpy

PROGRAM = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "lyceum").resolve()
PACKAGE, ROWS, EPOCHS, THREADS = "/usr/share/datasets/fashion-mnist", 20000, 10, 2
TEACHERS = {"lenet5": {"arch": "lenet5"}, "convnet": {"arch": "convnet"}, "resnet8": {"arch": "resnet", "depth": 8}}
TWIN = pathlib.Path(__file__).with_name("loop_twin.py")
TRAINING = {"optimizer": {"kind": "adamw", "lr": 0.002}, "train": {"epochs": 2, "batch": 128, "seed": 7}}
SIDES = {"empty": "Lyceum, banks empty", "full": "Lyceum, banks full", "kept": "PyTorch, teachers' outputs kept",
         "every": "PyTorch, teachers on every batch", "plain-kept": "PyTorch as it comes, outputs kept",
         "plain-every": "PyTorch as it comes, every batch"}
STAGES = "teacher", "student", "decide", "probe"


def run(command, **more):
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **more}).stdout


def save(folder, name, value):
    (folder / f"{name}.json").write_text(json.dumps(value, indent=1))


def save_least(folder, name, value):
    """Of several measurements the one that took least."""
    if not (folder / f"{name}.json").exists() or value["seconds"] < load(folder, name)["seconds"]:
        save(folder, name, value)


def load(folder, name):
    return json.loads((folder / f"{name}.json").read_text())


def write_data(folder):
    """The first ROWS images of the train part, and the test part."""
    whole, part = folder / "fashion.h5", folder / "data.h5"
    if part.exists():
        return
    files = [f"--{name}={PACKAGE}/{path}-ubyte.gz" for name, path in
             (("train-images", "train-images-idx3"), ("train-labels", "train-labels-idx1"),
              ("test-images", "t10k-images-idx3"), ("test-labels", "t10k-labels-idx1"))]
    run([PROGRAM, "data", "idx", "--quiet", "--source", "Fashion-MNIST", "-o", whole, *files])
    with h5py.File(whole) as source, h5py.File(folder / "data.part", "w") as out:
        split = source["split"][:]
        taken = [i for i, test in enumerate(split) if test or i < ROWS]
        for name in ("x", "y", "split"):
            out[name] = source[name][:][taken]
        for name in ("classes", "mean", "std"):
            out.attrs[name] = source.attrs[name]
    (folder / "data.part").rename(part)


def prepare(folder):
    for name in (*SIDES, "calibrate"):
        (folder / f"{name}.json").unlink(missing_ok=True)
    write_data(folder)
    for name, network in TEACHERS.items():
        target = folder / "teachers" / name
        if (target / "result.json").exists():
            continue
        save(folder, f"teacher-{name}", {"output": str(target), "data": {"path": str(folder / "data.h5")},
                                         "network": network, **TRAINING})
        run([PROGRAM, "train", folder / f"teacher-{name}.json", "--quiet", "--json", "--threads", THREADS])


def distill(folder, name, clear):
    if clear:
        shutil.rmtree(folder / "banks", ignore_errors=True)
    shutil.rmtree(folder / "runs" / name, ignore_errors=True)
    save(folder, "distill", {
        "output": str(folder / "runs" / name), "data": {"path": str(folder / "data.h5")},
        "teachers": [{"name": teacher, "model": str(folder / "teachers" / teacher / "model.h5")} for teacher in TEACHERS],
        "banks": {"directory": str(folder / "banks")}, "student": {"arch": "lenet5"}, "train": {"epochs": EPOCHS}})
    begun = time.perf_counter()
    result = json.loads(run([PROGRAM, "distill", folder / "distill.json", "--quiet", "--json", "--threads", THREADS]))
    seconds = time.perf_counter() - begun
    with h5py.File(folder / "runs" / name / "run.h5", swmr=True) as file:
        trajectory = file["trajectory"]
        rows = dict(zip([t.decode() for t in file["committed"].attrs["tables"]], file["committed"][:].tolist()))["trajectory"]
        stages = {stage: float(trajectory[f"seconds_{stage}"][:rows].sum()) for stage in STAGES}
        probes = int((~numpy.isnan(trajectory["reward"][:rows])).sum())
        late = trajectory["weight"][rows - rows // 4:rows].mean(0).tolist()
    save_least(folder, name, {"seconds": seconds, "samples": result["rows"]["train"] * EPOCHS, "steps": rows, "probes": probes,
                              "stages": {"teachers": stages.pop("teacher"), **stages}, "valid": result["valid"]["accuracy"],
                              "test": result["test"]["accuracy"], "late_weight": late})


def environment(kernels, waiting, keep_memory=True):
    """Of a twin: OpenBLAS kernels (None: as it chooses), how idle threads wait, and whether freed memory is kept."""
    kept = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "2147483648"} if keep_memory else {}
    return {"LYCEUM": str(PROGRAM), **kept, **({"OPENBLAS_CORETYPE": kernels} if kernels else {}),
            **({"OMP_WAIT_POLICY": waiting} if waiting else {})}


def calibrate(folder):
    """Every setting that was measured, also of what a process is started with."""
    core = re.search(r"(\w+) kernels", run([PROGRAM, "doctor"])).group(1)
    measured = {"student": [], "teachers": []}
    for started in itertools.product((None, core), (None, "passive")):
        found = json.loads(run([sys.executable, TWIN, folder / "runs" / "empty", "calibrate"], **environment(*started)))
        for side, settings in found.items():
            measured[side] += [{**setting, "started": started} for setting in settings]
    save(folder, "calibrate", measured)


def best_setting(measured, teachers_share):
    """The settings that take least together; threads and what a process is started with are those of one process."""
    pairs = [(student, teachers) for student, teachers in itertools.product(measured["student"], measured["teachers"])
             if all(student[key] == teachers[key] for key in ("threads", "started"))]
    student, teachers = min(pairs, key=lambda pair: pair[0]["ms"] + teachers_share * pair[1]["ms"])
    return {"threads": student["threads"], "started": student["started"], "student": student, "teachers": teachers}


def twin(folder, name):
    """With threads that spin while they wait and with threads that sleep: which is faster in the loop, a calibration of
    single batches does not tell."""
    measured, mode, plain = load(folder, "calibrate"), name.split("-")[-1], name.startswith("plain-")
    for waiting in (None,) if plain else (None, "passive"):
        fitting = {side: [s for s in settings if s["started"][1] == waiting
                          and not (plain and (s["started"][0] or s.get("compiled")))] for side, settings in measured.items()}
        setting = best_setting(fitting, 1 / EPOCHS if mode == "kept" else 1)
        found = run([sys.executable, TWIN, folder / "runs" / "empty", mode, json.dumps(setting)],
                    **environment(*setting["started"], keep_memory=not plain))
        save_least(folder, name, {**json.loads(found), "setting": setting})


def describe(setting):
    student, teachers, (kernels, waiting) = setting["student"], setting["teachers"], setting["started"]
    return (f"{setting['threads']} threads, waiting {waiting or 'active'}, {kernels or 'own'} kernels; student "
            f"{student['format']}, AdamW {'foreach' if student['foreach'] else 'plain'}; teachers {teachers['format']}, "
            f"{'compiled' if teachers['compiled'] else 'eager'}")


AIMS = {"kept": " (aimed at: 3)", "every": " (aimed at: 8)"}


def table(folder):
    found = {name: load(folder, name) for name in SIDES if (folder / f"{name}.json").exists()}
    if not {"empty", "full"} <= found.keys():
        raise SystemExit("loop.py: nothing to compare with yet; run the parts `empty` and `full` first")
    columns = "teachers", "student", "decide", "probe"
    print(f"{'':34}{'seconds':>8} {'samples/s':>10}  seconds in{''.join(f'{c:>9}' for c in (*columns, 'rest'))}  probes    test"
          f"   late weights ({', '.join(TEACHERS)})")
    for name, f in found.items():
        stages = [f["stages"][stage] for stage in columns]
        stages.append(f["seconds"] - sum(stages))
        print(f"{SIDES[name]:34}{f['seconds']:8.2f} {f['samples'] / f['seconds']:10,.0f}{'':12}"
              f"{''.join(f'{s:9.2f}' for s in stages)}  {f['probes']:6d} {100 * f['test']:5.2f} %"
              f"   {', '.join(f'{w:.2f}' for w in f['late_weight'])}")
    for name, f in found.items():
        if "setting" in f:
            print(f"times the throughput of {SIDES[name]}: {f['seconds'] / found['empty']['seconds']:.2f}{AIMS.get(name, '')}; "
                  f"{describe(f['setting'])}")
    print("with empty banks the rest of Lyceum's time holds the teachers, who are measured on `reward` and `valid` first")
    waited = found["full"]["stages"]["teachers"]
    print(f"with full banks the student waited {1000 * waited:.1f} ms for its teachers, "
          f"{100 * waited / found['full']['seconds']:.2f} % of the run")


PARTS = {"prepare": prepare, "empty": lambda f: distill(f, "empty", True), "full": lambda f: distill(f, "full", False),
         "calibrate": calibrate, **{name: lambda f, name=name: twin(f, name) for name in list(SIDES)[2:]}, "table": table}
USUAL = "prepare empty full calibrate kept every empty full table".split()


def main():
    if len(sys.argv) < 3 or any(part not in PARTS for part in sys.argv[3:]):
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for part in sys.argv[3:] or USUAL:
        PARTS[part](folder)


main()
