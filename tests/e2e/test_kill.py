"""Nothing lost: a run killed at random moments and resumed is, bit for bit, the run that was never stopped.

LYCEUM_KILLS says how many kills for each network (5 unless set; the long target uses 50).
"""
import os
import random
import signal
import subprocess
import time

import lyceum

KILLS = int(os.environ.get("LYCEUM_KILLS", "5"))


class Kill(lyceum.Case):
    def whole_run(self, config):
        path = lyceum.write_config(self.folder, config["name"], config)
        started = time.monotonic()
        lyceum.run("distill", path, "--quiet")
        return time.monotonic() - started

    def kill_and_resume(self, path, seconds, generator, kills):
        """Starts, kills and resumes until the run has finished; gives the number of kills that hit."""
        program = [os.path.abspath(lyceum.PROGRAM), "distill", path, "--resume", "--quiet"]
        hits = 0
        while True:
            process = subprocess.Popen(program, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
            try:
                process.wait(generator.uniform(0.02, seconds) if hits < kills else 600)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                hits += 1
                process.stderr.close()
                continue
            message = process.stderr.read().decode()
            process.stderr.close()
            self.assertEqual(process.returncode, 0, f"after {hits} kills: {message}")
            return hits

    def compare(self, whole, after):
        self.assert_same(lyceum.parameters(f"{whole}/student.h5"), lyceum.parameters(f"{after}/student.h5"), "student")
        self.assert_same(lyceum.trajectory(f"{whole}/run.h5"), lyceum.trajectory(f"{after}/run.h5"), "trajectory")
        self.assert_same(*({k: v for k, v in lyceum.last_checkpoint(d).items() if "require" not in k}
                           for d in (whole, after)), "checkpoint")

    def check(self, arch, kind, recipe, agent={}, data=None, delay=0, **training):
        data = data or lyceum.write_dataset(self.folder)
        teachers = []
        for name in ("a", "b"):
            config = lyceum.train_config(self.folder, data, name, "mlp", train={"seed": ord(name)})
            lyceum.run("train", lyceum.write_config(self.folder, name, config), "--quiet")
            teachers.append({"name": name, "model": os.path.join(self.folder, name, "model.h5")})
        config = lyceum.distill_config(self.folder, data, teachers, "whole", arch,
                                       agent={**agent, "credit": {"kind": kind, "every": 4, "steps": 3, "samples": 128,
                                                                 "delay": delay}},
                                       train={"checkpoint_every": 7, "epochs": 20 if arch == "mlp" else 3, **training},
                                       **recipe)
        seconds = self.whole_run(config)
        generator = random.Random(f"{arch} {kind}")
        hits = finished = 0
        while hits < KILLS:
            name = f"killed-{finished}"
            killed = {**config, "name": name, "output": os.path.join(self.folder, name),
                      "banks": {"directory": os.path.join(self.folder, "banks-" + name)}}
            hits += self.kill_and_resume(lyceum.write_config(self.folder, name, killed), max(0.3, 0.5 * seconds), generator,
                                         KILLS - hits)
            self.compare(os.path.join(self.folder, "whole"), killed["output"])
            finished += 1
            self.assertLessEqual(finished, 4 * KILLS, "the runs end before they can be killed: make them longer")

    def test_mlp_probe(self):
        self.check("mlp", "probe", lyceum.RECIPE, ema_decay=0.95)

    # Checkpoints every 7 batches find most of these probes in flight.
    def test_mlp_probe_in_flight(self):
        self.check("mlp", "probe", lyceum.RECIPE, delay=3)

    def test_mlp_probe_per_instance_in_flight(self):
        self.check("mlp", "probe", {}, agent={"granularity": "instance"}, delay=4)

    def test_mlp_on_policy(self):
        self.check("mlp", "on_policy", {})

    def test_mlp_probe_per_instance(self):
        self.check("mlp", "probe", {}, agent={"granularity": "instance"})

    def test_mlp_on_policy_per_instance(self):
        self.check("mlp", "on_policy", {}, agent={"granularity": "instance", "on_policy": {"algorithm": "ppo"}})

    def test_lenet5_probe(self):
        self.check("lenet5", "probe", {})

    def test_resnet8_probe(self):
        self.check("resnet", "probe", lyceum.RESNET, data=lyceum.write_cifar(self.folder, train=200), batch=16)


if __name__ == "__main__":
    lyceum.main()
