"""What a learned run records and hands on: rewards by metric and with cost, decisions per instance, its policy."""
import json
import os

import h5py
import numpy as np

import lyceum

SAMPLES = 128


def newest_checkpoint(run):
    folder = os.path.join(run, "checkpoints")
    return os.path.join(folder, sorted(os.listdir(folder))[-1])


class Agent(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.data = lyceum.write_dataset(self.folder)
        self.teachers = []
        for name in ("a", "b"):
            config = lyceum.train_config(self.folder, self.data, name, "mlp", train={"seed": ord(name)})
            lyceum.run("train", lyceum.write_config(self.folder, name, config), "--quiet")
            self.teachers.append({"name": name, "model": os.path.join(self.folder, name, "model.h5")})

    def distil(self, name, check=0, teachers=None, **changes):
        changes["agent"] = {"credit": {"every": 4, "steps": 3, "samples": SAMPLES, **changes["agent"].pop("credit", {})},
                            **changes["agent"]}
        config = lyceum.distill_config(self.folder, self.data, teachers or self.teachers, name, "mlp", **changes)
        result = lyceum.run("distill", lyceum.write_config(self.folder, name, config), "--quiet", check=check)
        return os.path.join(self.folder, name) if check == 0 else result.stderr

    def table(self, run, name):
        with h5py.File(f"{run}/run.h5") as file:
            return {column: values[:] for column, values in file[name].items()}

    def test_a_metric_and_what_teachers_cost(self):
        """Less its cost, a rise of the accuracy is a whole number of samples."""
        for kind in ("probe", "on_policy"):
            run = self.distil(kind, agent={"credit": {"kind": kind}, "reward": {"kind": "accuracy_improvement", "cost": 0.003}})
            if kind == "probe":
                probes = self.table(run, "probes")
                differ = np.any(probes["select_a"] != probes["select_b"], axis=1)
                self.assertGreater(differ.sum(), 5)
                steps = [(probes[f"reward_{x}"] + 0.003 * probes[f"select_{x}"].mean(axis=1))[differ] for x in "ab"]
            else:
                trajectory = self.table(run, "trajectory")
                closed = np.flatnonzero(~np.isnan(trajectory["reward"]))
                selected = trajectory["select"].mean(axis=1)
                steps = [np.array([trajectory["reward"][i] + 0.003 * selected[i - 2:i + 1].mean() for i in closed])]
            rises = np.concatenate(steps) * SAMPLES
            self.assertGreater(len(np.unique(np.round(rises))), 3)
            np.testing.assert_allclose(rises, np.round(rises), atol=1e-6)

    def test_a_probe_teaches_so_many_batches_later(self):
        """Until then the policy decides as one that learns nothing."""
        for granularity in ("batch", "instance"):
            for delay in (0, 3, 4):
                agent = {"granularity": granularity, "credit": {"delay": delay}}
                run = self.distil(f"{granularity}-{delay}", agent={**agent, "entropy": 0})
                trajectory, probes = self.table(run, "trajectory"), self.table(run, "probes")
                idle = self.table(self.distil(f"{granularity}-{delay}-idle", agent={**agent, "learning_rate": 1e-12}),
                                  "trajectory")
                total = len(trajectory["step"])
                began = [s for s in range(0, total, 4) if s + max(delay, 2) < total]
                self.assertEqual(probes["step"].tolist(), began)
                tried = np.any(probes["select_a"] != probes["select_b"], axis=1) | (granularity == "instance")
                self.assertGreater(tried.sum(), 5)
                rewarded = np.flatnonzero(~np.isnan(trajectory["reward"]))
                self.assertEqual(rewarded.tolist(), (probes["step"][tried] + delay).tolist())
                np.testing.assert_array_equal(trajectory["reward"][rewarded], probes["reward_a"][tried])
                changed = np.abs(trajectory["weight"] - idle["weight"]).max(axis=1) > 1e-6
                self.assertEqual(np.flatnonzero(changed)[0], rewarded[0] + 1)

    def test_rows_of_a_run_per_instance(self):
        run = self.distil("instance", agent={"granularity": "instance"})
        trajectory = self.table(run, "trajectory")
        with h5py.File(self.data) as file:
            known = set(file["id"][:].tolist()) if "id" in file else None
        steps, batch, teachers = trajectory["row_weight"].shape
        self.assertEqual((steps, batch, teachers), (len(trajectory["step"]), trajectory["row_id"].shape[1], 2))
        real = trajectory["row_id"] != np.uint64(2**64 - 1)
        self.assertTrue((~real).any(), "an epoch's last batch is not full in this data set")
        for epoch in np.unique(trajectory["epoch"]):
            ids = trajectory["row_id"][trajectory["epoch"] == epoch]
            ids = ids[ids != np.uint64(2**64 - 1)]
            self.assertEqual(len(ids), len(np.unique(ids)), "a sample comes once an epoch")
            self.assertTrue(known is None or set(ids.tolist()) <= known)
        np.testing.assert_allclose(trajectory["row_weight"].sum(axis=2), real, atol=1e-6)
        self.assertTrue((trajectory["row_select"].max(axis=2) == real).all())
        means = trajectory["row_weight"].sum(axis=1) / real.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(trajectory["weight"], means, atol=1e-6)
        self.assertGreater(np.ptp(trajectory["row_weight"][-1][real[-1]], axis=0).max(), 0, "the rows are decided alike")
        shown = lyceum.run("inspect", run).stdout
        self.assertIn("whom the agent listened to", shown)
        lines = lyceum.run("inspect", run, "--csv").stdout.splitlines()
        self.assertEqual(len(lines), steps + 1)

    def test_a_policy_goes_on_freezes_and_moves(self):
        learned = self.distil("learned", agent={})
        with h5py.File(newest_checkpoint(learned)) as file:
            policy = file["agent/policy"][:]

        frozen = self.distil("frozen", agent={"strategy": "frozen:" + learned})
        with h5py.File(newest_checkpoint(frozen)) as file:
            np.testing.assert_array_equal(file["agent/policy"][:], policy)
        trajectory = self.table(frozen, "trajectory")
        self.assertTrue(np.isnan(trajectory["reward"]).all() and not np.isnan(trajectory["entropy"]).any())
        self.assertEqual(len(self.table(frozen, "probes")["step"]), 0)
        with h5py.File(os.path.join(frozen, "student.h5")) as file:
            origin = json.loads(file.attrs["provenance"])["policy"]
        self.assertTrue(origin.startswith(learned + ", policy "), origin)

        # From the file of a checkpoint, on another ensemble.
        checkpoint = os.path.join(self.folder, "kept.h5")
        os.rename(newest_checkpoint(learned), checkpoint)
        three = self.teachers + [{**self.teachers[0], "name": "c"}]
        moved = self.distil("moved", teachers=three, agent={"init": checkpoint})
        with h5py.File(newest_checkpoint(moved)) as file:
            self.assertEqual(file["agent/policy"].shape, policy.shape)
            self.assertGreater(np.abs(file["agent/policy"][:] - policy).max(), 0)

        for changes, what in (({"init": checkpoint, "network": "logits"}, "network logits of 2 teachers"),
                              ({"strategy": f"frozen:{checkpoint}", "granularity": "instance"}, "by instance"),
                              ({"init": os.path.join(self.folder, "missing")}, "missing"),
                              ({"init": self.folder}, "holds no checkpoint")):
            message = self.distil("refused", check=1, agent=changes)
            self.assertIn(what, message)


if __name__ == "__main__":
    lyceum.main()
