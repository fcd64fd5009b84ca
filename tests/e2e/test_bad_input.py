"""Bad input of any kind ends in one clear error: what, where, why, what to do; exit 1 or 2; nothing lost.

The rows stand in bad_*.py, by subject. Each is asserted to print exactly one error (warnings may stand before it), to
leave stdout empty, to write no file and to change none, and to end by itself. No two rows reach the same check: about
the same kind of file, their messages differ in more than names and numbers.
"""
import hashlib
import os
import re
import subprocess
import tempfile
import unittest


import bad_config
import bad_data
import bad_models
import bad_runs
import bad_usage
import lyceum
from bad_input import Box, Goods

TABLES = {**bad_usage.TABLES, **bad_config.TABLES, **bad_data.TABLES, **bad_models.TABLES, **bad_runs.TABLES}
BEGUN = {"config.json", "log.jsonl", "run.h5"}
QUIET = {"data", "train", "distill", "bank", "eval"}
JSON = QUIET | {"inspect", "doctor"}
LOCK = re.compile(r"(^|/)lock$|\.h5\.lock$")  # held while the program runs; stays behind empty


def contents(*folders):
    """Every file below, as a digest by path; locks apart."""
    found = {}
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if LOCK.search(path) or not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    found[path] = hashlib.md5(file.read()).hexdigest()
    return found


def shape(message):
    """The message without what differs between two uses of the same check."""
    message = re.sub(r"(/[^\s:;,'\"()]+)+", "PATH", message)
    message = re.sub(r"'[^']*'|\"[^\"]*\"", "NAME", message)
    return re.sub(r"-?\d[\d.e+-]*|\b[0-9a-f]{16,}\b|\bnan\b|\binf\b", "N", message)


class BadInput(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        cls.addClassCleanup(holder.cleanup)
        cls.goods = Goods(holder.name)
        cls.shapes = {}

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        self.addCleanup(holder.cleanup)
        self.box = Box(self.goods, holder.name)
        self.addCleanup(self.box.release)

    def run_quietly(self, arguments):
        command = arguments[0]
        more = ["--quiet"] if command in QUIET else []
        if command in JSON and not any(str(word).startswith(("--csv", "--json")) for word in arguments):
            more.append("--json")
        return subprocess.run([os.path.abspath(lyceum.PROGRAM), *arguments, *more], capture_output=True, text=True,
                              errors="backslashreplace", timeout=60)

    def check_row(self, table, row):
        arguments = row.make(self.box)
        before = contents(self.box.folder, self.goods.folder)
        result = self.run_quietly(arguments)
        self.assertEqual(result.returncode, row.code, result.stderr)
        self.assertEqual(result.stdout, "", "an error leaves stdout empty")
        errors = self.errors(arguments[0], result.stderr)
        self.assertEqual(len(errors), 1, f"one error:\n{result.stderr}")
        for piece in row.says:
            self.assertIn(piece, errors[0])
        for piece in row.warns:
            self.assertIn(piece, result.stderr[:-len(errors[0])])
        after = contents(self.box.folder, self.goods.folder)
        begun = {path for path in after.keys() - before.keys() if row.begins and os.path.basename(path) in BEGUN}
        self.assertEqual(before, {path: after[path] for path in after.keys() - begun}, "files were written or changed")
        known = self.shapes.setdefault((table, shape(errors[0])), row.what)
        self.assertIs(known, row.what, f"reaches the same check as '{known}': {errors[0]}")

    def errors(self, command, stderr):
        """What follows "lyceum COMMAND:", warnings and the pointer to --help apart."""
        self.assertNotRegex(stderr, "Sanitizer|runtime error|Assertion|Aborted|core dumped")
        parts = re.split(r"(?m)^(?=lyceum(?: [a-z]+)*: |warning: |See: )", stderr)
        others = [part for part in parts if part and not part.startswith(("lyceum", "warning: ", "See: lyceum "))]
        self.assertEqual(others, [], "lines that are neither error nor warning")
        return [part.strip() for part in parts if part.startswith("lyceum")]


def add_tests():
    for table, rows in TABLES.items():
        for number, row in enumerate(rows):
            def test(self, table=table, row=row):
                self.check_row(table, row)
            test.__doc__ = f"{table}: {row.what}"
            name = re.sub("[^a-z0-9]+", "_", row.what.lower()).strip("_")
            setattr(BadInput, f"test_{table}_{number:02}_{name}", test)


add_tests()

if __name__ == "__main__":
    lyceum.main()
