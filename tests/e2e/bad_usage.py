"""Bad input: command lines."""
import os

from bad_input import Row


def own_file(box):
    box.bytes(b"mine", "mine.h5")
    return box.evaluate(None, None, "--logits", box.path("mine.h5"))


def own_input(box):
    images = box.copy(box.goods.idx["train-images"])
    return box.import_idx("--force", train_images=images, out=os.path.basename(images))


def already(box):
    box.bytes(b"mine", "made.h5")
    return box.import_idx()


ROWS = [
    Row("no such command", lambda box: ["destill"], ('unknown command "destill"; did you mean "distill"?',), 2),
    Row("no such option without a command", lambda box: ["--verson"], ('unknown option "--verson"',), 2),
    Row("no such option", lambda box: box.evaluate(None, None, "--splits", "x"),
        ("unknown option --splits; did you mean --split?",), 2),
    Row("no such option, and none like it", lambda box: ["doctor", "-Z"], ("unknown option -Z",), 2),
    Row("an argument is missing", lambda box: ["eval", "--data", box.goods.data], ("the model file is missing",), 2),
    Row("an argument too many", lambda box: box.evaluate(None, None, "more"), ('one argument too many: "more"',), 2),
    Row("a value is missing", lambda box: box.evaluate(None, None, "--logits"),
        ("--logits needs a value: --logits FILE",), 2),
    Row("a value for a flag", lambda box: ["doctor", "--json=yes"], ("--json takes no value",), 2),
    Row("an option twice", lambda box: box.evaluate(None, None, "-s", "all", "--split", "all"),
        ("--split is given twice",), 2),
    Row("no whole number", lambda box: box.evaluate(None, None, "--threads", "-1"),
        ('--threads takes a whole number from 0 to 1024, not "-1"',), 2),
    Row("no number", lambda box: box.evaluate(None, None, "--valid-fraction", "nan"),
        ('--valid-fraction takes a number from 0 to 1, not "nan"',), 2),
    Row("more values than a list takes", lambda box: box.distill(*["--set", "name=x"] * 65),
        ("more than 64 values",), 2),
    Row("no such kind of data", lambda box: ["data", "idz", "-o", box.path("made.h5")],
        ('unknown kind "idz"; did you mean "idx"?',), 2),
    Row("no such split", lambda box: box.evaluate(None, None, "-s", "tset"),
        ('unknown split "tset"; did you mean "test"?', "reward"), 2),
    Row("no such text", lambda box: ["config", "shema"], ('unknown choice of what to print "shema"; did you mean "schema"?',), 2),
    Row("a file for a text that needs none", lambda box: ["config", "schema", "x.json"],
        ("`lyceum config schema` takes no file",), 2),
    Row("--set for a text", lambda box: ["config", "help", "--set", "a=b"],
        ("--set is for `lyceum config resolved CONFIG`",), 2),
    Row("no file to resolve", lambda box: ["config", "resolved"], ("the config file is missing",), 2),
    Row("no place for the data set", lambda box: ["data", "idx"], ("-o FILE, the file to write, is missing",), 2),
    Row("no images", lambda box: box.import_idx(train_images=None), ("--train-images",), 2),
    Row("no labels", lambda box: box.import_idx(train_labels=None), ("--train-labels",), 2),
    Row("half a test part", lambda box: box.import_idx(test_labels=None), ("--test-images", "--test-labels"), 2),
    Row("a data set is there already", already, ("made.h5: is there already", "--force"), 2),
    Row("the data set over one of its sources", own_input, ("train-images.gz: is one of the files to read",), 2),
    Row("a class without a name", lambda box: box.import_idx("--classes", "a,,b"),
        ('--classes has an empty name: "a,,b"',), 2),
    Row("a class name twice", lambda box: box.import_idx("--classes", "a,b,a"),
        ("classes 0 and 2 are both called 'a'",), 2),
    Row("a class name in another encoding", lambda box: box.import_idx("--classes", b"a,\xff"),
        ("class name 1 is not UTF-8",), 2),
    Row("more classes than bytes count", lambda box: box.import_idx("--classes", ",".join(map(str, range(300)))),
        ("300 class names", "1 to 256"), 2),
    Row("no data set to measure on", lambda box: ["eval", box.goods.models[0]], ("--data FILE", "is missing"), 2),
    Row("logits over what is no logits", own_file, ("mine.h5: is there already", "remove it"), 2),
    Row("splits that leave nothing",
        lambda box: box.evaluate(None, None, "--reward-fraction", "0.6", "--valid-fraction", "0.6"),
        ("data.reward_fraction (0.6)", "data.valid_fraction (0.6)", "less than 1"), 2),
    Row("two forms of output", lambda box: ["inspect", box.goods.run, "--json", "--csv"],
        ("--json and --csv", "choose one"), 2),
    Row("a window for lines", lambda box: ["inspect", box.goods.run, "--csv", "--window", "3"],
        ("--csv", "--window has no meaning"), 2),
]

TABLES = {"usage": ROWS}
