"""The oldest bug cannot happen: a bank of another data set, view, teacher or preprocessing, put in the place of the
right one, is refused with both keys and what differs; then the right one serves as before."""
import json
import os
import re
import shutil
import tempfile

import h5py
import numpy as np

import lyceum
from bad_input import Box, Goods

VIEWS = {"augment": {"views": 2, "shift": 2}}
DIFFERENCE = re.compile(r"\n  (?:[^\n]*\()?(\w+)\)?: the file has '")
KEY = re.compile(r"its key is ([0-9a-f]{32}), wanted is ([0-9a-f]{32})")


class BankKey(lyceum.Case):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        cls.addClassCleanup(holder.cleanup)
        cls.goods = Goods(holder.name)

    def bank(self, name, **changes):
        """Fills a bank in a directory of its own; its path and the configuration."""
        config = self.goods.config(data=VIEWS, banks={"directory": os.path.join(self.folder, name)},
                                   output=os.path.join(self.folder, "out-" + name))
        path = lyceum.write_config(self.folder, name, lyceum.merge(config, changes))
        banks = json.loads(lyceum.run("bank", path, "--json", "--quiet").stdout)["banks"]
        return banks[0]["path"], path

    def other(self, what):
        box = Box(self.goods, self.folder)
        teacher = {"name": "t", "model": self.goods.models[0]}
        return {
            "data": lambda: {"data": {"path": box.dataset(x=lambda x: x ^ 1)}},
            "view": lambda: {"data": {"augment": {"shift": 3}}},
            "view seed": lambda: {"data": {"augment": {"seed": 9}}},
            "views": lambda: {"data": {"augment": {"views": 3}}},
            "teacher": lambda: {"teachers": [{**teacher, "model": self.goods.models[1]}]},
            "preprocessing": lambda: {"teachers": [{**teacher, "model": box.model(mean=np.array([0.5], "f4"))}]},
            "class map": lambda: {"teachers": [{**teacher, "class_map": [1, 0, *range(2, 10)]}]},
        }[what]()

    def refused(self, what, difference):
        right, config = self.bank("right")
        wrong, _ = self.bank("wrong", **self.other(what))
        with open(right, "rb") as file:
            kept = file.read()
        shutil.copy(wrong, right)
        for command in ("bank", "distill"):
            result = lyceum.run(command, config, "--json", "--quiet", check=1)
            self.assertEqual(result.stdout, "")
            self.assertIn(f"the bank {right} belongs to something else and is not used", result.stderr)
            keys = KEY.search(result.stderr)
            self.assertIsNotNone(keys, result.stderr)
            self.assertNotEqual(*keys.groups())
            self.assertTrue(os.path.basename(right).startswith("t-" + keys[2][:12]))
            self.assertTrue(os.path.basename(wrong).startswith("t-" + keys[1][:12]))
            self.assertEqual(DIFFERENCE.findall(result.stderr), [difference])
            with h5py.File(wrong, "r") as one:
                value = one.attrs[difference]
            self.assertIn(value.decode() if isinstance(value, bytes) else str(value), result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out-right", "run.h5")))
        with open(right, "wb") as file:
            file.write(kept)
        again = json.loads(lyceum.run("bank", config, "--json", "--quiet").stdout)["banks"][0]
        self.assertEqual(again["computed_now"], 0)

    def test_another_data_set(self):
        self.refused("data", "data_fingerprint")

    def test_another_view(self):
        self.refused("view", "view_key")

    def test_another_view_seed(self):
        self.refused("view seed", "view_key")

    def test_another_number_of_views(self):
        self.refused("views", "views")

    def test_another_teacher(self):
        self.refused("teacher", "teacher_fingerprint")

    def test_another_preprocessing(self):
        self.refused("preprocessing", "teacher_fingerprint")

    def test_another_class_map(self):
        self.refused("class map", "teacher_fingerprint")

    def test_the_values_are_those_of_the_teacher(self):
        """The other side: with the right key the bank holds what the model answers."""
        path, _ = self.bank("right")
        with h5py.File(path, "r") as bank, h5py.File(self.goods.logits, "r") as logits:
            np.testing.assert_array_equal(bank["id"][()], logits["id"][()])
            np.testing.assert_allclose(bank["logits/0"][()], logits["logits"][()], rtol=0, atol=1e-5)


if __name__ == "__main__":
    lyceum.main()
