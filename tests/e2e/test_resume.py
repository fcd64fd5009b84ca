"""What may change around a run between its start and its resumption: its place, and keys that came with a later version."""
import json
import os
import re
import shutil

import h5py
import numpy as np

import lyceum

LATER_KEY = "ema_decay"  # stands for a key that the version that began the run did not know


class Resume(lyceum.Case):
    def whole_run(self):
        self.data = lyceum.write_dataset(self.folder, train=400, test=100)
        self.config = lyceum.train_config(self.folder, self.data, "whole", train={"checkpoint_every": 3})
        lyceum.run("train", lyceum.write_config(self.folder, "whole", self.config), "--quiet")

    def first_part(self, name):
        """A copy of the run, as it was at its first checkpoint."""
        copy = os.path.join(self.folder, name)
        shutil.copytree(self.config["output"], copy)
        os.remove(f"{copy}/result.json")
        for later in sorted(os.listdir(f"{copy}/checkpoints"))[1:]:
            os.remove(f"{copy}/checkpoints/{later}")
        return copy

    def resume(self, directory, check=0, **changes):
        path = lyceum.write_config(self.folder, "again", lyceum.merge({**self.config, "output": directory}, changes))
        return lyceum.run("train", path, "--resume", "--quiet", check=check).stderr

    def assert_whole(self, directory):
        self.assert_same(lyceum.parameters(f"{self.config['output']}/model.h5"), lyceum.parameters(f"{directory}/model.h5"),
                         "model")

    def make_older(self, directory):
        """Takes the key out of both copies of the configuration."""
        checkpoint, = (f"{directory}/checkpoints/{name}" for name in os.listdir(f"{directory}/checkpoints"))
        with open(f"{directory}/config.json") as file:
            text = re.sub(rf',\s*"{LATER_KEY}": [^,\n]*', "", file.read())
        self.assertNotIn(LATER_KEY, json.loads(text)["train"])
        with open(f"{directory}/config.json", "w") as file:
            file.write(text)
        with h5py.File(checkpoint, "r+") as file:
            del file["require/config"]
            file["require/config"] = np.array(text.encode(), dtype=f"S{len(text.encode()) + 1}")
        sum_now = re.search("its content gives ([0-9a-f]{32})", self.resume(directory, check=1)).group(1)
        with h5py.File(checkpoint, "r+") as file:
            file.attrs.modify("checksum", np.bytes_(sum_now))

    def test_moved(self):
        self.whole_run()
        moved = self.first_part("elsewhere")
        self.resume(moved)
        self.assert_whole(moved)

    def test_older(self):
        self.whole_run()
        older = self.first_part("older")
        self.make_older(older)
        self.assertIn("config differs", self.resume(older, check=1, train={LATER_KEY: 0.5}))
        self.resume(older)
        self.assert_whole(older)

    def test_nothing_begun_leaves_nothing(self):
        path = lyceum.write_config(self.folder, "c", {"output": "new/run", "data": {"path": "none.h5"},
                                                      "network": {"arch": "mlp"}})
        os.mkdir(f"{self.folder}/own")
        for output in ("new/run", "own"):
            lyceum.run("train", path, "--output", output, check=1, cwd=self.folder)
        self.assertEqual(sorted(os.listdir(self.folder)), ["c.json", "own"])
        self.assertEqual(os.listdir(f"{self.folder}/own"), [])


if __name__ == "__main__":
    lyceum.main()
