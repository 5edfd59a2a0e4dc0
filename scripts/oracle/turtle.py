#!/usr/bin/env python3
"""TURTLE in PyTorch, as an oracle for the method `turtle` (docs/results.md).

    python scripts/oracle/turtle.py cifar100-train.features.npy cifar100-train.labels.npy --seeds 10

Written from the paper (Gadetsky, Jiang and Brbić 2024, arXiv 2406.07236, equations 5 to 8) for one feature space: γ = 10, ten steps of a new
linear classifier for each of 6,000 iterations, Adam at 1e-3 for both, batches of 10,000 drawn with replacement, a weight-normalised task head. All seeds
run at once, as a batch of matrices in float32; on an H100 ten take 53 s. Prints the accuracy of each seed every thousand
iterations. Needs torch, numpy, scipy.
"""

import argparse
import time

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

GAMMA, INNER, RATE = 10.0, 10, 1e-3


def accuracy(clusters, labels, k):
    table = np.zeros((k, k), int)
    np.add.at(table, (clusters, labels), 1)
    rows, columns = linear_sum_assignment(-table)
    return table[rows, columns].sum() / len(labels)


class Adam:
    def __init__(self, parameters):
        self.parameters, self.steps = parameters, 0
        self.mean, self.square = ([torch.zeros_like(p) for p in parameters] for _ in range(2))

    def step(self, gradients):
        self.steps += 1
        for p, g, m, v in zip(self.parameters, gradients, self.mean, self.square):
            m.mul_(0.9).add_(g, alpha=0.1)
            v.mul_(0.999).addcmul_(g, g, value=0.001)
            p.sub_(m / (1 - 0.9**self.steps) / ((v / (1 - 0.999**self.steps)).sqrt() + 1e-8), alpha=RATE)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("features")
    p.add_argument("labels")
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--iterations", type=int, default=6000)
    p.add_argument("--batch", type=int, default=10000)
    p.add_argument("--device", default="cuda")
    a = p.parse_args()
    x = torch.from_numpy(np.load(a.features).astype("float32")).to(a.device)
    labels = np.unique(np.load(a.labels), return_inverse=True)[1]
    k, d, s = labels.max() + 1, x.shape[1], a.seeds
    torch.backends.cuda.matmul.allow_tf32 = False
    random = torch.Generator(device=a.device).manual_seed(1)

    def linear():
        return [(torch.rand(s, rows, k, device=a.device, generator=random) * 2 - 1) / d**0.5 for rows in (d, 1)]

    direction, bias = linear()
    scale = direction.norm(dim=1, keepdim=True)
    task = [t.clone().requires_grad_(True) for t in (direction, scale, bias)]
    outer = Adam([t.data for t in task])

    def assign(rows):
        direction, scale, bias = task
        return torch.softmax(torch.baddbmm(bias, rows, direction / direction.norm(dim=1, keepdim=True) * scale), 2)

    start = time.time()
    for iteration in range(1, a.iterations + 1):
        rows = x[torch.randint(len(x), (s, a.batch), device=a.device, generator=random)]
        tau = assign(rows)
        with torch.no_grad():
            weight, offset = linear()
            inner = Adam([weight, offset])
            for _ in range(INNER):
                off = (torch.softmax(torch.baddbmm(offset, rows, weight), 2) - tau) / a.batch
                inner.step([torch.bmm(rows.transpose(1, 2), off), off.sum(1, keepdim=True)])
            log_q = torch.log_softmax(torch.baddbmm(offset, rows, weight), 2)
        pi = tau.mean(1)
        loss = -(tau * log_q).sum(2).mean(1) + GAMMA * (pi * pi.clamp_min(1e-30).log()).sum(1)
        outer.step(torch.autograd.grad(loss.sum(), task))
        if iteration % 1000 == 0 or iteration == a.iterations:
            with torch.no_grad():
                clusters = assign(x.expand(s, -1, -1)).argmax(2).cpu().numpy()
            scores = [accuracy(c, labels, k) for c in clusters]
            print(f"{iteration} iterations, {time.time() - start:.1f} s: median {np.median(scores):.4f} of", *(f"{v:.4f}" for v in scores), flush=True)


if __name__ == "__main__":
    main()
