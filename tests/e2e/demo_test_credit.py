"""The credit is real, with the shipped defaults: a teacher that does harm ends with at most a tenth of the weight, the
student gains by it, and neither is so when the agent's update is switched off. One seed; long_credit.py has five.

Needs the demo's teachers and data (scripts/demo makes them; in ctest the fixture `demo`).
"""
import os
import unittest

import h5py

import lyceum
import planted

CONFIG = "configs/fashion/student.json"
SEEDS = range(1, 6)
LIMIT = 0.10


@unittest.skipUnless(os.path.exists("demo/fashion.h5") and os.path.exists(CONFIG), "scripts/demo has not been run here")
class Credit(lyceum.Case):
    def last_quarter(self, name, *options):
        """Mean weight of each teacher over the last quarter of a run."""
        output = os.path.join(self.folder, name)
        lyceum.run("distill", CONFIG, "--output", output, "--quiet", *options)
        with h5py.File(os.path.join(output, "run.h5")) as file:
            weight = file["trajectory/weight"][()]
            names = [text.decode() for text in file["teachers/name"][()]]
        return dict(zip(names, weight[3 * len(weight) // 4:].mean(axis=0)))

    def test_scrambled_teacher_is_dropped_on_every_seed(self):
        for seed in SEEDS:
            with self.subTest(seed=seed):
                weights = self.last_quarter(f"seed-{seed}", "--seed", seed)
                self.assertAlmostEqual(sum(weights.values()), 1.0, places=3)
                self.assertLessEqual(weights["scrambled"], LIMIT, weights)

    def test_without_the_update_it_is_not(self):
        weights = self.last_quarter("off", "--set", "agent.learning_rate=1e-12", "--set", "train.epochs=2")
        self.assertGreater(weights["scrambled"], LIMIT, "the test above would pass without learning")

    def test_planted_teachers_are_dropped_and_the_student_gains(self):
        planted.prepare()
        ensembles = ("scrambled", "overconfident", "specialist")
        ablation = planted.Ablation(self.folder, "rules", ("uniform", "learned", "off"), [1], ensembles)
        for ensemble in ensembles:
            for agent, learns in (("learned", True), ("off", False)):
                with self.subTest(ensemble=ensemble, agent=agent):
                    (weight,), (gain,) = ablation.last_quarter(ensemble, agent, "third"), ablation.gains(ensemble, agent, "uniform")
                    self.assertEqual(weight <= LIMIT, learns, weight)
                    self.assertEqual(gain >= 0.8, learns, gain)

    def test_specialists_share_the_work_where_hardly_a_row_has_a_label(self):
        """Who is right about a row is not known then, but who is right when he answers so is."""
        planted.prepare()
        learned, off = "learned per instance", "learned per instance, update off"
        ablation = planted.Ablation(self.folder, "few-specialists", ("uniform", learned, off), [1])
        for agent, learns in ((learned, True), (off, False)):
            (gain,) = ablation.gains(None, agent, "uniform")
            self.assertEqual(gain >= 1.5, learns, gain)


if __name__ == "__main__":
    lyceum.main()
