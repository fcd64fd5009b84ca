"""Bad input: idx files and data sets."""
import os

import h5py
import numpy as np

from bad_input import Box, Row, absent, at, floats

BODY = bytes(400 * 28 * 28)


def images(content, **more):
    return lambda box: box.import_idx(train_images=content(box) if callable(content) else content, **more)


def zipped(spoil):
    return lambda box: box.import_idx(train_images=bytes(spoil(box.zipped())))


def pipe(box):
    os.mkfifo(box.path("pipe"))
    return box.path("pipe")


def spoiled(box):
    content = box.zipped()
    content[5000:5050] = b"\xff" * 50
    return bytes(content)


def data(**spoil):
    return lambda box: box.evaluate(None, box.dataset(**spoil))


def trained(**spoil):
    """What only training asks for: whether the network can be built on it."""
    arch = spoil.pop("arch", "mlp")
    more = {"data": spoil.pop("data", {})}
    return lambda box: box.train(network={"arch": arch, **({} if arch == "mlp" else {"hidden": []})},
                                 data={"path": box.dataset(**spoil), **more["data"]})


def instead(name, make):
    """Another object in the place of column `name`."""
    def change(file):
        del file[name]
        make(file, name)
    return change


def claims(shape):
    return instead("x", lambda file, name: file.create_dataset(name, shape=shape, dtype="u1", chunks=(1,) * len(shape)))


def virtual(file, name):
    layout = h5py.VirtualLayout(shape=(500, 784), dtype="u1")
    layout[:] = h5py.VirtualSource("nowhere.h5", "x", shape=(500, 784))
    file.create_virtual_dataset(name, layout)


def external(file, name):
    file.create_dataset(name, shape=(500, 784), dtype="u1", external=[("nowhere.bin", 0, 500 * 784)])


def equal_rows(x):
    x = x.copy()
    x[3] = x[7]
    return x


IDX = [
    Row("images that are not there", images(lambda box: box.path("none")),
        ("none: cannot open this idx file: No such file",)),
    Row("a directory", images(lambda box: box.folder), ("is a directory; an idx file was expected",)),
    Row("a pipe that nobody writes to", images(pipe), ("pipe: is a pipe or a device; an idx file was expected",)),
    Row("an empty file", images(b""), ("cut off at byte 0 (the header); fetch it again",)),
    Row("no idx file", images(b"P5 28 28 255"), ("not an idx file: bytes 0 and 1 are 50 35",)),
    Row("floats", images(lambda box: box.idx_bytes((400, 28, 28), BODY, kind=13)),
        ("byte 2 gives value type 0x0d", "0x08")),
    Row("255 dimensions", images(b"\0\0\x08\xff"), ("byte 3 gives 255 dimensions",)),
    Row("a dimension of nothing", images(lambda box: box.idx_bytes((400, 0, 28))), ("dimension 1 (byte 8) is 0",)),
    Row("dimensions that overflow", images(lambda box: box.idx_bytes((2 ** 32 - 1,) * 3)), ("product overflows",)),
    Row("a header that promises a disk", images(lambda box: box.idx_bytes((400, 60000, 60000), BODY)),
        ("announces 1440000000000 bytes", "cannot hold")),
    Row("a row too few", images(lambda box: box.idx_bytes((400, 28, 28), BODY[:-1])),
        ("cut off at byte 313615 (row 399 of 400)",)),
    Row("a byte too many", images(lambda box: box.idx_bytes((400, 28, 28), BODY + b"x")),
        ("goes on after the 400 rows",)),
    Row("gzip with a damaged middle", images(spoiled),
        ("train-images: the gzip data is damaged near byte", "fetch it again")),
    Row("gzip without its end", zipped(lambda content: content[:-8]), ("the gzip data is cut off at byte", "fetch it again")),
    Row("labels in the place of images", images(lambda box: box.goods.idx["train-labels"]),
        ("has 1 dimension(s), which is not images; are images and labels exchanged?",)),
    Row("images in the place of labels",
        images(lambda box: box.goods.idx["train-images"], train_labels=Box.idx_bytes((1, 1, 1), b"x")),
        ("has 3 dimensions, which is not labels",)),
    Row("more channels than fit", images(lambda box: box.idx_bytes((400, 17, 1, 1), bytes(6800))),
        ("of this size or number", "16 channels")),
    Row("labels of other images",
        images(lambda box: box.goods.idx["train-images"], train_labels=Box.idx_bytes((3,), b"abc")),
        ("train-labels: 3 labels for the 400 images of", "train-images.gz")),
    Row("a label without a class", lambda box: box.import_idx("--classes", "a,b"),
        ("train-labels.gz: row 0 (byte 8) has label", "there are 2 class names")),
    Row("test images of another size", lambda box: box.import_idx(test_images=box.idx_bytes((100, 4, 4), bytes(1600))),
        ("test-images: its images are of another size than those of", "train-images.gz")),
    Row("no directory to write to", lambda box: box.import_idx(out="none/made.h5"),
        ("none/made.h5: cannot create this file: No such file",)),
    Row("a file in the place of the directory",
        lambda box: box.import_idx(out=os.path.basename(box.bytes(b"x")) + "/made.h5"),
        ("spoiled/made.h5: cannot create this file: Not a directory",)),
    Row("a directory to write over", lambda box: box.import_idx("--force", out=os.path.basename(os.path.dirname(
        os.makedirs(box.path("made.h5/x")) or box.path("made.h5/x")))), ("made.h5: Is a directory",)),
]

FILES = [
    Row("no such data set", lambda box: box.evaluate(None, box.path("none.h5")),
        ("none.h5: cannot open this data set: No such file",)),
    Row("a directory", lambda box: box.evaluate(None, box.folder), ("is a directory; a data set is one file",)),
    Row("a device", lambda box: box.evaluate(None, "/dev/zero"),
        ("/dev/zero: is a pipe or a device; a data set is a file",)),
    Row("an empty file", lambda box: box.evaluate(None, box.bytes(b"")),
        ("spoiled: the file is empty; a data set was expected",)),
    Row("no HDF5", lambda box: box.evaluate(None, box.goods.idx["train-images"]),
        ("train-images.gz: is not an HDF5 file",)),
    Row("half a file", lambda box: box.evaluate(None, box.truncated(box.goods.data)),
        ("spoiled: this data set is damaged or cut off",)),
    Row("a model", lambda box: box.evaluate(None, box.goods.models[0]),
        ("model.h5: is a 'lyceum model 1'; a data set", "was expected")),
]

COLUMNS = [
    Row("no x", data(x=absent), ("data.h5: has no HDF5 data set 'x'",)),
    Row("a group in the place of x", data(change=instead("x", lambda file, name: file.create_group(name))),
        ("data.h5: 'x' is not a data set that can be read",)),
    Row("x without space",
        data(change=instead("x", lambda file, name: file.create_dataset(name, data=h5py.Empty("f4")))),
        ("/x: has no dimensions",)),
    Row("x in one line", data(x=np.ravel), ("/x: has 1 dimension(s); [rows, channels, height, width]",)),
    Row("x with five dimensions", data(x=lambda x: x[:, None]), ("/x: has 5 dimensions; at most 4",)),
    Row("no rows", data(x=lambda x: x[:0]), ("/x: has a dimension of 0 (rows)",)),
    Row("integers", data(x=lambda x: x.astype("i4")),
        ("/x: holds neither unsigned bytes", "signed integers of 4 byte(s)", "astype('uint8')")),
    Row("NaN pixels", data(x=lambda x: at((7, 0, 3, 3), np.nan)(floats(x))),
        ("/x: row 7 holds 1 value(s) that are not finite",)),
    Row("dimensions that overflow", data(change=claims((2 ** 62, 16, 16, 16))),
        ("/x: claims dimensions whose product overflows",)),
    Row("more than the file can hold", data(change=claims((2 ** 31 - 1, 1, 28, 28))),
        ("/x: claims 1683627179248 bytes, which a file of",)),
    Row("x from a file that is not there", data(change=instead("x", virtual)),
        ("/x: is virtual", "copy the values into this file")),
    Row("x as bytes of another file", data(change=instead("x", external)),
        ("/x: is external", "copy the values into this file")),
    Row("labels of fewer rows", data(y=lambda y: y[:-1]), ("/y: has shape [499]; [500] was expected",)),
    Row("labels as floats", data(y=lambda y: y.astype("f4")), ("/y: holds floats of 4 bytes; integers were expected",)),
    Row("a label below -1", data(y=at(11, -2)), ("/y: row 11 has label -2; labels are 0 to 32767",)),
    Row("a label without a name", data(y=at(11, 10)),
        ("/y: row 11 has label 10, but 'classes' names only 10 (0 to 9)",)),
    Row("neither labels nor names", data(y=absent, classes=None), ("has no labels and no attribute 'classes'",)),
    Row("no labels to hold out", data(y=absent), ("no row of the train part (/split = 0) has a label",), 2),
    Row("a third part", data(split=at(5, 2)), ("/split: row 5 is in part 2; 0 (train) and 1 (test)",)),
    Row("no train part", data(split=np.ones_like), ("no row is in the train part (/split = 0)",), 2),
    Row("train rows that are test rows", data(x=lambda x: np.repeat(x[:1], 500, 0)),
        ("all 400 rows of the train part", "equal a test row"), 2),
    Row("classes that are not there",
        lambda box: box.train(data={"path": box.dataset(y=lambda y: y % 9), "only_classes": [9]}),
        ("the train split is empty; data.only_classes leaves none",), 2),
    Row("an id twice", data(id=at(5, 0)), ("/id: rows 0 and 5 have the same id 0",)),
    Row("a negative id", data(id=lambda ids: at(5, -7)(ids.astype("i8"))), ("/id: is -7 in row 5",)),
    Row("equal rows, where they are an error",
        lambda box: box.train(data={"path": box.dataset(x=equal_rows), "strict": True}),
        ("2 rows of the train part equal another one", "rows 3 and 7 (ids 3 and 7)", "data.strict")),
    Row("images too small for the network", trained(x=lambda x: x[:, :, :8, :8], arch="lenet5"),
        ("network lenet5: lenet5 takes images of 28 x 28 or 32 x 32 pixels, not 8 x 8",), 2),
    Row("numbers that no network survives", trained(x=floats, mean=[1e38], std=[1e-38]),
        ("epoch 0, step 0: the student's logit for class", "is not finite"), begins=True),
]

ATTRIBUTES = [
    Row("a format of numbers", data(format=3), ("attribute 'format' does not hold text",)),
    Row("two formats", data(format=["a", "b"]), ("attribute 'format' holds 2 texts",)),
    Row("no class", data(classes=np.array([], dtype="S1")), ("attribute 'classes' names no class",)),
    Row("names as long as books", data(classes=np.array([b"x" * 5000] * 10)),
        ("attribute 'classes' holds 5000 bytes of text",)),
    Row("a mean without a deviation", data(mean=[0.1]), ("has attribute 'mean' but not 'std'; give both or none",)),
    Row("a deviation of 0", data(mean=[0.1], std=[0.0]), ("attribute 'std' holds 0, which is not possible",)),
    Row("means of other channels", data(mean=[0.1, 0.2], std=[1.0, 1.0]),
        ("attribute 'mean' has 2 value(s) for 1 channel(s)",)),
    Row("a mean in words", data(mean="a", std="b"), ("attribute 'mean' does not hold numbers",)),
    Row("content that was changed", data(fingerprint="0" * 32),
        ("the content has fingerprint", "the file states 000000", "delete the attribute")),
]

TABLES = {"idx": IDX, "data": FILES + COLUMNS + ATTRIBUTES}
