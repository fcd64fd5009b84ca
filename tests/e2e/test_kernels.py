"""The kernels that a run is computed with: doctor names them, and a run does not go on with others."""
import json
import os

import lyceum


def convolution(env=None):
    checks = json.loads(lyceum.run("doctor", "--json", env=env, check=None).stdout)["checks"]
    return [check for check in checks if check["name"] == "convolution"][0]


class Kernels(lyceum.Case):
    def setUp(self):
        super().setUp()
        self.onednn = convolution()["value"].startswith("oneDNN")
        # Makes either library choose kernels for an older processor.
        self.other = {"ONEDNN_MAX_CPU_ISA": "SSE41"} if self.onednn else {"OPENBLAS_CORETYPE": "Nehalem"}

    def test_doctor_names_what_computes_convolutions(self):
        check = convolution()
        if self.onednn:
            self.assertRegex(check["value"], r"^oneDNN 2\.\d+\.\d+, \w+ kernels, one thread a call$")
            self.assertEqual(check["verdict"], "ok")
            self.assertIn(", sse41 kernels", convolution(self.other)["value"])
        else:
            self.assertIn("built without oneDNN", check["value"])
            self.assertEqual(check["verdict"], "warning")
            self.assertIn("libdnnl-dev", check["fix"])

    def test_a_run_does_not_go_on_with_other_kernels(self):
        data = lyceum.write_dataset(self.folder, train=600, test=100)
        config = lyceum.write_config(self.folder, "run", lyceum.train_config(self.folder, data, "run"))
        lyceum.run("train", config, "--quiet")
        os.unlink(os.path.join(self.folder, "run", "result.json"))
        message = lyceum.run("train", config, "--resume", check=1, env=self.other).stderr
        self.assertRegex(message, "kernels differs: '.*' in the checkpoint, '.*' now")
        self.assertIn("sse41" if self.onednn else "nehalem", message.lower())
        lyceum.run("train", config, "--resume", "--quiet")


if __name__ == "__main__":
    lyceum.main()
