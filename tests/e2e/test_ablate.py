"""Ablations: every combination once, kills and stops without loss, failures told, a table that agrees with the runs."""
import csv
import json
import math
import os
import shutil
import signal
import subprocess
import time

import h5py
import numpy as np

import lyceum

SEEDS = [1, 2]
STRATEGIES = ["uniform", "learned"]


def names():
    return [f"strategy={strategy},seed={seed}" for strategy in STRATEGIES for seed in SEEDS]


class Ablate(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.data = lyceum.write_dataset(self.folder, train=1500, test=1100, noise=250.0)
        self.teachers = []
        for name in ("a", "b"):
            config = lyceum.train_config(self.folder, self.data, name, "mlp", train={"seed": ord(name), "epochs": 1})
            lyceum.run("train", lyceum.write_config(self.folder, name, config), "--quiet")
            self.teachers.append({"name": name, "model": os.path.join(self.folder, name, "model.h5")})
        self.base = self.write_base("base")
        self.output = os.path.join(self.folder, "ablation")

    def write_base(self, name, **changes):
        return lyceum.write_config(self.folder, name, lyceum.distill_config(
            self.folder, self.data, self.teachers, name, **changes))

    def write(self, name="ablation", **changes):
        content = {"name": "two by two", "base": self.base, "output": self.output,
                   "axes": {"agent.strategy": STRATEGIES, "train.seed": SEEDS},
                   "reference": {"agent.strategy": "uniform"}}
        content.update(changes)
        return lyceum.write_config(self.folder, "ablation-" + name, {k: v for k, v in content.items() if v is not None})

    def run_path(self, name, file="result.json"):
        return os.path.join(self.output, "runs", name, file)

    def result(self, name):
        with open(self.run_path(name)) as file:
            return json.load(file)

    def table(self, file):
        with open(os.path.join(self.output, file), encoding="utf-8") as opened:
            return opened.read()

    def finished(self):
        return {name: os.stat(self.run_path(name)).st_mtime_ns for name in names() if os.path.exists(self.run_path(name))}

    def start(self, *arguments):
        return subprocess.Popen([os.path.abspath(lyceum.PROGRAM), "ablate", *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def wait_until(self, condition, process, what):
        deadline = time.monotonic() + 120
        while not condition():
            self.assertIsNone(process.poll(), f"ended before {what}")
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.005)

    @staticmethod
    def is_alive(process):
        try:
            with open(f"/proc/{process}/stat") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    # ---- the table ------------------------------------------------------------------------------------------

    def check_table(self, table):
        runs = {run["name"]: run for run in table["runs"]}
        self.assertEqual(sorted(runs), sorted(names()))
        for name, run in runs.items():
            said = self.result(name)
            self.assertEqual(run["state"], "finished")
            self.assertEqual(run["test_accuracy"], said["test"]["accuracy"])
            self.assertEqual(run["test_nll"], said["test"]["nll"])
            self.assertEqual(run["test_ece"], said["test"]["ece_15_bins"])
            self.assertEqual(run["valid_accuracy"], said["valid"]["accuracy"])
            self.assertEqual(run["seconds"], said["seconds"])
            self.check_run_file(run)
            self.check_flops(run, said)
        for setting in table["settings"]:
            self.check_setting(setting, runs)
        self.check_difference(table["settings"], runs)

    def check_run_file(self, run):
        with h5py.File(os.path.join(run["output"], "run.h5"), "r") as file:
            weights = file["trajectory/weight"][()].astype(float)
        last = weights[len(weights) - -(-len(weights) // 4):].mean(0)
        for k, teacher in enumerate(self.teachers):
            self.assertAlmostEqual(run["last_quarter_weight"][teacher["name"]], last[k], places=12)

    def check_flops(self, run, said):
        forward = 2 * (784 * 32 + 32 * 10)
        train = run["flops_student"] / (3 * said["rows"]["train"])
        self.assertGreater(train, 2 * forward)
        self.assertLessEqual(train, 3.2 * forward)
        asked = said["rows"]["train"] + said["rows"]["reward"] + said["rows"]["valid"]
        self.assertAlmostEqual(run["flops_teachers"] / (2 * forward * asked), 1, delta=0.02)
        with h5py.File(os.path.join(run["output"], "run.h5"), "r") as file:
            probes = {key: value[()] for key, value in file["probes"].items()}
        differ = (probes["select_a"] != probes["select_b"]).any(1) | (probes["weight_a"] != probes["weight_b"]).any(1)
        steps = -(-said["rows"]["train"] // 64)
        tail = said["rows"]["train"] - 64 * (steps - 1)
        rows = sum(tail if (step + r) % steps == steps - 1 else 64 for step in probes["step"][differ].tolist()
                   for r in range(2))
        samples = min(128, said["rows"]["reward"])
        measured = run["flops_probes"] - 2 * rows * train
        self.assertAlmostEqual(measured, differ.sum() * 3 * samples * forward, delta=0.002 * measured + 1)
        self.assertEqual(run["flops_probes"] > 0, "learned" in run["name"])

    def check_setting(self, setting, runs):
        mine = [run for run in runs.values() if run["setting"] == setting["setting"]]
        self.assertEqual(len(mine), len(SEEDS))
        self.assertEqual(setting["finished"], len(SEEDS))
        for mean, key in (("accuracy", "test_accuracy"), ("nll", "test_nll"), ("ece", "test_ece"),
                          ("agreement", "agreement"), ("seconds", "seconds")):
            values = [run[key] for run in mine]
            self.assertAlmostEqual(setting[mean + "_mean"], np.mean(values), places=12)
            self.assertAlmostEqual(setting[mean + "_deviation"], np.std(values, ddof=1), places=12)
        for teacher in self.teachers:
            self.assertAlmostEqual(setting["last_quarter_weight"][teacher["name"]],
                                   np.mean([run["last_quarter_weight"][teacher["name"]] for run in mine]), places=12)

    def check_difference(self, settings, runs):
        by_name = {setting["setting"]: setting for setting in settings}
        self.assertIsNone(by_name["strategy=uniform"]["difference"])
        learned = by_name["strategy=learned"]
        d = np.array([runs[f"strategy=learned,seed={s}"]["test_accuracy"] - runs[f"strategy=uniform,seed={s}"]["test_accuracy"]
                      for s in SEEDS])
        self.assertAlmostEqual(learned["difference"], d.mean(), places=12)
        error = d.std(ddof=1) / math.sqrt(2)
        if error < 1e-12:
            self.assertIsNone(learned["p"])
            return
        # With one degree of freedom Student's t is Cauchy's distribution: t(0.975) = tan(0.475 pi).
        reach = math.tan(0.475 * math.pi) * error
        self.assertAlmostEqual(learned["difference_low"], d.mean() - reach, places=9)
        self.assertAlmostEqual(learned["difference_high"], d.mean() + reach, places=9)
        p = 1 - 2 / math.pi * math.atan(abs(d.mean()) / error)
        self.assertAlmostEqual(learned["p"], p, places=9)
        self.assertEqual(learned["p_holm"], learned["p"], "one comparison needs no correction")

    def check_agreement(self, table):
        """Against the answers that `lyceum eval` gives."""
        for run in table["runs"][:1]:
            said = lyceum.run("eval", os.path.join(run["output"], "student.h5"), "--data", self.data, "--split", "test",
                              *[word for t in self.teachers for word in ("--against", t["model"])], "--json", "--quiet")
            mixture = json.loads(said.stdout)["against"][-1]
            self.assertEqual(mixture["model"], "mixture of them")
            self.assertAlmostEqual(run["agreement"], mixture["agreement"], places=12)

    def check_files(self, table):
        with open(os.path.join(self.output, "table.json")) as file:
            self.assertEqual(json.load(file), table)
        with open(os.path.join(self.output, "table.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["setting"] for row in rows], [s["setting"] for s in table["settings"]])
        for row, setting in zip(rows, table["settings"]):
            self.assertEqual(float(row["accuracy_mean"]), setting["accuracy_mean"])
            self.assertEqual(float(row["weight.b"]), setting["last_quarter_weight"]["b"])
            self.assertEqual(row["p"] == "", setting["p"] is None)
        text = self.table("table.txt")
        markdown = self.table("table.md")
        for setting in table["settings"]:
            shown = f"{100 * setting['accuracy_mean']:.2f} ± {100 * setting['accuracy_deviation']:.2f}"
            self.assertIn(shown, text)
            self.assertIn(f"| {shown} |", markdown)
        learned = {s["setting"]: s for s in table["settings"]}["strategy=learned"]
        if learned["p_holm"] is not None and learned["p_holm"] >= 0.05:
            self.assertIn("Not distinguishable from the reference", text)

    # ---- tests ----------------------------------------------------------------------------------------------

    def test_budgets(self):
        """The same rule with the labels and with the FLOPs that the learned strategy spends."""
        table = json.loads(lyceum.run("ablate", self.write(axes={"agent.strategy": STRATEGIES},
                                                           budget={"rules": ["uniform"]}), "--json", "--quiet").stdout)
        runs = {run["setting"]: run for run in table["runs"]}
        settings = {setting["setting"]: setting for setting in table["settings"]}
        self.assertEqual([setting["budget"] for setting in table["settings"]], ["same", "same", "labels", "flops"])
        same, labels, flops = (runs["strategy=uniform" + more] for more in ("", ", budget=labels", ", budget=flops"))
        rows = {run["name"]: self.result(run["name"])["rows"] for run in runs.values()}
        self.assertEqual(rows[labels["name"]]["train"], rows[same["name"]]["train"] + rows[same["name"]]["reward"])
        self.assertEqual(labels["flops_teachers"], same["flops_teachers"])
        self.assertEqual(settings["strategy=uniform, budget=labels"]["reference"], "strategy=uniform")

        # 3 epochs of 19 steps, every 4 a pair: 15 pairs of 2 x 2 batches of 64 rows and 3 measurements on 128.
        train = same["flops_student"] / 3 / rows[same["name"]]["train"]
        forward = 2 * (784 * 32 + 32 * 10)
        most = 15 * (4 * 64 * train + 3 * 128 * forward)
        epochs = 3 + math.ceil(most / (train * rows[same["name"]]["train"]))
        self.assertEqual(rows[same["name"]]["train"], 1200)
        self.assertEqual(settings["strategy=uniform, budget=flops"]["epochs"], epochs)
        self.assertAlmostEqual(flops["flops_student"], epochs / 3 * same["flops_student"])
        learned = runs["strategy=learned"]
        self.assertGreaterEqual(flops["flops_student"], learned["flops_student"] + learned["flops_probes"])
        text = self.table("table.txt")
        self.assertIn(f"flops ({epochs} epochs)", text)
        self.assertIn("there is no interval", text)

    def test_learning_on_rewarded_rows_is_refused(self):
        message = lyceum.run("ablate", self.write(axes={"agent.strategy": STRATEGIES, "data.train_on_reward": [True]}),
                             check=2).stderr
        self.assertIn("must be unseen", message)

    def test_kill_resume_and_table(self):
        ablation = self.write()
        process = self.start(ablation, "--jobs", "2", "--quiet")
        self.wait_until(lambda: len(self.finished()) >= 1, process, "a run finished")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = self.finished()
        self.assertLess(len(before), 4, "the kill came too late to show anything")
        refused = lyceum.run("ablate", ablation, check=2)
        self.assertIn("--resume", refused.stderr)
        table = json.loads(lyceum.run("ablate", ablation, "--jobs", "2", "--resume", "--json", "--quiet").stdout)
        after = self.finished()
        self.assertEqual(sorted(after), sorted(names()))
        for name, time_of in before.items():
            self.assertEqual(after[name], time_of, f"{name} was finished, and was run again")
        self.check_table(table)
        self.check_agreement(table)
        self.check_files(table)
        again = lyceum.run("ablate", ablation, "--table", "--json", "--quiet")
        self.assertEqual(json.loads(again.stdout), table)
        self.assertEqual(self.finished(), after)

    def test_stop_and_broken_run(self):
        broken = [dict(self.teachers[0]), {"name": "b", "model": os.path.join(self.folder, "missing.h5")}]
        self.base = self.write_base("base", train={"epochs": 100})
        ablation = self.write(axes={"teachers": {"good": self.teachers, "bad": broken}, "train.seed": SEEDS},
                              reference=None)
        good = os.path.join(self.output, "runs", "teachers=good,seed=1")
        process = self.start(ablation, "--jobs", "2")
        self.wait_until(lambda: os.path.exists(os.path.join(good, "run.h5")), process, "a run started")
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            children = file.read().split()
        self.assertTrue(children)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.3)
        self.assertEqual([child for child in children if self.is_alive(child)], [], "runs outlive their ablation")
        self.assertFalse(os.path.exists(os.path.join(good, "result.json")), "the kill came too late to show anything")
        shutil.rmtree(os.path.join(self.output, "logs"))
        process = self.start(ablation, "--jobs", "2", "--resume")
        log = os.path.join(self.output, "logs", "teachers=bad,seed=1.txt")
        self.wait_until(lambda: os.path.exists(log) and os.path.getsize(log) > 0, process, "a run failed")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("stopped:", errors)
        self.assertIn("--resume", errors)
        self.assertFalse(os.path.exists(os.path.join(good, "result.json")), "the stop came too late to show anything")
        result = lyceum.run("ablate", ablation, "--jobs", "2", "--resume", "--json", check=1)
        self.assertIn("2 of 4 runs failed", result.stderr)
        runs = {run["name"]: run for run in json.loads(result.stdout)["runs"]}
        for seed in SEEDS:
            self.assertEqual(runs[f"teachers=good,seed={seed}"]["state"], "finished")
            self.assertEqual(runs[f"teachers=bad,seed={seed}"]["state"], "failed")
            self.assertIn("missing.h5", runs[f"teachers=bad,seed={seed}"]["error"])
        text = self.table("table.txt")
        self.assertIn("Failed, and left out of the table:", text)
        self.assertIn("missing.h5", text)

    def test_checked_before_anything_runs(self):
        for changes, message in (
                ({"axes": {"agent.stratgy": ["uniform"]}, "reference": None}, 'did you mean "agent.strategy"'),
                ({"axes": {"train.epochs": [1, 0]}, "reference": None}, "train.epochs"),
                ({"axes": {"agent.strategy": ["uniform", "static"]}}, "agent.weights"),
                ({"reference": {"agent.strategy": "none"}}, "is not among the values"),
                ({"refrence": {}}, 'did you mean "reference"')):
            refused = lyceum.run("ablate", self.write("bad", **changes), check=2)
            self.assertIn(message, refused.stderr)
            self.assertFalse(os.path.exists(self.output))
        ablation = self.write("changed", axes={"agent.strategy": ["uniform"]}, reference=None)
        lyceum.run("ablate", ablation, "--quiet")
        changed = self.write("changed", axes={"agent.strategy": ["uniform"]}, reference=None, set={"train.epochs": 4})
        refused = lyceum.run("ablate", changed, "--resume", check=1)
        self.assertIn("another configuration", refused.stderr)


if __name__ == "__main__":
    lyceum.main()
