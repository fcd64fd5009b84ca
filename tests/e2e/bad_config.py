"""Bad input: configurations."""
from bad_input import Row

NESTED = b'{"data":' * 40 + b"1" + b"}" * 40


def text(spoil):
    return lambda box: box.configured(spoil)


def changed(**changes):
    return lambda box: box.distill(**changes)


def overridden(*sets):
    return lambda box: box.distill(*[word for value in sets for word in ("--set", value)])


def teachers(*entries):
    return lambda box: box.distill(teachers=[{"name": "t", "model": box.goods.models[0], **entry} for entry in entries])


ROWS = [
    # JSON, stricter than the parser
    Row("no such file", lambda box: ["distill", box.path("none.json")], ("none.json: No such file",), 2),
    Row("empty", text(b""), ("config.json:1:1: the text ends where a value should stand",), 2),
    Row("no object", text(b"[]"), ("config.json: a configuration is an object",), 2),
    Row("a comment", text(lambda good: b"// mine\n" + good), (":1:1: JSON has no comments",), 2),
    Row("single quotes", text(b"{'name': 1}"), (":1:2: JSON uses double quotes",), 2),
    Row("a comma behind the last entry", text(lambda good: good[:-1] + b",}"), ("a comma behind the last entry",), 2),
    Row("text behind the end", text(lambda good: good + b"{}"), ("text behind the end",), 2),
    Row("not UTF-8", text('{"name": "é"}'.encode("latin1")), (":1:11: byte 0xe9 is not UTF-8",), 2),
    Row("a byte-order mark", text(lambda good: b"\xef\xbb\xbf" + good), ("byte-order mark",), 2),
    Row("a zero byte in a text", text(b'{"name": "a\0b"}'), (":1:12: a line break or control character",), 2),
    Row("an escaped zero byte", text(rb'{"name": "a\u0000"}'), (":1:12:", "cannot be part of a text"), 2),
    Row("half a surrogate pair", text(rb'{"name": "\ud800x"}'), ("half of a surrogate pair",), 2),
    Row("an unknown escape", text(rb'{"name": "C:\data"}'), ("unknown escape",), 2),
    Row("an open text", text(b'{"name": "x'), ("no closing quote",), 2),
    Row("a leading zero", text(b'{"name": 01}'), ("must not start with 0",), 2),
    Row("a number too large", text(b'{"name": 1e999}'), ("1e999 is too large",), 2),
    Row("a number too small", text(b'{"name": 1e-999}'), ("1e-999 is too small",), 2),
    Row("a number too long", text(b'{"name": 0.' + b"1" * 80 + b"}"), ("a number of 82 characters",), 2),
    Row("a bare word", text(b'{"name": yes}'), ("yes is no JSON value",), 2),
    Row("nested without end", text(NESTED), ("nested deeper than",), 2),
    Row("a megabyte of spaces", text(b" " * 1100000), ("at most 1048576 are read",), 2),
    Row("a binary file", lambda box: ["train", box.goods.data], ("data.h5:1:1:",), 2),
    # keys and values
    Row("an unknown key", changed(train={"epoch": 3}), ('train.epoch: unknown key; did you mean "train.epochs"?',), 2),
    Row("an unknown key like no other", changed(zebra=1), ("zebra: unknown key; `lyceum config reference`",), 2),
    Row("a key twice", text(lambda good: b'{"name": "x", ' + good[1:]), ("name: given twice",), 2),
    Row("a key of another command under another name", lambda box: box.train(student={"arch": "mlp"}),
        ("student: belongs to `lyceum distill`", 'calls it "network"'), 2),
    Row("a key of another command", lambda box: box.train(banks={"enabled": True}),
        ("banks: belongs to `lyceum distill`", "remove it"), 2),
    Row("a key is missing", text(b'{"student": {"arch": "mlp"}, "agent": {"strategy": "none"}, "data": {"path": "d"}}'),
        ("output: must be given",), 2),
    Row("another type", changed(train={"batch": "64"}),
        ('train.batch: must be a whole number, 1 to 65536, not the text "64"',), 2),
    Row("beyond the bounds", changed(loss={"temperature": 0}),
        ("loss.temperature: 0 is too small", "above 0, at most 1000"), 2),
    Row("an exploration that leaves no choice", changed(agent={"exploration_floor": 0.5}),
        ("agent.exploration_floor: 0.5 is too large", "a number, 0.0001 to 0.49"), 2),
    Row("an integer that doubles cannot hold", changed(train={"seed": 2 ** 53 + 2}),
        ("train.seed: 9007199254740994 is too large", "2^53 - 1"), 2),
    Row("an unknown name", changed(agent={"strategy": "learnt"}),
        ('agent.strategy: unknown "learnt"; did you mean "learned"?',), 2),
    Row("an empty text", changed(output=""), ("output: must not be empty",), 2),
    Row("a name that no file can have", teachers({"name": "../t"}),
        ('teachers[0].name: "../t" must be', "A-Z a-z 0-9 _ . -"), 2),
    Row("too many entries", teachers(*({"name": f"t{i}"} for i in range(40))),
        ("teachers: has 40 entries; at most 32",), 2),
    Row("too few entries", changed(loss={"terms": []}), ("loss.terms: must have at least 1",), 2),
    # what holds between keys
    Row("splits that leave nothing", changed(data={"reward_fraction": 0.6, "valid_fraction": 0.6}),
        ("data: reward_fraction and valid_fraction leave nothing to train on",), 2),
    Row("an augmentation without views", changed(data={"augment": {"shift": 2}}),
        ("data.augment:", "set views to 2 or more"), 2),
    Row("views that are all equal", changed(data={"augment": {"views": 3}}),
        ("data.augment: 3 views would all be equal",), 2),
    Row("a class named twice", changed(data={"only_classes": [3, 3]}),
        ("data.only_classes: class 3 is named twice",), 2),
    Row("no permutation", changed(data={"class_order": [0, 2]}),
        ("data.class_order: must name each class from 0 to 1 once",), 2),
    Row("two teachers of one name", teachers({}, {}), ('teachers[1].name: "t" is the name of teachers[0] too',), 2),
    Row("a teacher without a source", teachers({"model": None}), ("teachers[0]: has no source",), 2),
    Row("a teacher with two sources", teachers({"bank": "b.h5"}),
        ('teachers[0].bank: a second source beside "model"',), 2),
    Row("a delay for what computes", teachers({"delay_ms": 5}), ("teachers[0].delay_ms: only recorded logits",), 2),
    Row("a precision for what is recorded", teachers({"model": None, "bank": "b.h5", "precision": "bf16"}),
        ("teachers[0].precision: recorded logits",), 2),
    Row("a precision that there is not", teachers({"precision": "bf61"}),
        ("teachers[0].precision:", '"bf16"'), 2),
    Row("no teachers", changed(teachers=[]), ('teachers: is empty, but strategy "learned" needs a teacher',), 2),
    Row("a strategy by a stranger", changed(agent={"strategy": "single:u"}),
        ('no teacher is called "u"; there are: "t"',), 2),
    Row("weights of other teachers", changed(agent={"strategy": "static", "weights": [1, 2]}),
        ("agent.weights:", "1 teachers, not 2"), 2),
    Row("weights that sum to nothing", changed(agent={"strategy": "static", "weights": [0]}),
        ("agent.weights: are all 0",), 2),
    Row("weights that nobody reads", changed(agent={"weights": [1]}), ('agent.weights: are for strategy "static"',), 2),
    Row("labels only, with teachers", changed(loss={"alpha": 1}), ("loss.alpha: 1 leaves the teachers no weight",), 2),
    Row("a term twice", changed(loss={"terms": [{"kind": "kd"}, {"kind": "kd"}]}),
        ('loss.terms: term "kd" is given twice',), 2),
    Row("widths for a fixed network", changed(student={"arch": "lenet5", "hidden": [9]}),
        ('student.hidden: "lenet5" has widths of its own',), 2),
    # --set
    Row("--set without a value", overridden("train.epochs"), ('--set train.epochs: "=value" is missing',), 2),
    Row("--set of no path", overridden("..=1"), ("--set ..=1: write path.to.key=value",), 2),
    Row("--set of an entry that is not there", overridden("teachers[5].name=a"),
        ("--set teachers[5].name=a: there is no entry [5]",), 2),
    Row("--set below a number", overridden("train.epochs.x=1"), ('"x" has no place in a value that is no object',), 2),
    Row("--set of broken JSON", overridden('train={"epochs":'), ('--set train={"epochs":', "the text ends"), 2),
    # several at once
    Row("everything at once",
        changed(zoo=1, train={"epochs": -1, "batch": 1.5}, loss={"alpha": 2}, agent={"strategy": "x"},
                teachers=[{"name": "a b"}]),
        (": 6 problems", "zoo: unknown", "train.epochs: -1 is too small", "train.batch: must be a whole number",
         "loss.alpha: 2 is too large", 'agent.strategy: unknown "x"', 'teachers[0].name: "a b"'),
        2),
    Row("more than a message holds", changed(**{f"k{i}": i for i in range(150)}),
        (": 150 problems", "k0: unknown key", "... and "), 2),
    # what only the data can tell
    Row("more labels than there are", changed(data={"labelled": 100000}),
        ("data.labelled asks for 100000", "has 320", "ask for fewer"), 2),
    Row("fewer labels than classes", changed(data={"labelled": 3}), ("data.labelled asks for 3", "10 classes"), 2),
    Row("a class that is not there", changed(data={"only_classes": [77]}),
        ("data.only_classes: entry 0 is 77", "0 to 9"), 2),
    Row("an order of fewer classes", changed(data={"class_order": [1, 0]}),
        ("data.class_order has 2 entries", "10 classes"), 2),
    Row("a held-out share of nothing", changed(data={"reward_fraction": 1e-9}),
        ("the reward split is empty; raise data.reward_fraction",), 2),
    Row("more parameters than memory", changed(student={"arch": "mlp", "hidden": [65536, 65536]}),
        ("network mlp: layer fc2", "parameters"), 2),
    Row("a shift out of the picture", changed(data={"augment": {"views": 2, "shift": 28}}),
        ("data.augment.shift: 28 pixels move the 28 x 28 images", "out of sight; set at most 27"), 2),
    Row("a cutout of everything", changed(data={"augment": {"views": 2, "cutout": 28}}),
        ("data.augment.cutout: a square of 28 pixels leaves nothing of the 28 x 28 images", "set at most 27"), 2),
    Row("banks asked for and switched off", lambda box: box.distill(command="bank", banks={"enabled": False}),
        ("banks.enabled is false; add --set banks.enabled=true",), 2),
    Row("banks without teachers", lambda box: box.distill(command="bank", teachers=[], agent={"strategy": "none"}),
        ("no teachers, so there is no bank to fill",), 2),
]

TABLES = {"config": ROWS}
