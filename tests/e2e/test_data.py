"""`lyceum data` on files as they are found in the world, and a distillation on clean teachers' views."""
import gzip
import json
import os
import tempfile
import unittest

import h5py
import numpy as np

import lyceum
from lyceum import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CIFAR = os.path.join(ROOT, "..", "shared", "data", "cifar10")


def read_cifar(path):
    with gzip.open(path) as file:
        records = np.frombuffer(file.read(), np.uint8).reshape(-1, 3073)
    return records[:, 0], records[:, 1:].reshape(-1, 3, 32, 32)


class Kinds(unittest.TestCase):
    def test_every_kind_explains_itself(self):
        overview = run("data", "--help").stdout
        for kind in ("idx", "cifar", "csv", "images"):
            self.assertRegex(overview, rf"\n  {kind} +\w")
            text = run("data", kind, "--help").stdout
            for part in ("usage", "options", "--output", "examples", f"lyceum data {kind} --"):
                self.assertIn(part, text)

    def test_csv(self):
        with tempfile.TemporaryDirectory() as folder:
            table, out = os.path.join(folder, "t.csv"), os.path.join(folder, "t.h5")
            with open(table, "w") as file:
                file.write("species,length,width\nbee,1.5,2\nant,0.25,-3\n")
            result = json.loads(run("data", "csv", "--train", table, "--label-column", "species", "--json", "-q",
                                    "-o", out).stdout)
            self.assertEqual((result["train_rows"], result["shape"], result["classes"]), (2, [1, 1, 2], 2))
            with h5py.File(out) as file:
                self.assertEqual(file["x"][:].tolist(), [[[[1.5, 2]]], [[[0.25, -3]]]])
                self.assertEqual(file["y"][:].tolist(), [1, 0])
                self.assertEqual([name.decode() for name in file.attrs["classes"]], ["ant", "bee"])
            with open(table, "a") as file:
                file.write("bee,one,2\n")
            error = run("data", "csv", "--train", table, "--label-column", "species", "-f", "-o", out, check=1).stderr
            self.assertIn('t.csv: line 4, column 2 ("length"): "one" is no number', error)

    def test_images(self):
        goldens = os.path.join(ROOT, "tests", "golden", "images")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("grey", "colour"):
                os.mkdir(os.path.join(folder, name))
                os.symlink(os.path.join(goldens, name + ".png"), os.path.join(folder, name, "1.png"))
            out = os.path.join(folder, "out.h5")
            error = run("data", "images", "--train", folder, "-o", out, check=1).stderr
            self.assertIn("(--channels 1 or 3)", error)
            result = json.loads(run("data", "images", "--train", folder, "--channels", 3, "--json", "-q", "-o", out).stdout)
            self.assertEqual(result["shape"], [3, 3, 5])

    @unittest.skipUnless(os.path.isdir(CIFAR), "CIFAR-10 is not there (../shared/data/cifar10)")
    def test_cifar(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "cifar.h5")
            train, test = os.path.join(CIFAR, "train_12000.bin.gz"), os.path.join(CIFAR, "test_5000.bin.gz")
            result = json.loads(run("data", "cifar", "--train", train, "--test", test, "--json", "-q", "-o", out).stdout)
            self.assertEqual((result["train_rows"], result["test_rows"], result["shape"]), (12000, 5000, [3, 32, 32]))
            labels, images = read_cifar(train)
            np.testing.assert_allclose(result["mean"], images.mean((0, 2, 3)) / 255, rtol=1e-6)
            np.testing.assert_allclose(result["std"], images.std((0, 2, 3)) / 255, rtol=1e-6)
            test_labels, test_images = read_cifar(test)
            with h5py.File(out) as file:
                np.testing.assert_array_equal(file["y"][:], np.concatenate([labels, test_labels]))
                np.testing.assert_array_equal(file["x"][12000:], test_images)
                np.testing.assert_array_equal(file["split"][:], np.arange(17000) >= 12000)


class TeachersView(unittest.TestCase):
    """The student sees moved and cut images; its teacher the clean ones, and the run says so."""
    def test_clean_teachers(self):
        with tempfile.TemporaryDirectory() as folder:
            data = lyceum.write_dataset(folder, train=600, test=100)
            run("train", lyceum.write_config(folder, "t", lyceum.train_config(folder, data, "t")), "-q")
            teachers = [{"name": "t", "model": os.path.join(folder, "t", "model.h5")}]
            augment = {"views": 3, "shift": 2, "cutout": 8, "teacher_view": "clean"}
            content = lyceum.distill_config(folder, data, teachers, data={"augment": augment})
            config = lyceum.write_config(folder, "s", content)
            banks, output = content["banks"]["directory"], content["output"]
            run("bank", config, "-q")
            bank = os.path.join(banks, next(name for name in os.listdir(banks) if name.endswith(".h5")))
            before = os.stat(bank).st_mtime_ns
            run("distill", config, "-q")
            self.assertEqual(os.stat(bank).st_mtime_ns, before, "the run computed what `lyceum bank` had not")
            with h5py.File(bank) as file:
                self.assertEqual((int(file.attrs["views"]), list(file["logits"])), (1, ["0"]))
                self.assertEqual(file.attrs["view_key"].decode(), "shift=0 flip=0 seed=0")
            with h5py.File(os.path.join(output, "run.h5"), "r", swmr=True) as file:
                recorded = json.loads(file["run/config"][0])
                self.assertEqual(recorded["data"]["augment"]["teacher_view"], "clean")


if __name__ == "__main__":
    lyceum.main()
