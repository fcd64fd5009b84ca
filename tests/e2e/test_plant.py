"""Planted teachers: `lyceum bank --plant` on logits written with h5py and on a bank, read back with h5py, taught
from; what does not make sense is refused."""
import json
import os

import h5py
import numpy as np

import lyceum


class Planted(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.data = lyceum.write_dataset(self.folder, train=1000, test=200)
        with h5py.File(self.data) as file:
            self.labels, self.ids, self.parts = file["y"][()], file["id"][()], file["split"][()]
        noise = np.random.default_rng(0).normal(size=(len(self.labels), lyceum.CLASSES))
        self.logits = (noise + 3.0 * np.eye(lyceum.CLASSES)[self.labels]).astype(np.float32)
        self.source = self.path("source.h5")
        with h5py.File(self.source, "w") as file:
            file["logits"], file["id"] = self.logits, self.ids

    def path(self, name):
        return os.path.join(self.folder, name)

    def plant(self, kind, *options, source=None, check=0, name=None):
        name = self.path(name or kind + ".h5")
        result = lyceum.run("bank", "--plant", kind, source or self.source, "--data", self.data, "-o", name, *options,
                            check=check)
        return name if check == 0 else result.stderr

    def read(self, path, name="logits"):
        with h5py.File(path) as file:
            self.assertTrue((file["id"][()] == self.ids).all())
            return file[name][()], json.loads(file.attrs["provenance"].decode())

    def wrong(self, logits):
        return logits.argmax(1) != self.labels

    def test_scrambled(self):
        logits, made = self.read(self.plant("scrambled", "--seed", 3))
        to = np.array(made["permutation"])
        self.assertTrue((to != np.arange(lyceum.CLASSES)).all())
        self.assertTrue((logits[:, to] == self.logits).all())
        self.assertEqual(made["seed"], 3)

    def test_overconfident_is_exactly_so_wrong(self):
        logits, made = self.read(self.plant("overconfident", "--share", 0.25, "--margin", 9))
        self.assertEqual(self.wrong(logits).sum(), 300)
        for label in range(lyceum.CLASSES):
            rows = (self.labels == label) & (self.parts == 0)
            self.assertLessEqual(abs(self.wrong(logits)[rows].sum() - 0.25 * rows.sum()), 1)
        ordered = np.sort(logits, 1)
        np.testing.assert_allclose(ordered[:, -1] - ordered[:, -2], 9, rtol=1e-5)
        self.assertEqual((made["planted"], made["share"], made["errors"]), ("overconfident", 0.25, "hard"))

    def test_specialist_by_name_and_number(self):
        logits, made = self.read(self.plant("specialist", "--classes", "0,3", "--elsewhere", "wrong"))
        own = np.isin(self.labels, [0, 3])
        self.assertTrue((logits[own] == self.logits[own]).all())
        self.assertTrue(np.isin(logits[~own].argmax(1), [0, 3]).all())
        self.assertEqual(made["classes"], [0, 3])

    def test_json_says_what_came_of_it(self):
        told = json.loads(lyceum.run("bank", "--plant", "noisy", self.source, "--data", self.data, "-o",
                                     self.path("noisy.h5"), "--share", 0.5, "--json").stdout)
        logits, made = self.read(self.path("noisy.h5"))
        self.assertEqual(told["changed"], 600)
        self.assertEqual((logits.argmax(1) != self.logits.argmax(1)).sum(), 600)
        train = self.parts == 0
        self.assertAlmostEqual(told["accuracy_after"], 1 - self.wrong(logits)[train].mean(), places=12)
        self.assertEqual(told["source_fingerprint"], made["source_fingerprint"])

    def test_of_a_bank(self):
        teacher = lyceum.train_config(self.folder, self.data, "teacher")
        lyceum.run("train", lyceum.write_config(self.folder, "teacher", teacher), "--quiet")
        config = lyceum.distill_config(self.folder, self.data,
                                       [{"name": "t", "model": self.path("teacher/model.h5")}])
        path = lyceum.write_config(self.folder, "student", config)
        bank = json.loads(lyceum.run("bank", path, "--json", "--quiet").stdout)["banks"][0]["path"]
        self.assertIn("--all", self.plant("scrambled", source=bank, check=1))
        lyceum.run("bank", path, "--all", "--quiet")
        logits, made = self.read(self.plant("scrambled", source=bank))
        with h5py.File(bank) as file:
            self.assertTrue((logits[:, made["permutation"]] == file["logits/0"][()]).all())

    def test_teachers_that_change_places(self):
        """48 steps: `a` is good before step 20 and scrambled from there on, `b` the other way round."""
        other = self.plant("scrambled", name="other.h5")
        a = self.plant("until", "--until", 20, "--then", other, name="a.h5")
        b = self.plant("until", "--until", 20, "--then", self.source, source=other, name="b.h5")
        config = lyceum.distill_config(self.folder, self.data, [{"name": "a", "bank": a}, {"name": "b", "bank": b}],
                                       agent={"strategy": "confidence"}, train={"epochs": 3, "batch": 50},
                                       data={"reward_fraction": 0.1, "valid_fraction": 0.1})
        lyceum.run("distill", lyceum.write_config(self.folder, "change", config), "--quiet")
        with h5py.File(os.path.join(config["output"], "run.h5")) as file:
            weight, accuracy = file["trajectory/weight"][()], file["teachers/valid_accuracy"][()]
        self.assertEqual(len(weight), 48)
        self.assertTrue((weight[:20, 0] > 0.6).all(), weight[:20, 0])
        self.assertTrue((weight[20:, 0] < 0.4).all(), weight[20:, 0])
        self.assertGreater(accuracy[0], accuracy[1])

    def test_what_makes_no_sense(self):
        rows = [(("noisy", "--margin", 3), "--margin says nothing about a teacher that is noisy"),
                (("specialist",), "--classes LIST"), (("until",), "--until STEP"), (("slow",), "--delay-ms X"),
                (("specialist", "--classes", "0,boot"), '"boot" is no class'),
                (("specialist", "--classes", "0,"), '"" is no class'),
                (("overconfident", "--errors", "soft"), "known: hard, drawn"),
                (("overconfidence",), 'did you mean "overconfident"?'), (("slow", "--delay-ms", 0), "delay of 0"),
                (("noisy", "--all"), "--all is for filling banks"), (("noisy", "--share", 2), "from 0 to 1"),
                (("until", "--until", 0), "from 1")]
        for words, text in rows:
            with self.subTest(words=words):
                self.assertIn(text, self.plant(*words, check=2, name="refused.h5"))
        self.assertFalse(os.path.exists(self.path("refused.h5")))
        self.assertIn("goes with --plant only",
                      lyceum.run("bank", "config.json", "-o", "elsewhere", check=2).stderr)
        self.assertIn("is there already", self.plant("noisy", name="data.h5", check=2))
        self.assertIn("no such file", self.plant("noisy", source="absent.h5", check=1).lower())


if __name__ == "__main__":
    lyceum.main()
