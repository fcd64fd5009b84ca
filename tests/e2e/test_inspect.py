"""What inspect says of a whole run: leave-one-out against numpy, files of former versions, two runs side by side."""
import csv
import io
import json
import os
import shutil

import h5py
import numpy as np

import lyceum

EDGES = [0.5, 0.7, 0.9, 0.99]


class Inspect(lyceum.Case):
    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        cls.folder = cls.holder.name
        cls.data = lyceum.write_dataset(cls.folder, train=1500, test=200)
        with h5py.File(cls.data) as file:
            cls.labels, cls.ids = file["y"][()], file["id"][()]
        cls.teachers = [cls.teacher("low", cls.labels < 7), cls.teacher("highs", cls.labels >= 5),
                        cls.teacher("good", cls.labels >= 0)]
        for strategy in ("static", "learned"):
            more = {"weights": [1, 2, 5]} if strategy == "static" else {}
            config = lyceum.distill_config(cls.folder, cls.data, cls.teachers, strategy,
                                           agent={"strategy": strategy, **more})
            lyceum.run("distill", lyceum.write_config(cls.folder, strategy, config), "--quiet")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def setUp(self):
        pass

    @classmethod
    def teacher(cls, name, right):
        noise = np.random.default_rng(len(name)).normal(size=(len(cls.labels), lyceum.CLASSES))
        path = os.path.join(cls.folder, name + ".h5")
        with h5py.File(path, "w") as file:
            file["logits"] = (noise + 4.0 * right[:, None] * np.eye(lyceum.CLASSES)[cls.labels]).astype(np.float32)
            file["id"] = cls.ids
        return {"name": name, "bank": path}

    def path(self, name):
        return os.path.join(self.folder, name)

    def look(self, *words):
        return json.loads(lyceum.run("inspect", *words, "--json").stdout)

    def reward_rows(self):
        path = self.path("reward.h5")
        lyceum.run("eval", self.path("static/student.h5"), "--data", self.data, "--split", "reward", "--reward-fraction",
                   0.1, "--valid-fraction", 0.1, "--logits", path, "--quiet")
        with h5py.File(path) as file:
            return np.searchsorted(self.ids, file["id"][()])

    def test_leave_one_out(self):
        """The mixture of probabilities under the run's weights, whole and without each teacher."""
        rows = self.reward_rows()
        labels, p = self.labels[rows], []
        for teacher in self.teachers:
            with h5py.File(teacher["bank"]) as file:
                z = file["logits"][()][rows].astype(float)
            p.append(np.exp(z) / np.exp(z).sum(1, keepdims=True))
        told = self.look(self.path("static"))["mixture_on_reward"]
        self.assertEqual(told["confidence_edges"], EDGES)
        self.assertEqual([m["without"] for m in told["mixtures"]], [None, "low", "highs", "good"])
        bins = None
        for without, said in enumerate(told["mixtures"], -1):
            weight = np.array([1.0, 2.0, 5.0])
            if without >= 0:
                weight[without] = 0
            mixture = np.tensordot(weight / weight.sum(), np.array(p), 1)
            bins = np.searchsorted(EDGES, mixture.max(1)) if bins is None else bins
            right, loss = mixture.argmax(1) == labels, -np.log(mixture[np.arange(len(labels)), labels])
            self.assertAlmostEqual(said["accuracy"], right.mean(), places=12)
            self.assertAlmostEqual(said["nll"], loss.mean(), places=5)
            for key, group, count in (("class", labels, lyceum.CLASSES), ("confidence", bins, 5)):
                self.assertEqual(said[key + "_rows"], [int((group == g).sum()) for g in range(count)])
                for g in range(count):
                    here = group == g
                    if not here.any():
                        self.assertIsNone(said[key + "_accuracy"][g])
                        continue
                    self.assertAlmostEqual(said[key + "_accuracy"][g], right[here].mean(), places=12)
                    self.assertAlmostEqual(said[key + "_nll"][g], loss[here].mean(), places=5)

    def test_a_file_of_a_former_version(self):
        """Without the table of mixtures everything else is shown."""
        old = self.path("old")
        shutil.copytree(self.path("learned"), old)
        with h5py.File(os.path.join(old, "run.h5"), "r+") as file:
            names, counts = file["committed"].attrs["tables"], file["committed"][()]
            keep = [i for i, name in enumerate(names) if name.strip(b"\0") != b"mixture"]
            self.assertEqual(len(keep), len(names) - 1)
            del file["mixture"], file["committed"]
            file["committed"] = counts[keep]
            file["committed"].attrs["tables"] = names[keep]
        now, then = self.look(self.path("learned")), self.look(old)
        self.assertEqual(then["mixture_on_reward"]["mixtures"], [])
        self.assertEqual(then["teachers"], now["teachers"])
        self.assertNotIn("what each adds", lyceum.run("inspect", old).stdout)
        self.assertIn("what each adds", lyceum.run("inspect", self.path("learned")).stdout)

    def test_two_runs(self):
        paths = self.path("static"), self.path("learned")
        alone, both = [self.look(path) for path in paths], self.look(*paths)
        self.assertEqual(both["runs"], alone)
        self.assertEqual({line["key"] for line in both["configuration"]}, {"agent.strategy", "agent.weights"})
        rows = list(csv.DictReader(io.StringIO(lyceum.run("inspect", *paths, "--csv").stdout)))
        self.assertEqual([row["figure"] for row in rows], [figure["figure"] for figure in both["figures"]])
        figures = {row["figure"]: row for row in rows}
        for name, run in zip("ab", alone):
            accuracy = next(e["accuracy"] for e in run["evaluation"] if e["split"] == "test")
            self.assertEqual(float(figures["test: accuracy"][name]), accuracy)
        self.assertEqual(figures["good: worth"]["a"], "")
        text = lyceum.run("inspect", *paths).stdout
        self.assertIn('agent.strategy                    "static"  |  "learned"', text)
        self.assertIn("no such run", lyceum.run("inspect", paths[0], self.path("absent"), check=1).stderr)


if __name__ == "__main__":
    lyceum.main()
