"""Twenty training steps of a network on numbers that the tests draw just so."""
import numpy as np
import torch
import torch.nn.functional as F

BATCH, BATCHES, ALPHA, TEMPERATURE, SAMPLE = 40, 3, 0.3, 4.0, 101


class Draws:
    """Numbers in [-1, 1) that the test draws just so; 24 bits, exact in single precision."""

    def __init__(self, seed):
        self.state = seed

    def take(self, *shape):
        count = int(np.prod(shape))
        values = np.empty(count, dtype=np.float64)
        for i in range(count):
            self.state = (self.state * 1664525 + 1013904223) % 2 ** 32
            values[i] = (self.state >> 8) / 2 ** 23 - 1
        return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def sample(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])[::SAMPLE]


def train(out, name, net, optimizer_of):
    draws = Draws(7)
    with torch.no_grad():
        for p_name, p in net.named_parameters():
            fan_in = p[0].numel() if p.dim() > 1 else 64
            base = 1 if p.dim() == 1 and p_name.endswith(".weight") else 0
            p.copy_(base + draws.take(*p.shape) * np.float32(1 / np.sqrt(fan_in)))
    x = draws.take(BATCHES * BATCH, *net.SHAPE)
    targets = F.softmax(draws.take(BATCHES * BATCH, 10) * 4, 1)
    labels = targets.argmax(1)
    optimizer = optimizer_of(net.parameters())
    losses = []
    for step in range(20):
        rows = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
        s = net(x[rows])
        kd = F.kl_div(F.log_softmax(s / TEMPERATURE, 1), targets[rows], reduction="batchmean") * TEMPERATURE ** 2
        loss = ALPHA * F.cross_entropy(s, labels[rows]) + (1 - ALPHA) * kd
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    out.add(f"{name}/targets", targets)
    out.add(f"{name}/losses", losses)
    out.add(f"{name}/params", sample(net))
    if any(True for _ in net.buffers()):
        out.add(f"{name}/state", torch.cat([b.reshape(-1).float() for b in net.buffers()]))
    net.eval()
    out.add(f"{name}/logits", net(x[:BATCH]))
