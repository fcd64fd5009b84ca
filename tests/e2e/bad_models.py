"""Bad input: models, recorded logits, class maps."""
import numpy as np

from bad_input import Row, absent, at, delete

WEIGHT = "fc1.weight"


def model(**spoil):
    return lambda box: box.evaluate(box.model(**spoil))


def weight(spoil):
    return model(parameters={WEIGHT: spoil})


def recorded(teacher=None, **spoil):
    return lambda box: box.taught(box.recorded(**spoil), **(teacher or {}))


def in_views(count, **attributes):
    """Logits of several views, where three by shift=2 are asked for."""
    def change(file):
        logits = file["logits"][()]
        del file["logits"]
        for view in range(count):
            file[f"logits/{view}"] = logits

    def make(box):
        path = box.recorded(change=change, **attributes)
        return box.distill(teachers=[{"name": "t", "bank": path}], data={"augment": {"views": 3, "shift": 2}})
    return make


def emptied(file):
    del file["logits"]
    file.create_group("logits")


MODELS = [
    Row("no such model", lambda box: box.evaluate(box.path("none.h5")),
        ("eval: ", "none.h5: cannot open this model: No such file")),
    Row("a data set", lambda box: box.evaluate(box.goods.data),
        ("data.h5: is a 'lyceum data 1'; a model ('lyceum model 1') was expected",)),
    Row("an attribute is missing", model(height=None), ("model.h5: has no attribute 'height'",)),
    Row("a size of nothing", model(channels=0), ("attribute 'channels' is 0; 1 to 16 are possible",)),
    Row("a negative size", model(width=-1), ("attribute 'width' is negative",)),
    Row("a size as a float", model(height=28.0), ("attribute 'height' does not hold integers",)),
    Row("a size with two numbers", model(height=[28, 28]), ("attribute 'height' holds 2 numbers; at most 1",)),
    Row("a width beyond 2^63", model(hidden=np.array([2 ** 63], "u8")),
        ("attribute 'hidden' holds a number beyond 2^63",)),
    Row("a layer without width", model(hidden=[0]), ("attribute 'hidden' holds 0; 1 to",)),
    Row("a layer too wide", model(hidden=[2 ** 24]), ("network mlp: hidden: width 16777216 of layer 1",)),
    Row("an unknown architecture", model(arch="transformer-9000"),
        ('model.h5: network: there is no arch "transformer-9000"; there are: mlp, lenet5',)),
    Row("widths for a fixed architecture", model(arch="lenet5"),
        ("model.h5: network lenet5: hidden: the widths of lenet5 are fixed",)),
    Row("dropping everything", model(dropout=1.0), ("model.h5: network: dropout is 1, not in [0, 1)",)),
    Row("a dropout of NaN", model(dropout=np.nan), ("attribute 'dropout' holds nan",)),
    Row("no class", model(classes=np.array([], dtype="S1")), ("model.h5: attribute 'classes' names no class",)),
    Row("no parameters", model(change=delete("params")), ("model.h5: has no group 'params'",)),
    Row("a parameter is missing", weight(absent), ("model.h5: has no HDF5 data set 'params/fc1.weight'",)),
    Row("a parameter too many", model(change=lambda file: file.create_dataset("params/fc9.weight", data=[1.0])),
        ("group 'params' has 5 entries, but the architecture 'mlp' has 4 parameters",)),
    Row("a parameter lying down", weight(np.transpose),
        ("/params/fc1.weight: has shape [784, 32]; [32, 784] was expected",)),
    Row("a parameter of integers", weight(lambda values: values.astype("i4")),
        ("/params/fc1.weight: holds integers of 4 bytes; floats were expected",)),
    Row("NaN parameters", weight(at((0, 17), np.nan)),
        ("model.h5: parameter 'fc1.weight' holds a number that is not finite (nan at position 17)",)),
    Row("parameters that overflow", weight(lambda values: values * 0 + 3e38),
        ("'model.h5' answered", "for class 0 of the sample with id", "damaged")),
    Row("parameters that were changed", model(fingerprint="0" * 32),
        ("the content has fingerprint", "the file states 000000")),
    Row("samples of another shape", model(height=14, width=56),
        ("model.h5 takes samples of 1 x 14 x 56", "data.h5 are 1 x 28 x 28")),
    Row("classes by other names", model(classes=list("abcdefghij")),
        ("output 0 of", "is 'a', class 0 of the data set", "is '0'", '"class_map"')),
    Row("classes in another order", model(classes=list("1023456789")),
        ("in another order (output 0 is '1', class 0 is '0')", '"class_map": [1, 0, 2, 3, 4, 5, 6, 7, 8, 9]')),
    Row("other classes", lambda box: box.evaluate(None, box.dataset(classes=[str(i) for i in range(11)])),
        ("model.h5 has 10 classes, the data set", "data.h5 has 11", '"class_map": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]')),
]

RECORDED = [
    Row("no such file", lambda box: box.taught(box.path("none.h5")),
        ("teacher 't': ", "none.h5: cannot open this file of recorded logits",)),
    Row("a model", lambda box: box.taught(box.goods.models[0]), ("model.h5: has no '/logits'",)),
    Row("no views", recorded(change=emptied), ("has no HDF5 data set 'logits/0'",)),
    Row("one number a row", recorded(logits=lambda logits: logits[:, 0]),
        ("/logits: has shape [500]; [any, any] was expected",)),
    Row("no rows", recorded(logits=lambda logits: logits[:0], id=lambda ids: ids[:0], check=absent),
        ("/logits: has 0 rows of 10 classes",)),
    Row("no ids", recorded(id=absent), ("has no '/id', so that nobody can know", "uint64 [500]")),
    Row("a negative id", recorded(id=lambda ids: at(5, -5)(ids.astype("i8"))), ("/id: is negative in row 5",)),
    Row("signed checksums", recorded(check=lambda check: check.astype("i8")),
        ("/check: holds signed integers of 8 bytes; store it as uint64",)),
    Row("logits of another data set", recorded(data_fingerprint="0" * 32),
        ("was recorded for other data: its data_fingerprint is '00000", "data.h5 is '")),
    Row("too few rows",
        recorded(logits=lambda logits: logits[:100], id=lambda ids: ids[:100], check=lambda check: check[:100]),
        ("has no row for id", "it holds 100 rows, 500 are needed", "lyceum eval --split all")),
    Row("an id twice", recorded(id=at(5, 4)), ("rows 4 and 5 both answer for id 4; each sample may appear once",)),
    Row("an id that nobody knows",
        recorded(logits=lambda logits: np.vstack([logits, logits[:1]]),
                 id=lambda ids: np.append(ids, np.uint64(777777)),
                 check=lambda check: np.append(check, check[:1])),
        ("row 500 answers for id 777777, which the data set", "does not have")),
    Row("rows under other ids", recorded(check=lambda check: np.roll(check, 1)),
        ("row 0 claims to answer for id 0, but its /check is", "misordered")),
    Row("rows in another order, without proof",
        recorded(logits=lambda logits: logits[np.random.default_rng(0).permutation(500)], check=absent),
        ("the predictions of teacher 't' have nothing to do with the labels", "of 400", "unrelated_to_labels")),
    Row("NaN logits", recorded(logits=at((3, 4), np.nan)), ("holds nan for the sample with id 3, view 0, column 4",)),
    Row("nothing known", recorded(logits=lambda logits: logits * 0 - np.inf), ("every logit in", "is -inf")),
    Row("names for other columns", recorded(classes=list("012345678")),
        ("names 9 classes, but '/logits' has 10 columns",)),
    Row("other classes", recorded(logits=lambda logits: logits[:, :9]),
        ("has 9 classes, the data set", "has 10; give \"class_map\", which says")),
    Row("a map of other outputs", recorded({"class_map": [0]}), ("class_map has 1 entries, but", "has 10 outputs"), 2),
    Row("a map to nowhere", recorded({"class_map": [*range(9), 10]}),
        ("class_map[9] is 10, but the classes of", "are 0 to 9"), 2),
    Row("views that nobody recorded",
        lambda box: box.distill(teachers=[{"name": "t", "bank": box.recorded()}],
                                data={"augment": {"views": 3, "shift": 2}}),
        ("holds 1 view of each sample, but 3 are asked for", "data.augment.views to 1")),
    Row("views of another recipe", in_views(3, view_key="shift=3 flip=0 seed=0"),
        ("views made by another recipe: its view_key is 'shift=3 flip=0 seed=0', wanted is 'shift=2 flip=0 seed=0'",)),
]

TABLES = {"models": MODELS, "recorded": RECORDED}
