"""Bad input: banks, run directories, checkpoints, run files."""
import glob
import os
import shutil

import h5py
import numpy as np

import lyceum
from bad_input import Row, at, delete


# ---- banks ---------------------------------------------------------------------------------------------

def filled(box, *more, **changes):
    """Fills the bank of a small distillation in the box; its path and the configuration."""
    command, config, *_ = box.distill(command="bank", **changes)
    lyceum.run(command, config, "--quiet")
    return glob.glob(box.path("banks/*.h5"))[0], config


def bank_replaced(by):
    def make(box):
        path, config = filled(box)
        shutil.copy(by(box), path)
        return ["bank", config]
    return make


def bank_as_teacher(spoil):
    def make(box):
        path, _ = filled(box)
        with h5py.File(path, "r+") as file:
            spoil(file)
        return box.taught(path)
    return make


def bank_locked(box):
    path, config = filled(box)
    with h5py.File(path, "r+") as file:
        file["filled/0"][...] = 0
    box.hold(path + ".lock")
    return ["bank", config]


BANKS = [
    Row("another file in the place of a bank", bank_replaced(lambda box: box.goods.models[0]),
        ("teacher 't': ", "has the format 'lyceum model 1'; a bank has 'lyceum bank 1'")),
    Row("a file in the place of the directory", lambda box: box.distill(banks={"directory": box.bytes(b"x")}),
        ("cannot create the directory", "spoiled: a file of that name is in the way")),
    Row("a bank that another process fills", bank_locked, ("another process fills this bank", "nothing was kept")),
    Row("a bank with holes as recorded logits", bank_as_teacher(lambda file: file["filled/0"].__setitem__(1, 0)),
        ("this bank is not filled: rows 256 to 499 of view 0 are missing; fill it first, with its test rows (lyceum bank "
         "--all)",)),
    Row("a bank with torn rows as recorded logits",
        bank_as_teacher(lambda file: file["logits/0"].__setitem__((7, 3), 1.5)),
        ("this bank is damaged: the checksum of rows 0 to 255 of view 0 does not match",)),
]


# ---- directories ---------------------------------------------------------------------------------------

def made(box):
    os.makedirs(box.path("out"))
    return box.path("out")


def in_use(box):
    box.hold(os.path.join(made(box), "lock"))
    return box.distill()


def strange_lock(box):
    os.makedirs(os.path.join(made(box), "lock"))
    return box.distill()


def own_files(box):
    box.bytes(b"mine", os.path.join(made(box), "config.json"))
    return box.distill()


DIRECTORIES = [
    Row("a run is there already", lambda box: box.distill(output=box.goods.run),
        ("run already holds a run: add --resume",), 2),
    Row("another process runs there", in_use,
        ("run directory", "out is in use:", "is held by", "wait until it has finished")),
    Row("a lock that is none", strange_lock, ("cannot open the lock file", "lock: Is a directory")),
    Row("someone's own files", own_files,
        ("out holds a config.json that no run has left there", "choose another --output"), 2),
    Row("a path too long", lambda box: box.distill(output=box.path("x" * 5000)), ("output: the path is too long",), 2),
    Row("a name too long", lambda box: box.distill(output=box.path("x" * 300)),
        ("cannot create the directory", "File name too long")),
]


# ---- resuming ------------------------------------------------------------------------------------------

def resumed(spoil, *more, **changes):
    return lambda box: box.resume(spoil, *more, **changes)


def nothing(_):
    pass


def checkpoints(directory):
    return sorted(glob.glob(os.path.join(directory, "checkpoints", "*")))


def all_torn(directory):
    for path in checkpoints(directory):
        os.truncate(path, os.path.getsize(path) // 2)


def no_checkpoints(directory):
    shutil.rmtree(os.path.join(directory, "checkpoints"))


def a_file_instead(directory):
    no_checkpoints(directory)
    with open(os.path.join(directory, "checkpoints"), "w"):
        pass


def newest_is_another_kind(box):
    return box.resume(lambda directory: shutil.copy(box.goods.data, checkpoints(directory)[-1]))


def newest_has_flipped_bytes(box):
    """With no other to fall back on."""
    def spoil(directory):
        for path in checkpoints(directory)[:-1]:
            os.unlink(path)
        with h5py.File(checkpoints(directory)[-1], "r+") as file:
            file["best/params"][17] += 1
    return box.resume(spoil)


def with_own(kind, box):
    """A run by files in the box, one of which is another when it is resumed."""
    own = {"data": box.copy(box.goods.data, "own-data.h5"), "model": box.copy(box.goods.models[0], "own-model.h5")}
    other = {"data": box.dataset(y=at(3, 7)), "model": box.goods.models[1]}
    changes = {"data": {"path": own["data"]}, "teachers": [{"name": "t", "model": own["model"]}]}
    return box.resume(lambda _: shutil.copy(other[kind], own[kind]), first=changes, **changes)


def gone(name):
    return lambda directory: os.unlink(os.path.join(directory, name))


def short_log(directory):
    with open(os.path.join(directory, "log.jsonl"), "w", encoding="utf-8") as file:
        file.write("{}")


def rows_cut(directory):
    with h5py.File(os.path.join(directory, "run.h5"), "r+") as file:
        file["committed"][0] = 5


RESUMING = [
    Row("another configuration", resumed(nothing, train={"batch": 32}),
        ("step-000000015.h5: config differs", '"batch": 64', "in the checkpoint", '"batch": 32',
         "now; resume with the same configuration")),
    Row("another configuration, no checkpoint yet", resumed(no_checkpoints, train={"batch": 32}),
        ("config.json: the run in this directory was started with another configuration",)),
    Row("another data set", lambda box: with_own("data", box), ("data differs: '", "the data set has changed since")),
    Row("another teacher", lambda box: with_own("model", box),
        ("teacher/0 differs: '", "the teacher has changed since")),
    Row("no checkpoint is whole", resumed(all_torn),
        ("checkpoints: none of the 3 checkpoints is intact", "start again in another directory"),
        warns=("step-000000015.h5: this checkpoint is damaged or cut off", "trying the checkpoint before it")),
    Row("the only checkpoint has another checksum", newest_has_flipped_bytes,
        ("none of the 1 checkpoints is intact", "damaged: its checksum is", "its content gives")),
    Row("another file in the place of a checkpoint", newest_is_another_kind,
        ("step-000000015.h5: is a 'lyceum data 1', not a 'lyceum checkpoint 1'",)),
    Row("a file in the place of all checkpoints", resumed(a_file_instead),
        ("cannot read the directory", "checkpoints: Not a directory")),
    Row("no run file", resumed(gone("run.h5")), ("run.h5: cannot open this run file: No such file",)),
    Row("a run file of fewer rows", resumed(rows_cut),
        ("run.h5: holds 5 rows of /trajectory, the checkpoint knows 15",)),
    Row("no log", resumed(gone("log.jsonl")), ("log.jsonl: cannot open the log: No such file",)),
    Row("a log of fewer lines", resumed(short_log), ("log.jsonl: 2 bytes, but the checkpoint knows", "bring it back")),
]


# ---- inspecting ----------------------------------------------------------------------------------------

def inspected(spoil, *more):
    """`lyceum inspect` of a run file, spoiled."""
    def make(box):
        path = box.copy(os.path.join(box.goods.run, "run.h5"))
        with h5py.File(path, "r+") as file:
            spoil(file)
        return ["inspect", path, *more]
    return make


def replaced(name, value):
    def spoil(file):
        del file[name]
        file[name] = value
    return spoil


def damaged_page(box):
    """A page with a wrong checksum: a reader beside a writer would read it again, this one for ever."""
    path = box.copy(os.path.join(box.goods.run, "run.h5"))
    with h5py.File(path, "r") as file:
        address = h5py.h5o.get_info(file.id).addr
    with open(path, "r+b") as file:
        file.seek(address + 12)
        file.write(b"\xa5\x5a")
    return ["inspect", path]


INSPECTING = [
    Row("no such run", lambda box: ["inspect", box.path("none")], ("none: no such run: No such file",)),
    Row("a directory without a run", lambda box: ["inspect", box.folder],
        ("holds no run.h5: give the output directory of a run",)),
    Row("another file", lambda box: ["inspect", box.goods.data],
        ("data.h5: is a 'lyceum data 1', not a 'lyceum run 1'",)),
    Row("a damaged page", damaged_page,
        ("run.h5: this run file is damaged", "incorrect metadata checksum after all read attempts")),
    Row("a table is missing", inspected(delete("epochs")), ("run.h5: has no table 'epochs'",)),
    Row("words in a column", inspected(replaced("trajectory/select", np.array([b"x"] * 15))),
        ("/trajectory/select: is not a column of numbers",)),
    Row("fewer rows than committed", inspected(lambda file: file["committed"].__setitem__(slice(None), 99)),
        ("rows; rows 0 to 99 were expected",)),
    Row("weights of more teachers", inspected(replaced("trajectory/weight", np.zeros((15, 3), "f4"))),
        ("/trajectory/weight has 3 numbers a row, its teachers and classes ask for 1: the file is damaged",)),
    Row("the same, as lines", inspected(replaced("trajectory/weight", np.zeros((15, 3), "f4")), "--csv"),
        ("run.h5: /trajectory/weight has 3 numbers a row, 1 were expected: the file is damaged",)),
    Row("names for more teachers", inspected(replaced("teachers/name", np.array([b"t", b"u"]))),
        ("/teachers/kind has 1 entries, 2 were expected",)),
    Row("numbers for names", inspected(replaced("teachers/name", np.zeros(1))),
        ("/teachers/name: is not a list of texts",)),
]

TABLES = {"banks": BANKS, "directories": DIRECTORIES, "resuming": RESUMING, "inspecting": INSPECTING}
