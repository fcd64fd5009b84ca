"""Writes agent.txt: what the agent's tests compare with, computed by PyTorch in double precision.

    /usr/bin/python3 tests/golden/agent_goldens.py

Each line is a name, a count and that many numbers; "-inf" marks classes that a teacher does not know.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

OWN, GLOBAL, HIDDEN, COMMON_SCALE, CE_LIMIT = 8, 5, 6, 0.25, 10.0
lines = []


def put(name, values):
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    lines.append(" ".join([name, str(flat.size)] + [repr(float(v)) for v in flat]))


def observation(rng):
    teachers, rows, classes, temperature = 3, 7, 4, 2.5
    logits = (2 * rng.standard_normal((teachers, rows, classes))).astype(np.float32)
    logits[2, :, 1] = -np.inf  # knows three classes of four
    logits[1, 3] = [30, -30, 0, 1]  # sure of itself, and its cross-entropy beyond the limit
    student = rng.standard_normal((rows, classes)).astype(np.float32)
    labels = np.array([0, 1, -1, 1, 2, -1, 3])
    put("observation.shape", [teachers, rows, classes])
    put("observation.temperature", temperature)
    put("observation.logits", logits)
    put("observation.student", student)
    put("observation.labels", labels)
    z, s, y = torch.tensor(logits).double(), torch.tensor(student).double(), torch.tensor(labels)
    known = y >= 0
    features = []
    for k in range(teachers):
        p, log_p = F.softmax(z[k], 1), F.log_softmax(z[k], 1)
        ce = torch.clamp(-log_p[known, y[known]], max=CE_LIMIT).mean()
        soft, log_q = F.softmax(z[k] / temperature, 1), F.log_softmax(s / temperature, 1)
        kl = temperature**2 * F.kl_div(log_q, soft, reduction="batchmean")
        entropy = torch.special.entr(p).sum(1).mean()
        top = p.topk(2, 1).values
        agree_label = (z[k].argmax(1)[known] == y[known]).double().mean()
        agree_student = (z[k].argmax(1) == s.argmax(1)).double().mean()
        features.append([ce, kl, entropy, (top[:, 0] - top[:, 1]).mean(), agree_label, agree_student])
    put("observation.own", [[float(v) for v in row] for row in features])
    put("observation.student_ce", float(F.cross_entropy(s[known], y[known])))


def policy(rng):
    teachers = 4
    inputs = 3 * OWN + GLOBAL
    x = torch.tensor(rng.standard_normal((teachers, OWN)))
    g = torch.tensor(rng.standard_normal(GLOBAL))
    shapes = [(HIDDEN, inputs), (HIDDEN,), (HIDDEN,), (1,), (HIDDEN,), (1,)]
    w, b, v1, c1, v2, c2 = params = [torch.tensor(0.3 * rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    common = COMMON_SCALE * torch.cat([x.mean(0), x.max(0).values, g])
    h = torch.tanh(torch.cat([x, common.expand(teachers, -1)], 1) @ w.T + b)
    select, score = h @ v1 + c1, h @ v2 + c2
    ahead = torch.tensor(rng.standard_normal((2, teachers)))
    ((select * ahead[0]).sum() + (score * ahead[1]).sum()).backward()
    put("policy.teachers", teachers)
    put("policy.observation", torch.cat([x.reshape(-1), g]))
    put("policy.params", torch.cat([p.detach().reshape(-1) for p in params]))
    put("policy.select", select.detach())
    put("policy.score", score.detach())
    put("policy.ahead", ahead)
    put("policy.gradient", torch.cat([p.grad.reshape(-1) for p in params]))


def adam(rng):
    steps, size = 5, 3
    x = torch.zeros(size, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([x], lr=0.02, maximize=True)
    gradients = rng.standard_normal((steps, size)) * np.array([1.0, 1e-3, 1e3])
    for gradient in gradients:
        x.grad = torch.tensor(gradient)
        optimizer.step()
    put("adam.gradients", gradients)
    put("adam.params", x.detach())


generator = np.random.default_rng(5)
observation(generator)
policy(generator)
adam(generator)
pathlib.Path(__file__).with_name("agent.txt").write_text("\n".join(lines) + "\n")
