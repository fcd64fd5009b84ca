#!/usr/bin/python3
"""The whole loop of a finished run of `lyceum distill` (learned agent, probes), in PyTorch; prints one line of JSON.

    LYCEUM=build/release/lyceum /usr/bin/python3 tests/benchmark/loop_twin.py RUN calibrate
    LYCEUM=build/release/lyceum /usr/bin/python3 tests/benchmark/loop_twin.py RUN kept|every SETTING

`calibrate` measures every setting; SETTING is one of them, as JSON. `kept` computes the teachers' outputs once and keeps
them in memory; `every` runs the teachers on every batch, once an epoch, and lets probes look at batches that are to come.
The recipe is the run's config.json, as resolved; data, splits and teachers are the run's. Everything lies in one tensor,
without a loader. What is timed: the teachers, every step, decision and probe, and measuring on `valid` after each epoch;
not imports, reading files and the last look at `test`.
"""
import copy
import itertools
import json
import pathlib
import sys
import time

import h5py
import torch
import torch.nn.functional as F

import accuracy
import loop_agent
import networks

# What the twin does not do, and the values at which there is nothing to do.
INERT = {"data": {**{key: inert for (part, key), inert in accuracy.INERT.items() if part == "data"}, "train_on_reward": False},
         "train": {"ema_decay": 0, "select": "best"}, "loss": {"label_smoothing": 0, "fusion": "probability"},
         "agent": {"strategy": "learned", "action": "select", "teach": "mean", "granularity": "batch", "network": "shared",
                   "warmup": 0, "init": None},
         "optimizer": {"clip_norm": 0}}
FORMATS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
WINDOWS, TEACHER_BATCH = 5, 128


def check(config):
    for part, keys in INERT.items():
        for key, inert in keys.items():
            if config[part].get(key, inert) != inert:
                raise SystemExit(f"{part}.{key} is {config[part][key]}; the PyTorch twin has no such thing")
    agent = config["agent"]
    if config["data"]["augment"]["views"] > 1 or agent["credit"]["kind"] != "probe" or agent["reward"]["cost"] != 0 or \
            config["loss"]["terms"] != [{"kind": "kd", "weight": 1}] or agent["reward"]["kind"] not in WORTH:
        raise SystemExit("the PyTorch twin knows one view, probes without cost, the term kd, and these rewards: "
                         + ", ".join(WORTH))


# ---- what a student is worth on held-out samples: all students at once, [students, samples, classes] --------------------


def mean_losses(logits, labels):
    return F.cross_entropy(logits.permute(1, 2, 0), labels.unsqueeze(1).expand(-1, len(logits)), reduction="none").mean(0)


def calibrated_losses(logits, labels):
    """min over T of CE(logits / T), by Newton's steps in 1/T inside a bracket."""
    scale, low, high = (torch.full((len(logits), 1, 1), value) for value in (1.0, 1e-3, 1e3))
    distance = logits - logits.gather(2, labels.view(1, -1, 1).expand(len(logits), -1, 1))
    for _ in range(60):
        p = torch.softmax(scale * logits, 2)
        mean = (p * distance).sum(2, keepdim=True)
        second = ((p * distance * distance).sum(2, keepdim=True) - mean * mean).sum(1, keepdim=True)
        first = mean.sum(1, keepdim=True)
        low, high = torch.where(first > 0, low, scale), torch.where(first > 0, scale, high)
        following = scale - first / second
        following = torch.where((following > low) & (following < high), following, (low * high).sqrt())
        moved = ((following - scale).abs() / scale).max()
        scale = following
        if moved < 1e-5:
            break
    return mean_losses(scale * logits, labels)


WORTH = {"loss_improvement": mean_losses, "calibrated_improvement": calibrated_losses}


# ---- students --------------------------------------------------------------------------------------------------------


class Student:
    """A network with its optimiser."""

    def __init__(self, network, config, total, foreach):
        self.network, self.config, self.total = network, config, total
        self.optimizer = accuracy.make_optimizer(network, config["optimizer"])
        for group in self.optimizer.param_groups:
            group["foreach"] = foreach
        self.values = [*network.parameters(), *network.buffers()]

    @torch.no_grad()
    def copy(self, other):
        for mine, its in zip(self.values, other.values):
            mine.copy_(its)
        if not other.optimizer.state:
            self.optimizer.state.clear()
        for mine, its in zip(self.network.parameters(), other.network.parameters()):
            theirs, own = other.optimizer.state.get(its, {}), self.optimizer.state[mine]
            for key, value in theirs.items():
                if key in own:
                    own[key].copy_(value)
                else:
                    own[key] = value.clone()

    def factor(self, step):
        return accuracy.rate_factor(self.config["schedule"], step, self.total)

    def learn(self, step, soft, weights, ce, log_q):
        """One update; weights [teachers], soft [rows, teachers, classes]."""
        loss = self.config["loss"]
        kd = loss["temperature"] ** 2 * F.kl_div(log_q, torch.matmul(weights, soft), reduction="batchmean")
        total = loss["alpha"] * ce.mean() + (1 - loss["alpha"]) * kd
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        rate = self.config["optimizer"]["lr"] * self.factor(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()


# ---- teachers --------------------------------------------------------------------------------------------------------


def load_teacher(path, shape, classes):
    with h5py.File(path) as file:
        spec = json.loads(file["config"][()])
        state = {name: torch.as_tensor(values[()]) for name, values in read_parameters(file["params"])}
        normal = [file.attrs[name].tolist() for name in ("mean", "std")]
    spec = {"hidden": [], "blocks": [], "dropout": 0, "depth": 0, "shortcut": "pad", **spec}
    network = networks.build(spec, *shape, classes)
    missing, unexpected = network.load_state_dict(state, strict=False)
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise SystemExit(f"{path}: not a {spec['arch']} as PyTorch has it: {missing}, {unexpected}")
    return network.eval().requires_grad_(False), normal


def read_parameters(group):
    found = []
    group.visititems(lambda name, item: found.append((name, item)) if isinstance(item, h5py.Dataset) else None)
    return found


def prepare_teacher(network, setting, example):
    """As they answer fastest: a memory format, eager or compiled with batch norms folded."""
    network = copy.deepcopy(network).to(memory_format=FORMATS[setting["format"]])
    if not setting["compiled"]:
        return network
    example = example.to(memory_format=FORMATS[setting["format"]])
    compiled = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(network, example)))
    with torch.no_grad():
        torch.testing.assert_close(compiled(example), network(example), rtol=1e-3, atol=1e-3)
    return compiled


# ---- the loop --------------------------------------------------------------------------------------------------------


class Twin:
    def __init__(self, run):
        self.config = json.loads((run / "config.json").read_text())
        check(self.config)
        x, self.y, ids, self.classes, _ = accuracy.read_data(self.config)
        self.shape, self.x = x.shape[1:], x
        self.splits = {name: accuracy.split_rows(run / "student.h5", self.config, name, ids)
                       for name in ("train", "reward", "valid", "test")}
        self.teachers = []
        with h5py.File(self.config["data"]["path"]) as file:
            normal = [file.attrs[name].tolist() for name in ("mean", "std")]
        for teacher in self.config["teachers"]:
            if teacher["class_map"] is not None or teacher["precision"] != "f32" or teacher["model"] is None:
                raise SystemExit(f"teacher {teacher['name']}: the PyTorch twin knows models in f32 without a class map")
            network, own = load_teacher(teacher["model"], self.shape, self.classes)
            if own != normal:
                raise SystemExit(f"teacher {teacher['name']} prepares images in another way than the data set says")
            self.teachers.append(network)
        train = self.config["train"]
        self.batch, self.epochs = train["batch"], train["epochs"]
        self.steps = -(-len(self.splits["train"]) // self.batch)
        self.total = self.steps * self.epochs
        self.seconds = dict.fromkeys(("teachers", "decide", "probe", "student", "valid"), 0.0)
        self.measured = 0

    def student(self, setting):
        network = networks.build(self.config["student"], *self.shape, self.classes)
        return Student(network.to(memory_format=FORMATS[setting["format"]]), self.config, self.total, setting["foreach"])

    def choose(self, setting):
        """Gets ready to run with `setting`."""
        torch.set_num_threads(setting["threads"])
        torch.manual_seed(self.config["train"]["seed"])
        self.x = self.x.to(memory_format=FORMATS[setting["student"]["format"]])
        self.fast = [prepare_teacher(network, setting["teachers"], self.x[:self.batch]) for network in self.teachers]
        self.real = self.student(setting["student"])
        self.clones = [self.student(setting["student"]) for _ in range(2)]

    @torch.no_grad()
    def ask(self, rows):
        """The teachers' outputs for some rows, [rows, teachers, classes]."""
        x = self.x.index_select(0, rows)
        return torch.stack([teacher(x) for teacher in self.fast], 1)

    def digest(self, logits, rows):
        return loop_agent.Answers(logits, self.y[rows], self.config["loss"]["temperature"])

    def introduce(self):
        """The agent, who is told what the teachers are worth on the reward split."""
        rows = self.splits["reward"]
        logits = torch.cat([self.ask(part) for part in rows.split(TEACHER_BATCH)])
        figures = self.digest(logits, rows).figures.mean(0)
        self.agent = loop_agent.Agent(self.config["agent"], self.config["loss"]["temperature"], figures[:, [0, 4]])

    def plan(self):
        """Every batch of the run: rows, and places in the training split."""
        places = [part for _ in range(self.epochs) for part in torch.randperm(len(self.splits["train"])).split(self.batch)]
        self.places, self.rows, self.ready = places, [self.splits["train"][p] for p in places], {}

    def answers(self, step):
        """Of the teachers for a batch, which a probe may ask for before its time."""
        if step not in self.ready:
            begun = time.perf_counter()
            if self.kept is not None:
                self.ready[step] = self.kept.take(self.places[step])
            else:
                self.ready[step] = self.digest(self.ask(self.rows[step]), self.rows[step])
            self.spend("teachers", begun)
        return self.ready[step]

    def spend(self, stage, since):
        self.seconds[stage] += time.perf_counter() - since

    def forward(self, student, step):
        """The student's logits, its log q at the distillation temperature and its cross-entropies."""
        rows = self.rows[step]
        logits = student.network(self.x.index_select(0, rows))
        log_q = F.log_softmax(logits / self.config["loss"]["temperature"], 1)
        return logits, log_q, F.cross_entropy(logits, self.y.index_select(0, rows), reduction="none")

    def follow(self, clone, step, weights):
        """Virtual steps of a clone that listens to the same teachers on the next batches."""
        clone.copy(self.real)
        for ahead in range(step, step + self.config["agent"]["credit"]["steps"]):
            _, log_q, ce = self.forward(clone, ahead)
            clone.learn(ahead, self.answers(ahead).soft, weights, ce, log_q)

    def probe(self, step):
        """Two actions tried by clones, measured on the same held-out samples; what the agent learns, and when."""
        credit, held_out = self.config["agent"]["credit"], self.splits["reward"]
        if step + credit["steps"] > self.total or step + credit["delay"] >= self.total:
            return None
        pair, rewards = self.agent.sample_pair(), None
        if pair[0] != pair[1]:
            for clone, action in zip(self.clones, pair):
                self.follow(clone, step, self.agent.subset_weights[action])
            rows = held_out[torch.randperm(len(held_out))[:credit["samples"]]]
            with torch.no_grad():
                x = self.x.index_select(0, rows)
                logits = []
                for student in (self.real, *self.clones):
                    student.network.eval()
                    logits.append(student.network(x))
                    student.network.train()
                before, *after = WORTH[self.config["agent"]["reward"]["kind"]](torch.stack(logits), self.y[rows]).tolist()
            rewards = [(before - worth) / (abs(before) + 1e-8) for worth in after]
            self.measured += 1
        return step + credit["delay"], (*pair, rewards)

    def credit(self, step):
        """A probe is made at once, for want of idle threads, and teaches when it is due."""
        for begins in (False, True):
            if begins and step % self.config["agent"]["credit"]["every"] == 0:
                self.flight = self.probe(step)
            if self.flight and self.flight[0] == step:
                self.agent.learn_pair(*self.flight[1])
                self.flight = None

    def step(self, step):
        begun = time.perf_counter()
        answers = self.answers(step)
        forwarding = time.perf_counter()
        logits, log_q, ce = self.forward(self.real, step)
        deciding = time.perf_counter()
        weights = self.agent.decide(answers, logits.detach(), log_q.detach(), ce.detach(), step / self.total,
                                    self.real.factor(step))
        probing = time.perf_counter()
        outside = self.seconds["teachers"]
        self.credit(step)
        learning = time.perf_counter()
        self.real.learn(step, answers.soft, weights, ce, log_q)
        del self.ready[step]
        self.seconds["decide"] += probing - deciding
        self.seconds["probe"] += learning - probing - (self.seconds["teachers"] - outside)
        self.seconds["student"] += deciding - forwarding + time.perf_counter() - learning
        return weights

    def run(self, keep):
        """Returns the seconds, and the figures that tell whether it learned."""
        torch.manual_seed(self.config["train"]["seed"])
        begun, best, weights = time.perf_counter(), None, []
        self.kept = self.flight = None
        if keep:
            rows = self.splits["train"]
            self.kept = self.digest(torch.cat([self.ask(part) for part in rows.split(TEACHER_BATCH)]), rows)
        self.introduce()
        self.spend("teachers", begun)
        self.plan()
        for step in range(self.total):
            weights.append(self.step(step))
            if (step + 1) % self.steps == 0:
                measuring = time.perf_counter()
                measured, nll = accuracy.measure(self.real.network, self.x, self.y, self.splits["valid"])
                if best is None or (measured, -nll) > best[0]:
                    best = (measured, -nll), copy.deepcopy(self.real.network.state_dict())
                self.spend("valid", measuring)
        seconds = time.perf_counter() - begun
        self.real.network.load_state_dict(best[1])
        test, _ = accuracy.measure(self.real.network, self.x, self.y, self.splits["test"])
        late = torch.stack(weights)[-(self.total // 4):].mean(0).tolist()
        return {"torch": torch.__version__, "seconds": seconds, "samples": len(self.splits["train"]) * self.epochs,
                "steps": self.total, "probes": self.measured, "stages": self.seconds, "valid": best[0][0], "test": test, "late_weight": late}


# ---- settings --------------------------------------------------------------------------------------------------------


def usual_time(run, repeat):
    """Milliseconds: the middle one of the means of some windows. What one window gains or loses by luck does not count."""
    windows = []
    run(0)
    for window in range(WINDOWS):
        begun = time.perf_counter()
        for i in range(repeat):
            run(window * repeat + i)
        windows.append(1000 * (time.perf_counter() - begun) / repeat)
    return sorted(windows)[WINDOWS // 2]


def calibrate(twin):
    """Milliseconds a batch of every way to run the student and the teachers."""
    everything = {"student": [], "teachers": []}
    alike = torch.full((len(twin.teachers),), 1 / len(twin.teachers))
    twin.plan()
    twin.kept = twin.digest(torch.randn(len(twin.splits["train"]), len(twin.teachers), twin.classes), twin.splits["train"])

    def update(step):
        _, log_q, ce = twin.forward(twin.real, step)
        twin.real.learn(step, twin.kept.take(twin.places[step]).soft, alike, ce, log_q)
    for threads, name, choice in itertools.product((1, 2), FORMATS, (False, True)):
        student, teachers = {"format": name, "foreach": choice}, {"format": name, "compiled": choice}
        twin.choose({"threads": threads, "student": student, "teachers": teachers})
        everything["student"].append({"threads": threads, **student, "ms": usual_time(update, 8)})
        asked = usual_time(lambda step: twin.ask(twin.rows[step]), 2)
        everything["teachers"].append({"threads": threads, **teachers, "ms": asked})
    return everything


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in ("calibrate", "kept", "every"):
        raise SystemExit(__doc__)
    twin = Twin(pathlib.Path(sys.argv[1]))
    if sys.argv[2] == "calibrate":
        print(json.dumps(calibrate(twin)))
        return
    twin.choose(json.loads(sys.argv[3]))
    print(json.dumps(twin.run(sys.argv[2] == "kept")))


if __name__ == "__main__":
    main()
