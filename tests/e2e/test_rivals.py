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

    def test_influence_finds_out_who_helps(self):
        """A teacher that answers the wrong class gets less weight than one that is right, in every form; results do not
        depend on threads."""
        good, bad = self.teacher("good", self.labels >= 0), self.teacher("lying", self.labels >= 0)
        with h5py.File(bad["bank"], "r+") as file:
            file["logits"][...] = np.roll(file["logits"][()], 3, axis=1)
        for strategy in ("influence", "influence:last"):
            for granularity in ("batch", "instance"):
                with self.subTest(strategy=strategy, granularity=granularity):
                    name = f"{strategy[-4:]}-{granularity}"
                    output = self.distill([good, bad], name=name, output=os.path.join(self.folder, name),
                                          agent={"strategy": strategy, "granularity": granularity},
                                          train={"epochs": 2})
                    with h5py.File(os.path.join(output, "run.h5")) as file:
                        weight = file["trajectory/weight"][()]
                    np.testing.assert_allclose(weight.sum(1), 1, atol=1e-5)
                    self.assertGreater(weight[:, 0].mean(), 0.65)
        config = lyceum.distill_config(self.folder, self.data, [good, bad], agent={"strategy": "influence"},
                                       train={"epochs": 2})
        models = []
        for threads in (1, 3):
            config["output"] = os.path.join(self.folder, f"threads-{threads}")
            lyceum.run("distill", lyceum.write_config(self.folder, "threads", config), "--quiet", "--threads", threads)
            models.append(lyceum.parameters(os.path.join(config["output"], "student.h5")))
        self.assert_same(*models, "student")

    def test_influence_resumes_between_two_gradients(self):
        """From a checkpoint after 6 steps, where the held-out gradient of step 4 is in use: the same bits."""
        config = lyceum.distill_config(self.folder, self.data, [self.teacher("good", self.labels >= 0),
                                                                self.teacher("low", self.labels < 6)],
                                       agent={"strategy": "influence", "granularity": "instance"},
                                       train={"epochs": 1, "checkpoint_every": 6, "keep_checkpoints": 0})
        path, output = lyceum.write_config(self.folder, "resumed", config), config["output"]
        lyceum.run("distill", path, "--quiet")
        whole = lyceum.parameters(os.path.join(output, "student.h5")), lyceum.trajectory(os.path.join(output, "run.h5"))
        checkpoints = os.path.join(output, "checkpoints")
        for name in os.listdir(checkpoints):
            if int("".join(filter(str.isdigit, name.split(".")[0]))) > 6:
                os.remove(os.path.join(checkpoints, name))
        self.assertEqual(len(os.listdir(checkpoints)), 1)
        for name in ("result.json", "student.h5"):
            os.remove(os.path.join(output, name))
        lyceum.run("distill", path, "--quiet", "--resume")
        self.assert_same(whole[0], lyceum.parameters(os.path.join(output, "student.h5")), "student")
        self.assert_same(whole[1], lyceum.trajectory(os.path.join(output, "run.h5")), "trajectory")

    def test_influence_may_not_train_on_what_it_measures(self):
        config = lyceum.distill_config(self.folder, self.data, [self.teacher("good", self.labels >= 0)],
                                       agent={"strategy": "influence"}, data={"train_on_reward": True})
        message = lyceum.run("distill", lyceum.write_config(self.folder, "refused", config), check=2).stderr
        self.assertIn("data.train_on_reward", message)


if __name__ == "__main__":
    lyceum.main()
