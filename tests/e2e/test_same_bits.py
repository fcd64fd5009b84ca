"""Same bits for any number of threads: a distillation with agent, probes, teachers in threads, banks and views."""
import json
import os

import lyceum

THREADS = (1, 2, 3, 8)
CORES = len(os.sched_getaffinity(0))


class SameBits(lyceum.Case):
    def teachers(self, data):
        for name, arch in (("a", "lenet5"), ("b", "mlp")):
            config = lyceum.train_config(self.folder, data, name, arch)
            lyceum.run("train", lyceum.write_config(self.folder, name, config), "--quiet")
        return [{"name": n, "model": os.path.join(self.folder, n, "model.h5")} for n in ("a", "b")]

    def check_busy(self, busy, threads, shared):
        """All threads took part, and had work most of the time. Where they share cores one may have waited longer for its
        turn, with other programs running much longer: there the mean is held to `shared`."""
        self.assertEqual(busy["count"], threads)
        least, mean = (0.5, 0.5) if threads <= CORES else (0.2, shared)
        self.assertGreater(busy["busy_mean"], mean, f"the threads were idle most of the time: {busy}")
        self.assertGreater(busy["busy_least"], least, f"a thread hardly took part: {busy}")

    def check(self, arch, dataset, shared=0.5, **changes):
        teachers = self.teachers(dataset)
        kept = None
        for threads in THREADS:
            # Banks of their own, so that every run computes the teachers' outputs itself.
            config = lyceum.distill_config(self.folder, dataset, teachers, f"run-{threads}", arch,
                                           banks={"directory": os.path.join(self.folder, f"banks-{threads}")}, **changes)
            # The resolved configuration is part of the record; only the directories differ.
            path = lyceum.write_config(self.folder, f"run-{threads}", config)
            output = lyceum.run("distill", path, "--threads", threads, "--quiet", "--json").stdout
            if shared:
                self.check_busy(json.loads(output)["threads"], threads, shared)
            found = (lyceum.parameters(f"{self.folder}/run-{threads}/student.h5"),
                     lyceum.trajectory(f"{self.folder}/run-{threads}/run.h5"),
                     {k: v for k, v in lyceum.last_checkpoint(f"{self.folder}/run-{threads}").items() if "require" not in k})
            if kept is None:
                kept = found
                continue
            for first, second, what in zip(kept, found, ("student", "trajectory", "checkpoint")):
                self.assert_same(first, second, f"{arch}, {threads} threads against {THREADS[0]}: {what}")

    # Items of many milliseconds, so that the system gives every one of eight threads its turn on two cores.
    def test_mlp(self):
        self.check("mlp", lyceum.write_dataset(self.folder, train=3000), student={"hidden": [2048, 1024]},
                   train={"batch": 2048, "epochs": 3}, agent={"credit": {"every": 2, "delay": 2}},
                   data={"augment": {"views": 2, "shift": 2, "flip": True}})

    # Deciding for every row is one thread's work, and most of a small run: the others may have little to do.
    def test_per_instance(self):
        self.check("mlp", lyceum.write_dataset(self.folder, train=1500), shared=None, student={"hidden": [256]},
                   train={"batch": 256, "epochs": 3}, agent={"granularity": "instance", "credit": {"every": 2, "delay": 1}})

    def test_lenet5(self):
        self.check("lenet5", lyceum.write_dataset(self.folder, train=12000), student={"dropout": 0.1},
                   train={"batch": 4800, "epochs": 3, "ema_decay": 0.8}, agent={"credit": {"every": 2}}, **lyceum.RECIPE)

    # Batch norm makes all threads wait for each other some thirty times a step.
    def test_resnet8(self):
        self.check("resnet", lyceum.write_cifar(self.folder, train=600), shared=0.3,
                   train={"batch": 160, "epochs": 3}, agent={"credit": {"every": 2, "delay": 1}}, **lyceum.RESNET)


if __name__ == "__main__":
    lyceum.main()
