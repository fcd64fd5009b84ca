"""Learned weights on ensembles with a planted teacher: runs parts of the ablations in configs/planted and says what came
out. What `scripts/credit --prepare` makes must be there; tables and runs go to a folder of the test's own.
"""
import json
import os
import subprocess

import h5py
import lyceum

AGENTS = {"uniform": {"strategy": "uniform"}, "best_single": {"strategy": "best_single"},
          "confidence": {"strategy": "confidence"}, "learned": {"strategy": "learned"},
          # The policy stays what it was at first: what the tests find must not be found then.
          "off": {"strategy": "learned", "learning_rate": 1e-12}}


def prepare():
    subprocess.run(["scripts/credit", "--prepare"], check=True, capture_output=True,
                   env={**os.environ, "LYCEUM": os.path.abspath(lyceum.PROGRAM)})


class Ablation:
    """Runs of configs/planted/<name>.json: of its ensembles those named, all if None, with the given agents and seeds."""

    def __init__(self, folder, name, agents, seeds, ensembles=None):
        with open(f"configs/planted/{name}.json") as file:
            content = json.load(file)
        axes = content["axes"]
        given = axes.get("agent", {})
        self.axes = {"agent": {agent: given.get(agent, AGENTS.get(agent)) for agent in agents}, "train.seed": list(seeds)}
        if "teachers" in axes:
            self.axes["teachers"] = {key: axes["teachers"][key] for key in ensembles or axes["teachers"]}
        self.output = os.path.join(folder, name)
        path = lyceum.write_config(folder, name, {"name": name, "base": os.path.abspath(content["base"]), "axes": self.axes,
                                                  "set": content.get("set", {}), "output": self.output})
        lyceum.run("ablate", path, "--jobs", os.cpu_count(), "--quiet", timeout=3000)
        with open(os.path.join(self.output, "table.json")) as file:
            table = json.load(file)
        values = {setting["setting"]: setting["values"] for setting in table["settings"]}
        self.runs = {}
        for run in table["runs"]:
            assert run["state"] == "finished", run
            where = values[run["setting"]]
            self.runs[where.get("teachers"), where["agent"], run["seed"]] = run

    def gains(self, ensemble, agent, over):
        """Differences in test accuracy between two agents, paired by seed, in points."""
        return [100 * (self.runs[ensemble, agent, seed]["test_accuracy"] - self.runs[ensemble, over, seed]["test_accuracy"])
                for seed in self.axes["train.seed"]]

    def last_quarter(self, ensemble, agent, teacher):
        """Mean weight of a teacher over the last quarter of the batches, a figure a seed."""
        return [self.runs[ensemble, agent, seed]["last_quarter_weight"][teacher] for seed in self.axes["train.seed"]]

    def weights(self, agent, seed):
        """Weights of every batch, in the order of the teachers."""
        with h5py.File(os.path.join(self.runs[None, agent, seed]["output"], "run.h5")) as file:
            return file["trajectory/weight"][()]
