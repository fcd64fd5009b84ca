"""The program as people meet it: help, errors, exit codes, JSON, progress, stopping. What the results are worth is the
business of other tests.
"""
import json
import os
import pty
import re
import select
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import jsonschema
import numpy as np

import lyceum
from lyceum import run

COMMANDS = ["data", "train", "distill", "ablate", "bank", "eval", "inspect", "config", "doctor"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def on_terminal(*arguments, env=None):
    """Runs the program with stderr on a terminal of 100 columns; what it wrote there, and the exit code."""
    try:
        main, terminal = pty.openpty()
    except OSError as error:  # a bare container without /dev/pts
        raise unittest.SkipTest(f"this system has no pseudo-terminals: {error}")
    subprocess.run(["stty", "cols", "100"], stdin=terminal, check=True)
    settings = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
    settings.pop("NO_COLOR", None) if "NO_COLOR" not in (env or {}) else None
    process = subprocess.Popen([os.path.abspath(lyceum.PROGRAM), *map(str, arguments)], stdout=subprocess.DEVNULL,
                               stderr=terminal, env=settings)
    os.close(terminal)
    written = b""
    while True:
        if select.select([main], [], [], 120)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:  # the other side is closed
                piece = b""
            if not piece:
                break
            written += piece
    os.close(main)
    return written.decode(), process.wait()


class Help(unittest.TestCase):
    def test_every_command_explains_itself(self):
        for command in COMMANDS:
            text = run(command, "--help").stdout
            for part in ("usage", "options", "examples", "exit codes", f"lyceum {command}"):
                self.assertIn(part, text, f"{command} --help lacks {part}")
            self.assertEqual(text, run("help", command).stdout)

    def test_the_overview_lists_every_command(self):
        text = run("--help").stdout
        for command in COMMANDS:
            self.assertRegex(text, rf"\n  {command} +\w")
        self.assertEqual(text, run("help").stdout)

    def test_no_command_is_wrong_usage(self):
        self.assertIn("commands", run(check=2).stdout)

    def test_keys_of_the_config_are_listed(self):
        self.assertIn("agent.strategy", run("distill", "--help").stdout)
        train = run("train", "--help").stdout
        self.assertIn("network.arch", train)
        self.assertNotIn("agent.strategy", train)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^lyceum \d+\.\d+\.\d+\n$")

    def test_help_has_no_colours_in_a_pipe(self):
        self.assertNotIn("\033", run("--help").stdout)


class Mistakes(unittest.TestCase):
    """Each row: arguments, exit code, what stderr says. stdout stays empty."""
    ROWS = [
        (["distil"], 2, 'unknown command "distil"; did you mean "distill"?'),
        (["--verison"], 2, 'unknown option "--verison"'),
        (["help", "evla"], 2, 'unknown command "evla"; did you mean "eval"?'),
        (["train"], 2, "lyceum train: the config file is missing\nSee: lyceum train --help"),
        (["train", "no.json"], 2, "lyceum train: no.json: No such file or directory"),
        (["eval", "m.h5"], 2, "--data FILE, the data set, is missing"),
        (["eval", "m.h5", "--data", "no.h5"], 1, "no.h5"),
        (["data", "cvs", "-o", "d.h5"], 2, 'unknown kind "cvs"; did you mean "csv"? known: idx, cifar, csv, images'),
        (["data", "-o", "d.h5", "idx"], 2, "unknown option -o"),
        (["data", "cifar", "-o", "d.h5"], 2, "--train, what to read, is missing"),
        (["data", "cifar", "-o", "d.h5", "--train", "a", "--labels", "cifar"], 2, 'unknown --labels "cifar"'),
        (["data", "csv", "-o", "d.h5", "--train", "a", "--shape", "3,32"], 2, "--shape takes channels, height and width"),
        (["data", "csv", "-o", "d.h5", "--train", "a", "--header", "maybe"], 2, 'unknown --header "maybe"'),
        (["data", "csv", "-o", "d.h5", "--train", "a", "--delimiter", ";;"], 2, "--delimiter takes one character"),
        (["data", "csv", "-o", "d.h5", "--train", "a", "--unlabelled"], 2, "--unlabelled needs --classes"),
        (["data", "idx"], 2, "-o FILE, the file to write, is missing"),
        (["data", "idx", "-o", "d.h5"], 2, "--train-images FILE is missing"),
        (["data", "idx", "-o", "d.h5", "--train-images", "a"], 2, "--train-labels FILE is missing"),
        (["data", "idx", "-o", "d.h5", "--train-images", "a", "--train-labels", "b", "--test-images", "c"], 2,
         "--test-images and --test-labels belong together"),
        (["data", "idx", "-o", "d.h5", "--train-images", "a", "--train-labels", "b", "--classes", "x,,y"], 2,
         "--classes has an empty name"),
        (["config", "shcema"], 2, 'unknown choice of what to print "shcema"; did you mean "schema"?'),
        (["config", "resolved"], 2, "the config file is missing"),
        (["config", "schema", "x.json"], 2, "`lyceum config schema` takes no file"),
        (["config", "help", "--set", "a=1"], 2, "--set is for `lyceum config resolved CONFIG`"),
        (["doctor", "now"], 2, 'one argument too many: "now"'),
    ]

    def test_rows(self):
        for arguments, code, message in self.ROWS:
            with self.subTest(arguments=arguments):
                result = run(*arguments, check=code)
                self.assertIn(message, result.stderr)
                self.assertEqual(result.stdout, "")

    def test_a_full_disk_behind_stdout_is_a_failure(self):
        with open("/dev/full", "w") as full:
            process = subprocess.run([os.path.abspath(lyceum.PROGRAM), "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"No space left", process.stderr)


class Config(lyceum.Case):
    def test_texts_are_those_of_the_repository(self):
        for what, path in (("schema", "configs/schema.json"), ("reference", "docs/configuration.md")):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                self.assertEqual(run("config", what).stdout, file.read())

    def test_every_shipped_config_fits_schema_and_program(self):
        with open(os.path.join(ROOT, "configs/schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        found = 0
        for folder, _, names in os.walk(os.path.join(ROOT, "configs")):
            for name in names:
                path = os.path.join(folder, name)
                if not name.endswith(".json") or name == "schema.json":
                    continue
                with open(path, encoding="utf-8") as file:
                    content = json.load(file)
                found += 1
                if "axes" in content:
                    # A budget of FLOPs counts rows: it wants the data, which may not have been made here.
                    with open(os.path.join(ROOT, content["base"]), encoding="utf-8") as file:
                        data = json.load(file)["data"]["path"]
                    counts = "flops" in content.get("budget", {}).get("more", [])
                    lacks_data = counts and not os.path.exists(os.path.join(ROOT, data))
                    listed = run("ablate", path, "--list", cwd=ROOT, check=1 if lacks_data else 0)
                    self.assertIn(f"{data}: cannot open" if lacks_data else "open", listed.stdout + listed.stderr)
                    continue
                validator.validate(content)
                kind = ["--train"] if "network" in content else []
                resolved = json.loads(run("config", "resolved", path, *kind).stdout)
                validator.validate(resolved)
        self.assertGreater(found, 0)

    def test_schema_and_program_refuse_the_same(self):
        with open(os.path.join(ROOT, "configs/schema.json"), encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        good = lyceum.distill_config(self.folder, "d.h5", [{"name": "a", "model": "m.h5"}])
        self.assertTrue(validator.is_valid(good))
        run("config", "resolved", lyceum.write_config(self.folder, "good", good))
        wrongs = [("train", {"epoch": 3}), ("train", {"epochs": 0}), ("train", {"epochs": 1.5}), ("loss", {"alpha": 2}),
                  ("agent", {"strategy": "single:"}), ("agent", {"action": "both"}), ("name", 3), ("student", {}),
                  ("teachers", [{"name": "a b", "model": "m.h5"}]), ("optimizer", {"lr": 0}), ("zebra", 1),
                  ("student", {"arch": "mlp", "hidden": [0]}), ("data", {"path": ""}), ("teachers", [{"model": "m"}])]
        for key, value in wrongs:
            with self.subTest(key=key, value=value):
                content = {**good, key: value}
                self.assertFalse(validator.is_valid(content))
                run("config", "resolved", lyceum.write_config(self.folder, "wrong", content), check=2)

    def test_overrides(self):
        path = lyceum.write_config(self.folder, "c", lyceum.train_config(self.folder, "d.h5", "t"))
        out = run("config", "resolved", path, "--train", "--set", "train.epochs=7", "--set", "name=a b").stdout
        content = json.loads(out)
        self.assertEqual((content["train"]["epochs"], content["name"]), (7, "a b"))


class Doctor(unittest.TestCase):
    def test_json_and_text_say_the_same(self):
        result = run("doctor", "--json", check=None)
        content = json.loads(result.stdout)
        self.assertEqual(result.returncode, 1 if content["problem"] else 0)
        names = [check["name"] for check in content["checks"]]
        for name in ("cpu", "cores", "memory", "openblas", "convolution", "hdf5", "libraries", "locale", "disk"):
            self.assertIn(name, names)
        text = run("doctor", check=None).stdout
        for check in content["checks"]:
            self.assertIn(check["verdict"], ("ok", "warning", "problem"))
            self.assertEqual(check["verdict"] == "ok", check["fix"] is None, check)
            self.assertRegex(text, rf"(?m)^{check['verdict']} +{check['name']} ")

    def test_a_poor_locale_is_a_warning_with_a_command(self):
        content = json.loads(run("doctor", "--json", env={"LC_ALL": "C"}, check=None).stdout)
        locale = [check for check in content["checks"] if check["name"] == "locale"][0]
        self.assertEqual(locale["verdict"], "warning")
        self.assertIn("export LC_ALL=C.UTF-8", locale["fix"])

    def test_a_folder_that_cannot_be_written_is_a_warning(self):
        content = json.loads(run("doctor", "--json", cwd="/proc", check=None).stdout)
        disk = [check for check in content["checks"] if check["name"] == "disk"][0]
        self.assertEqual(disk["verdict"], "warning")
        self.assertIn("files cannot be made and locked here", disk["fix"])

    def test_cores_are_those_that_this_process_may_use(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one core only")
        core = min(os.sched_getaffinity(0))
        result = subprocess.run(["taskset", "-c", str(core), os.path.abspath(lyceum.PROGRAM), "doctor", "--json"],
                                capture_output=True, text=True)
        cores = [check for check in json.loads(result.stdout)["checks"] if check["name"] == "cores"][0]
        self.assertIn("1 allowed; 1 threads", cores["value"])


class Jobs(lyceum.Case):
    """train, bank, distill, eval on a small data set: what they print and leave behind."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        cls.addClassCleanup(cls.shared.cleanup)
        folder = cls.shared.name
        cls.data = lyceum.write_dataset(folder)
        cls.models = []
        for name in ("a", "b"):
            config = lyceum.write_config(folder, name, lyceum.train_config(folder, cls.data, name))
            run("train", config, "--quiet", "--seed", len(cls.models) + 1)
            cls.models.append(os.path.join(folder, name, "model.h5"))

    def student(self, **changes):
        teachers = [{"name": name, "model": path} for name, path in zip("ab", self.models)]
        return lyceum.write_config(self.folder, "student", lyceum.distill_config(self.folder, self.data, teachers, **changes))

    def test_distill_reports_teachers_splits_and_result(self):
        result = run("distill", self.student())
        for part in ("splits", "train 2,4", "teachers", "valid accuracy", "student", "test", "lyceum inspect"):
            self.assertIn(part, result.stdout)
        self.assertRegex(result.stdout, r"(?m)^  a +model +\d+\.\d\d % +\d")
        self.assertIn("steps", result.stderr)

    def test_json_is_one_object_and_nothing_else(self):
        result = json.loads(run("distill", self.student(), "--json").stdout)
        self.assertEqual(result["output"], os.path.join(self.folder, "student"))
        self.assertEqual(result["test"]["rows"], 500)
        self.assertEqual(result["test_touched"], 1)
        again = json.loads(run("distill", self.student(), "--json", "--resume").stdout)
        for key in ("steps", "best_epoch", "rows", "valid", "test", "test_touched", "seconds", "fingerprint"):
            self.assertEqual(result[key], again[key], key)

    def test_quiet_says_nothing(self):
        result = run("distill", self.student(), "--quiet", "--json")
        self.assertEqual([line for line in result.stderr.splitlines() if not line.startswith("warning: ")], [])

    def test_seed_and_output_are_sugar(self):
        path = os.path.join(self.folder, 'else where "x"')
        run("distill", self.student(), "--quiet", "--seed", 9, "-o", path)
        with open(os.path.join(path, "config.json"), encoding="utf-8") as file:
            content = json.load(file)
        self.assertEqual((content["train"]["seed"], content["output"]), (9, path))
        self.assertIn("train.seed", run("distill", self.student(), "--seed", "nine", check=2).stderr)

    def test_a_directory_in_use_by_a_finished_run_is_refused(self):
        config = self.student(agent={"strategy": "uniform"})
        run("distill", config, "--quiet")
        self.assertIn("--resume", run("distill", config, check=2).stderr)

    def stopped(self, number):
        config = self.student(train={"epochs": 2000, "checkpoint_every": 50})
        process = subprocess.Popen([os.path.abspath(lyceum.PROGRAM), "distill", config], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        log = os.path.join(self.folder, "student", "run.h5")
        deadline = time.time() + 60
        while not os.path.exists(log) and time.time() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
        return config, process.returncode, stdout, stderr

    def test_signals_stop_after_a_checkpoint_and_say_how_to_go_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                config, code, stdout, stderr = self.stopped(number)
                self.assertEqual(code, 1, stderr)
                self.assertEqual(stdout, "")
                self.assertIn("stopping after this step", stderr)
                self.assertIn(f"go on with: lyceum distill {config} --resume", stderr)
                self.assertTrue(os.listdir(os.path.join(self.folder, "student", "checkpoints")))
                subprocess.run(["rm", "-r", os.path.join(self.folder, "student")], check=True)

    def test_banks_are_filled_once(self):
        config = self.student()
        first = json.loads(run("bank", config, "--json", "--quiet").stdout)["banks"]
        self.assertEqual([bank["teacher"] for bank in first], ["a", "b"])
        for bank in first:
            self.assertTrue(os.path.exists(bank["path"]))
            self.assertGreater(bank["computed_now"], 0)
            self.assertEqual(bank["computed_now"], bank["filled"])
        for bank in json.loads(run("bank", config, "--json", "--quiet").stdout)["banks"]:
            self.assertEqual(bank["computed_now"], 0)
        self.assertRegex(run("bank", config, "--quiet").stdout, r"(?m)^a +\d")

    def test_banks_need_teachers_that_compute(self):
        none = ["--set", "teachers=[]", "--set", "agent.strategy=none"]
        self.assertIn("no teachers", run("bank", self.student(), *none, check=2).stderr)
        self.assertIn("banks.enabled is false", run("bank", self.student(), "--set", "banks.enabled=false", check=2).stderr)

    def test_banks_of_all_views(self):
        config = self.student(data={"path": self.data, "augment": {"views": 3, "shift": 2}})
        path = json.loads(run("bank", config, "--json", "--quiet").stdout)["banks"][0]["path"]
        with h5py.File(path, "r") as bank:
            self.assertEqual(sorted(bank["logits"]), ["0", "1", "2"])
            for view in "012":
                self.assertTrue(bank["filled"][view][()].any())

    def test_eval_measures(self):
        result = json.loads(run("eval", self.models[0], "--data", self.data, "--json").stdout)
        self.assertEqual((result["split"], result["metrics"]["rows"] > 100), ("valid", True))
        self.assertGreater(result["metrics"]["accuracy"], 0.2)
        text = run("eval", self.models[0], "--data", self.data)
        self.assertIn(f"{100 * result['metrics']['accuracy']:.2f} %", text.stdout)

    def test_eval_uses_the_splits_of_the_run(self):
        with open(os.path.join(os.path.dirname(self.models[0]), "result.json"), encoding="utf-8") as file:
            trained = json.load(file)
        same = json.loads(run("eval", self.models[0], "-d", self.data, "--json", "--reward-fraction", 0.1,
                              "--valid-fraction", 0.1).stdout)["metrics"]
        for key, value in trained["valid"].items():
            self.assertAlmostEqual(same[key], value, places=6)
        other = json.loads(run("eval", self.models[0], "-d", self.data, "--json", "--reward-fraction", 0.1,
                               "--valid-fraction", 0.1, "--split-seed", 1).stdout)["metrics"]
        self.assertNotEqual(other["nll"], same["nll"])

    def test_the_average_is_what_is_chosen_and_handed_out(self):
        kept = []
        for name, decay in (("plain", 0), ("average", 0.9)):
            config = lyceum.train_config(self.folder, self.data, name, train={"ema_decay": decay}, **lyceum.RECIPE)
            path = lyceum.write_config(self.folder, name, config)
            trained = json.loads(run("train", path, "--quiet", "--json").stdout)
            again = json.loads(run("eval", f"{self.folder}/{name}/model.h5", "-d", self.data, "--json",
                                   "--reward-fraction", 0.1, "--valid-fraction", 0.1).stdout)["metrics"]
            for key, value in trained["valid"].items():
                self.assertAlmostEqual(again[key], value, places=6)
            with h5py.File(f"{self.folder}/{name}/run.h5", "r") as file:
                kept.append((file["epochs/loss_ce"][()].tolist(), file["epochs/valid_nll"][()].tolist(), again["nll"]))
        self.assertEqual(kept[0][0], kept[1][0])  # what learns is the same
        self.assertNotEqual(kept[0][1], kept[1][1])
        self.assertLess(min(abs(nll - kept[1][2]) for nll in kept[1][1]), 1e-5)  # of one of the epochs

    def test_eval_says_that_it_looks_at_test(self):
        for split in ("test", "all"):
            self.assertIn("looks at the test split", run("eval", self.models[0], "-d", self.data, "-s", split).stderr)
        self.assertNotIn("test split", run("eval", self.models[0], "-d", self.data, "-s", "reward").stderr)
        self.assertIn('unknown split "tset"; did you mean "test"?',
                      run("eval", self.models[0], "-d", self.data, "-s", "tset", check=2).stderr)

    def test_eval_writes_logits_that_say_what_they_belong_to(self):
        out = os.path.join(self.folder, "logits.h5")
        metrics = json.loads(run("eval", self.models[0], "-d", self.data, "-s", "test", "--logits", out, "--json",
                                 "-q").stdout)["metrics"]
        with h5py.File(out, "r") as file, h5py.File(self.data, "r") as data:
            logits, ids = file["logits"][()], file["id"][()]
            labels = dict(zip(data["id"][()], data["y"][()]))
        self.assertEqual(logits.shape, (500, lyceum.CLASSES))
        right = np.mean([labels[i] == row.argmax() for i, row in zip(ids, logits)])
        self.assertAlmostEqual(right, metrics["accuracy"], places=12)

    def test_eval_compares(self):
        result = json.loads(run("eval", self.models[0], "-d", self.data, "-a", self.models[0], "--against",
                                self.models[1], "--json", "-q").stdout)["against"]
        self.assertEqual([row["model"] for row in result], [self.models[0], self.models[1], "mixture of them"])
        self.assertEqual(result[0]["agreement"], 1)
        self.assertAlmostEqual(result[0]["kl"], 0, places=6)
        self.assertLess(result[1]["agreement"], 1)
        self.assertGreater(result[1]["kl"], result[2]["kl"])

    def test_progress_on_a_terminal(self):
        """A bar that redraws itself within the width, in colour; none of it with NO_COLOR or --quiet."""
        config = self.student(train={"epochs": 60})
        text, code = on_terminal("distill", config, "-o", os.path.join(self.folder, "1"))
        self.assertEqual(code, 0, text)
        self.assertIn("\r\033[K", text)
        self.assertIn("━", text)
        self.assertIn("\033[36m", text)
        for line in re.split(r"[\r\n]", text):
            self.assertLessEqual(len(re.sub(r"\033\[[0-9;]*[mK]", "", line)), 100)
        text, _ = on_terminal("distill", config, "-o", os.path.join(self.folder, "2"), env={"NO_COLOR": "1"})
        self.assertIn("━", text)
        self.assertNotIn("\033[36m", text)
        text, _ = on_terminal("distill", config, "-o", os.path.join(self.folder, "3"), env={"LC_ALL": "C"})
        self.assertIn("==", text)
        self.assertNotIn("━", text)
        text, _ = on_terminal("distill", config, "-o", os.path.join(self.folder, "4"), env={"TERM": "dumb"})
        self.assertNotIn("\033", text)
        text, _ = on_terminal("distill", config, "-o", os.path.join(self.folder, "5"), "--quiet")
        self.assertNotIn("\033[K", text)

    def test_progress_elsewhere_is_plain_lines(self):
        result = run("distill", self.student())
        self.assertNotIn("\033", result.stderr)
        self.assertNotIn("\r", result.stderr)
        self.assertRegex(result.stderr, r"(?m)^student  [\d,]+ steps in \d+:\d\d")


if __name__ == "__main__":
    lyceum.main()
