"""Full disks, files that must not grow, too little memory, closed streams, kills while a bank is filled: one clear
error, what was there before is intact, nothing half written stays, and with space the same command goes on to the same
bits.

A limit on the size of files (RLIMIT_FSIZE) fails a write as a full disk does; where a file system can be mounted, a
really full one is tried as well.
"""
import glob
import json
import os
import random
import resource
import signal
import subprocess
import tempfile
import time

import h5py

import lyceum
from bad_input import Box, Goods


def limited(size):
    """For preexec_fn; SIGXFSZ is left as it comes: the program itself has to see to it."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def run(*arguments, check, **more):
    result = subprocess.run([os.path.abspath(lyceum.PROGRAM), *map(str, arguments)], text=True, timeout=300,
                            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more})
    if result.returncode != check:
        raise AssertionError(f"lyceum {arguments}: exit {result.returncode}, expected {check}\n{result.stderr}")
    return result


def files(folder):
    return {os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names}


def size_before_the_end(path):
    """Of a run file without the table that a run writes when it is through with its steps."""
    with h5py.File(path, "r") as file:
        late = sum(column.id.get_storage_size() for column in file["mixture"].values())
    return os.path.getsize(path) - late


class Space(lyceum.Case):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="lyceum-e2e-")
        cls.addClassCleanup(holder.cleanup)
        cls.goods = Goods(holder.name)

    def setUp(self):
        super().setUp()
        self.box = Box(self.goods, self.folder)

    def fails(self, size, arguments, *says, left=()):
        """With files of at most `size` bytes: exit 1, one error with these pieces, and only the files of `left`."""
        before = files(self.folder)
        result = run(*arguments, "--quiet", "--json", check=1, preexec_fn=limited(size))
        self.assertEqual(result.stdout, "")
        lines = [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith(f"lyceum {arguments[0]}"), lines[0])
        for piece in says:
            self.assertIn(piece, lines[0])
        self.assertNotIn("earlier write failed", result.stderr, "the same failure is told once")
        self.assertEqual(files(self.folder) - before, set(left))

    # ---- files that are whole or not there -----------------------------------------------------------

    def test_data_set(self):
        self.fails(100000, self.box.import_idx(), "made.h5", "cannot be written: File too large")

    def test_data_set_that_is_replaced(self):
        path = self.box.bytes(b"former", "made.h5")
        self.fails(100000, self.box.import_idx("--force"), "made.h5", "cannot be written")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"former")

    def test_logits(self):
        evaluate = self.box.evaluate(None, None, "-s", "all", "--logits", self.box.path("logits.h5"))
        self.fails(10000, evaluate, "logits.h5", "free some space")

    def test_bank(self):
        self.fails(10000, self.box.distill(command="bank"), "banks/t-", "File too large", "banks.enabled",
                   left={os.path.relpath(path + ".lock", self.folder) for path in [self.bank_path()]})

    def bank_path(self):
        """Where the bank of the box's configuration will be: the same name in another directory."""
        with tempfile.TemporaryDirectory(prefix="lyceum-e2e-") as folder:
            config = self.goods.config(banks={"directory": folder}, output=os.path.join(folder, "out"))
            lyceum.run("bank", lyceum.write_config(folder, "c", config), "--quiet")
            return os.path.join(self.folder, "banks", os.path.basename(glob.glob(folder + "/*.h5")[0]))

    def test_config_of_a_run(self):
        self.fails(100, self.box.distill(banks={"enabled": False}), "out/config.json", "File too large")

    def test_run_file(self):
        self.fails(10000, self.box.distill(banks={"enabled": False}), "out/run.h5", "File too large",
                   left={"out/lock", "out/config.json", "out/log.jsonl"})

    # ---- runs that go on ------------------------------------------------------------------------------

    def compare(self, whole, after):
        self.assert_same(lyceum.parameters(f"{whole}/student.h5"), lyceum.parameters(f"{after}/student.h5"), "student")
        self.assert_same(lyceum.trajectory(f"{whole}/run.h5"), lyceum.trajectory(f"{after}/run.h5"), "trajectory")
        self.assert_same(*({k: v for k, v in lyceum.last_checkpoint(d).items() if "require" not in k}
                           for d in (whole, after)), "checkpoint")

    def long_run(self, output, **changes):
        """So long that its run file outgrows its checkpoints."""
        config = self.goods.config(train={"epochs": 120, "batch": 8, "checkpoint_every": 100}, output=output,
                                   banks={"enabled": False}, **changes)
        return lyceum.write_config(self.folder, "long", config)

    def whole_run(self):
        whole = self.box.path("whole")
        lyceum.run("distill", self.long_run(whole), "--quiet")
        return whole

    def goes_on(self, whole, output, words, make_room, **limits):
        """Fails in the middle, keeps its newest checkpoint byte by byte, and ends as the run that never failed."""
        config = self.long_run(output)

        def fail():
            message = run("distill", config, "--resume", "--quiet", check=1, **limits).stderr.splitlines()[-1]
            for piece in ("lyceum distill: " + output, *words):
                self.assertIn(piece, message)
        fail()
        kept = {}
        for path in glob.glob(output + "/checkpoints/*"):
            with open(path, "rb") as file:
                kept[path] = file.read()
        self.assertTrue(kept, "failed before there was a checkpoint")
        self.assertTrue(all(path.endswith(".h5") for path in kept), f"debris: {list(kept)}")
        fail()  # still no space: the same error, the same checkpoint
        for path, content in kept.items():
            with open(path, "rb") as file:
                self.assertEqual(hash(file.read()), hash(content), f"{path} was changed")
        self.assertFalse(os.path.exists(output + "/result.json"))
        run("inspect", output, check=0)
        make_room()
        lyceum.run("distill", config, "--resume", "--quiet")
        self.compare(whole, output)

    def test_a_run_file_that_must_not_grow(self):
        whole = self.whole_run()
        short, long = (size_before_the_end(directory + "/run.h5") for directory in (self.goods.run, whole))
        self.goes_on(whole, self.box.path("after"), ["run.h5: cannot write", "File too large"], lambda: None,
                     preexec_fn=limited((short + long) // 2))

    def test_a_disk_that_fills_up(self):
        place = self.box.path("disk")
        os.mkdir(place)
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", place]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", place], check=True)
        whole = self.whole_run()
        free = os.statvfs(place)  # room for the run file of a while and three checkpoints, not for more
        checkpoint = os.path.getsize(glob.glob(whole + "/checkpoints/*")[0])
        room = os.path.getsize(self.goods.run + "/run.h5") + 3 * checkpoint + 100000
        filler = os.path.join(place, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(free.f_bavail * free.f_frsize - room))
        self.goes_on(whole, os.path.join(place, "after"), ["No space left on device"], lambda: os.unlink(filler))

    # ---- banks ----------------------------------------------------------------------------------------

    def many_views(self, name):
        config = self.goods.config(data={"augment": {"views": 400, "shift": 2}},
                                   banks={"directory": self.box.path(name)}, output=self.box.path("out-" + name))
        return lyceum.write_config(self.folder, name, config)

    def logits(self, name):
        with h5py.File(glob.glob(self.box.path(name) + "/*.h5")[0], "r") as file:
            return {f"{group}/{view}": file[group][view][()].tobytes()
                    for group in ("logits", "filled", "checksum") for view in file[group]}

    def test_kills_while_a_bank_is_filled(self):
        started = time.monotonic()
        lyceum.run("bank", self.many_views("whole"), "--quiet")
        seconds = time.monotonic() - started
        config = self.many_views("killed")
        generator, hits, filled = random.Random(1), 0, []
        for _ in range(40):
            process = subprocess.Popen([os.path.abspath(lyceum.PROGRAM), "bank", config, "--quiet", "--json"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                stdout, stderr = process.communicate(timeout=generator.uniform(0.3, 0.9) * seconds if hits < 3 else 120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                hits += 1
                continue
            self.assertEqual(process.returncode, 0, stderr)
            filled.append(json.loads(stdout)["banks"][0])
            break
        self.assertGreater(hits, 0, "no kill hit")
        self.assertEqual(filled[0]["filled"], filled[0]["blocks"])
        self.assertEqual([name for name in os.listdir(self.box.path("killed")) if name.endswith(".part")], [])
        self.assert_same(self.logits("whole"), self.logits("killed"), "bank")

    def test_a_stopped_bank_goes_on(self):
        config = self.many_views("stopped")
        process = subprocess.Popen([os.path.abspath(lyceum.PROGRAM), "bank", config, "--json"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not glob.glob(self.box.path("stopped") + "/*.h5") and time.monotonic() < deadline:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual((process.returncode, stdout), (1, ""), stderr)
        self.assertIn("stopped; what was filled stays, the same command goes on", stderr)
        lyceum.run("bank", config, "--quiet")
        lyceum.run("bank", self.many_views("whole"), "--quiet")
        self.assert_same(self.logits("whole"), self.logits("stopped"), "bank")

    # ---- memory and descriptors -----------------------------------------------------------------------

    def test_an_address_space_too_small_for_the_kernels(self):
        """OpenBLAS itself would try for ever."""
        def limits():
            resource.setrlimit(resource.RLIMIT_AS, (350 << 20, 350 << 20))
        program = os.path.abspath(lyceum.PROGRAM)
        if subprocess.run([program, "--version"], preexec_fn=limits, capture_output=True).returncode != 0:
            self.skipTest("this build needs more address space by itself, as those with sanitizers do")
        result = run(*self.box.distill("--threads", 2, "--json"), check=1, preexec_fn=limits)
        self.assertEqual(result.stdout, "")
        self.assertIn("no memory for 2 threads", result.stderr)
        self.assertIn("ulimit -v", result.stderr)
        self.assertEqual(files(self.folder), {"config.json"})

    def test_too_few_descriptors(self):
        def limits():
            resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
        result = run(*self.box.distill("--quiet", "--json"), check=1, preexec_fn=limits)
        self.assertEqual(result.stdout, "")
        self.assertIn("Too many open files", result.stderr)

    # ---- streams --------------------------------------------------------------------------------------

    def test_a_full_disk_behind_a_redirection(self):
        for arguments in (["config", "schema"], ["doctor", "--json"], ["inspect", self.goods.run],
                          ["inspect", self.goods.run, "--csv"],
                          self.box.evaluate(None, None, "--json", "-q"), ["eval", "--help"]):
            with open("/dev/full", "w", encoding="utf-8") as full:
                message = run(*arguments, check=1, stdout=full).stderr
            self.assertIn("writing the output", message.splitlines()[-1])
            self.assertIn("No space left on device", message.splitlines()[-1])

    def test_closed_streams_do_not_end_up_in_files(self):
        for streams, check in (((1,), 1), ((2,), 0), ((0, 1, 2), 1)):
            with self.subTest(closed=streams):
                output = self.box.path("out" + "".join(map(str, streams)))
                arguments = self.box.distill(output=output, train={"epochs": 4})
                run(*arguments, check=check, preexec_fn=lambda streams=streams: list(map(os.close, streams)))
                run("inspect", output, check=0)
                run("eval", output + "/student.h5", "-d", self.goods.data, "-q", check=0)
                with open(output + "/log.jsonl", encoding="utf-8") as file:
                    self.assertEqual({"event"} - set(json.loads(file.readline())), set())
                    for line in file:
                        json.loads(line)
                with open(output + "/lock", encoding="utf-8") as file:
                    self.assertEqual(file.read(), "")


if __name__ == "__main__":
    lyceum.main()
