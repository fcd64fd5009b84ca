"""Everything in the README runs: blocks marked `sh run` are executed, the two commands exist and are what CI runs, files
that it names are there, and the output that it shows has the rows that the demo prints now.

Needs the demo's files (scripts/demo makes them; in ctest the fixture `demo`).
"""
import os
import re
import subprocess
import unittest

import lyceum

with open("README.md") as file:
    README = file.read()
DEMO_OUTPUT = os.environ.get("LYCEUM_DEMO_OUTPUT", "build/release/demo.txt")


def blocks(kind):
    return re.findall(rf"^```{re.escape(kind)}\n(.*?)^```$", README, re.M | re.S)


class Readme(unittest.TestCase):
    def test_two_commands(self):
        self.assertEqual([b.strip() for b in blocks("sh")], ["scripts/demo", "scripts/test"])
        with open(".ci/run") as script:
            self.assertEqual(script.read().rstrip().split("\n")[-1], "scripts/test")
        for command in ("scripts/demo", "scripts/test"):
            self.assertTrue(os.access(command, os.X_OK), command)

    @unittest.skipUnless(os.path.exists("demo/fashion.h5"), "scripts/demo has not been run here")
    def test_commands_run(self):
        subprocess.run(["rm", "-rf", "demo/by-hand"], check=True)
        commands = blocks("sh run")
        self.assertGreaterEqual(len(commands), 5)
        for command in commands:
            command = command.replace("build/release/lyceum", os.path.abspath(lyceum.PROGRAM))
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")

    @unittest.skipUnless(os.path.exists(DEMO_OUTPUT), "scripts/demo has not been run by ctest here")
    def test_shown_output_is_what_the_demo_prints(self):
        """Figures differ between machines: words and layout must not."""
        def shape(text):
            text = re.sub(r"[▁▂▃▄▅▆▇█]+", "~", text)
            # What the agent does with a teacher may differ from machine to machine.
            text = re.sub(r"^(\w+): .*(of the weight in the last quarter)$", r"\1: * \2", text, flags=re.M)
            return re.sub(r"\s+", " ", re.sub(r"[-+]?\d[\d.,]*(e[-+]\d+)?", "#", text))

        with open(DEMO_OUTPUT) as output:
            printed = shape(output.read())
        (shown,) = blocks("output demo")
        for line in filter(str.strip, shown.split("\n")):
            self.assertIn(shape(line).strip(), printed, f"the demo no longer prints: {line}")

    def test_links_and_paths_exist(self):
        for target in re.findall(r"\]\(([^)#:]+)\)", README):
            self.assertTrue(os.path.exists(target), target)
        for path in re.findall(r"`((?:tests|configs|scripts|include|docs)/[\w./-]+)`", README):
            self.assertTrue(os.path.exists(path), path)


if __name__ == "__main__":
    lyceum.main()
