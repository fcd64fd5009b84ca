"""Fixed strategies against numpy, through the whole program: what they are given is what they should be given."""
import os

import h5py
import numpy as np

import lyceum


class Rivals(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.data = lyceum.write_dataset(self.folder, train=1500, test=200)
        with h5py.File(self.data) as file:
            self.x, self.labels, self.ids = file["x"][()], file["y"][()], file["id"][()]

    def teacher(self, name, right):
        """Recorded logits that favour the label where `right`."""
        noise = np.random.default_rng(len(name)).normal(size=(len(self.labels), lyceum.CLASSES))
        logits = noise + 4.0 * right[:, None] * np.eye(lyceum.CLASSES)[self.labels]
        path = os.path.join(self.folder, name + ".h5")
        with h5py.File(path, "w") as file:
            file["logits"], file["id"] = logits.astype(np.float32), self.ids
            file.attrs["unrelated_to_labels"] = 1
        return {"name": name, "bank": path}

    def distill(self, teachers, **changes):
        config = lyceum.distill_config(self.folder, self.data, teachers, **changes)
        lyceum.run("distill", lyceum.write_config(self.folder, config["name"], config), "--quiet")
        return config["output"]

    def test_logistic_is_the_best_mixture_on_valid(self):
        """`valid` is the split that `lyceum eval --split valid` writes the logits of, with the same fractions."""
        teachers = [self.teacher("low", self.labels < 7), self.teacher("highs", self.labels >= 7),
                    self.teacher("useless", self.labels < 0)]
        output = self.distill(teachers, agent={"strategy": "logistic"}, train={"epochs": 1})
        with h5py.File(os.path.join(output, "run.h5")) as file:
            weight = file["trajectory/weight"][()]
        self.assertTrue((weight == weight[0]).all())
        rows = os.path.join(self.folder, "valid.h5")
        lyceum.run("eval", os.path.join(output, "student.h5"), "--data", self.data, "--split", "valid",
                   "--reward-fraction", 0.1, "--valid-fraction", 0.1, "--logits", rows, "--quiet")
        with h5py.File(rows) as file:
            valid = np.searchsorted(self.ids, file["id"][()])
        probability = []
        for teacher in teachers:
            with h5py.File(teacher["bank"]) as file:
                z = file["logits"][()][valid].astype(float)
            probability.append((np.exp(z) / np.exp(z).sum(1, keepdims=True))[np.arange(len(valid)), self.labels[valid]])
        p, w = np.stack(probability, 1), np.full(3, 1 / 3)
        for _ in range(20000):
            w = w * (p / (p @ w)[:, None]).mean(0)
        np.testing.assert_allclose(weight[0], w, atol=1e-3)
        self.assertGreater(weight[0, 0], weight[0, 1])
        self.assertLess(weight[0, 2], 0.2)


if __name__ == "__main__":
    lyceum.main()
