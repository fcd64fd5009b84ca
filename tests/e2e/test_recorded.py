"""Recorded logits: written by a script with h5py they distil correctly, misordered ones are refused; two slow
recorded teachers run side by side."""
import json
import os

import h5py
import numpy as np

import lyceum


class Recorded(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.data = lyceum.write_dataset(self.folder)
        with h5py.File(self.data) as file:
            self.labels = file["y"][()]
            self.ids = file["id"][()]

    def logits(self, seed=0, sharpness=6.0):
        noise = np.random.default_rng(seed).normal(size=(len(self.labels), lyceum.CLASSES))
        return (noise + sharpness * np.eye(lyceum.CLASSES)[self.labels]).astype(np.float32)

    def write(self, name, logits, ids=None, **extra):
        path = os.path.join(self.folder, name + ".h5")
        with h5py.File(path, "w") as file:
            file["logits"] = logits
            if ids is not None:
                file["id"] = ids
            for key, value in extra.items():
                file.attrs[key] = value
        return path

    def distill(self, teachers, check=0, **changes):
        config = lyceum.distill_config(self.folder, self.data, teachers, **changes)
        return lyceum.run("distill", lyceum.write_config(self.folder, "student", config), "--json", "--quiet", check=check)

    def test_written_with_h5py_they_teach(self):
        path = self.write("good", self.logits(), self.ids)
        result = json.loads(self.distill([{"name": "good", "bank": path}], agent={"strategy": "uniform"},
                                         data={"labelled": 100}, train={"epochs": 8}).stdout)
        alone = json.loads(self.distill([{"name": "good", "bank": path}], agent={"strategy": "none"},
                                        data={"labelled": 100}, train={"epochs": 8},
                                        output=os.path.join(self.folder, "alone")).stdout)
        self.assertGreater(result["test"]["accuracy"], alone["test"]["accuracy"] + 0.05)

    def test_another_order_with_its_ids_is_the_same_teacher(self):
        order = np.random.default_rng(1).permutation(len(self.ids))
        paths = [self.write("straight", self.logits(), self.ids),
                 self.write("shuffled", self.logits()[order], self.ids[order])]
        models = []
        for number, path in enumerate(paths):
            output = os.path.join(self.folder, f"out-{number}")
            self.distill([{"name": "t", "bank": path}], output=output, banks={"enabled": False})
            models.append(lyceum.parameters(os.path.join(output, "student.h5")))
        self.assert_same(models[0], models[1], "student")

    def test_without_ids_they_are_refused(self):
        path = self.write("anonymous", self.logits())
        message = self.distill([{"name": "t", "bank": path}], check=1).stderr
        self.assertIn(path, message)
        self.assertIn("/id", message)

    def test_ids_of_another_data_set_are_refused(self):
        path = self.write("foreign", self.logits(), self.ids + 1_000_000)
        message = self.distill([{"name": "t", "bank": path}], check=1).stderr
        self.assertIn(path, message)

    def test_two_slow_teachers_take_the_time_of_one(self):
        teachers = [{"name": f"slow-{n}", "bank": self.write(f"slow-{n}", self.logits(n), self.ids), "delay_ms": 50}
                    for n in range(2)]
        for threads in (1, 2):
            config = lyceum.distill_config(self.folder, self.data, teachers, agent={"strategy": "uniform"},
                                           banks={"enabled": False}, train={"epochs": 1, "batch": 64},
                                           output=os.path.join(self.folder, f"slow-{threads}"))
            path = lyceum.write_config(self.folder, f"slow-{threads}", config)
            lyceum.run("distill", path, "--quiet", "--threads", threads)
            with h5py.File(os.path.join(config["output"], "run.h5")) as file:
                seconds, steps = file["epochs/seconds"][0], len(file["trajectory/step"])
            slower = 0.050 * steps
            self.assertLessEqual(seconds, 1.2 * slower, f"{threads} threads: {steps} batches of 50 ms took {seconds:.2f} s")


if __name__ == "__main__":
    lyceum.main()
