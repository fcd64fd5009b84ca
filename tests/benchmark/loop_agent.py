"""Lyceum's learned agent as PyTorch code writes it: observation, `shared` policy, selections, credit of probes.

The formulas are those of docs/credit.md, for `agent.action` "select", `teach` "mean", `granularity` "batch" and credit
"probe". What does not change with the student is computed once for a teacher's output (`Answers`); selections are the
2^K - 1 subsets, over which the policy is one softmax.
"""
import itertools
import math

import torch

CE_LIMIT, Z_LIMIT, COMMON_SCALE, HEAD_INIT = 10.0, 5.0, 0.25, 0.01
SLACK, SCALE_DECAY = 2.0, 0.95
OWN, GLOBAL = 8, 5


class Answers:
    """What teachers answered for some rows, and all that follows from it without the student."""

    def __init__(self, logits, labels, temperature):
        """logits [rows, teachers, classes]"""
        log_p = logits.log_softmax(-1)
        p = log_p.exp()
        log_soft = (logits / temperature).log_softmax(-1)
        most = p.topk(2, -1).values
        self.soft = log_soft.exp()
        self.best = logits.argmax(-1)
        ce = -log_p.gather(-1, labels.view(-1, 1, 1).expand(-1, logits.shape[1], 1)).squeeze(-1)
        self.figures = torch.stack([ce.clamp(max=CE_LIMIT), (self.soft * log_soft).sum(-1), -(p * log_p).sum(-1),
                                    most[..., 0] - most[..., 1], (self.best == labels.unsqueeze(1)).to(p.dtype)], -1)

    def take(self, rows):
        part = object.__new__(Answers)
        part.soft, part.best, part.figures = (t.index_select(0, rows) for t in (self.soft, self.best, self.figures))
        return part


class Normaliser:
    """Running mean and deviation of each feature; one statistic for all teachers."""

    def __init__(self, features):
        self.count, self.sum, self.squares = (torch.zeros(features, dtype=torch.double) for _ in range(3))

    def push(self, values):
        """values [some, features]"""
        values = values.double()
        self.count += len(values)
        self.sum += values.sum(0)
        self.squares += (values * values).sum(0)

    def apply(self, values):
        mean = self.sum / self.count
        deviation = (self.squares / self.count - mean * mean).clamp_(min=0).sqrt_()
        z = ((values.double() - mean) / deviation).nan_to_num_(0, 0, 0)
        return z.clamp_(-Z_LIMIT, Z_LIMIT).float()


class Agent:
    def __init__(self, options, temperature, reward_figures):
        """reward_figures [teachers, 2]: cross-entropy and accuracy on the reward split"""
        teachers, hidden = len(reward_figures), options["hidden"]
        self.options, self.temperature = options, temperature
        self.limit = math.log(1 / options["exploration_floor"] - 1)
        self.constants = reward_figures.clamp(max=CE_LIMIT)
        self.own_statistics, self.student_statistics, self.reward_statistics = Normaliser(OWN), Normaliser(1), Normaliser(1)
        self.reward = None
        subsets = [s for s in itertools.product((0.0, 1.0), repeat=teachers) if any(s)]
        self.subsets = torch.tensor(subsets)
        self.subset_weights = self.subsets / self.subsets.sum(1, keepdim=True)
        common = 2 * OWN + GLOBAL
        deviation = (OWN + COMMON_SCALE ** 2 * common) ** -0.5
        self.parameters = [torch.randn(hidden, OWN) * deviation, torch.randn(hidden, common) * deviation, torch.zeros(hidden),
                           torch.randn(hidden) * HEAD_INIT, torch.zeros(1)]
        for parameter in self.parameters:
            parameter.requires_grad_()
        self.optimizer = torch.optim.Adam(self.parameters, options["learning_rate"])
        self.square, self.square_weight = 0.0, 0.0

    def observe(self, answers, logits, log_q, ce, progress, lr):
        """The batch as the policy sees it: of each teacher [teachers, OWN], of the situation [GLOBAL]."""
        figures = answers.figures.mean(0)
        cross = (answers.soft * log_q.unsqueeze(1)).sum((0, 2)) / len(logits)
        agree = (answers.best == logits.argmax(1, keepdim=True)).float().mean(0)
        kl = self.temperature ** 2 * (figures[:, 1] - cross)
        raw = torch.cat([torch.stack([figures[:, 0], kl, figures[:, 2], figures[:, 3], figures[:, 4], agree], 1),
                         self.constants], 1)
        student_ce = ce.clamp(max=CE_LIMIT).mean().view(1, 1)
        self.own_statistics.push(raw)
        self.student_statistics.push(student_ce)
        last = 0.0
        if self.reward is not None:
            self.reward_statistics.push(self.reward)
            last = self.reward_statistics.apply(self.reward).item()
        situation = torch.tensor([self.student_statistics.apply(student_ce).item(), 1.0, progress, last, lr])
        return self.own_statistics.apply(raw), situation

    def score(self, own, situation):
        w, common_w, bias, head, head_bias = self.parameters
        common = COMMON_SCALE * torch.cat([own.mean(0), own.amax(0), situation])
        return torch.tanh(own @ w.t() + (common_w @ common + bias)) @ head + head_bias

    @torch.no_grad()
    def decide(self, *batch):
        """The policy's mean weights over its selections, [teachers]."""
        self.seen = self.observe(*batch)
        self.subset_p = torch.softmax(self.subsets @ self.score(*self.seen).clamp_(-self.limit, self.limit), 0)
        return self.subset_p @ self.subset_weights

    def sample_pair(self):
        """Two numbers of subsets, drawn where the last decision was made."""
        self.drawn_at = self.seen
        return torch.multinomial(self.subset_p, 2, replacement=True).tolist()

    def learn_pair(self, a, b, rewards):
        """One step along the credit of the last pair and the entropy; equal actions have no reward to tell them apart."""
        advantage = 0.0
        if a != b:
            difference = rewards[0] - rewards[1]
            self.square = SCALE_DECAY * self.square + (1 - SCALE_DECAY) * difference ** 2
            self.square_weight = SCALE_DECAY * self.square_weight + 1 - SCALE_DECAY
            rms = (self.square / self.square_weight) ** 0.5
            clip = self.options["clip"]
            advantage = max(-clip, min(clip, difference / rms)) if rms > 0 else 0.0
            self.reward = torch.tensor([[sum(rewards) / 2]])
        raw = self.score(*self.drawn_at)
        credit = advantage * (self.subsets[a] - self.subsets[b]) / 2
        held = (raw.detach().abs() >= self.limit + SLACK) & (raw.detach() * credit > 0)
        log_p = torch.log_softmax(self.subsets @ raw.clamp(-self.limit, self.limit), 0)
        gain = raw @ credit.masked_fill(held, 0) - self.options["entropy"] * (log_p.exp() @ log_p)
        self.optimizer.zero_grad()
        (-gain).backward()
        self.optimizer.step()
