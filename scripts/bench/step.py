"""One training step of debiased InfoNCE clustering in PyTorch: the rival named in docs/performance.md.

A linear head D -> C, the cluster kernel, the mean cross-entropy between the debiased p and q, backward, Adam. Written as
a PyTorch user would: full n x n matrices, autograd, no tricks from this project. Reads one command per line from standard
input and writes one line of JSON each, so that the caller can alternate between this program and its own:

    variants                     lists the variants that can be timed
    prepare NAME B D C ALPHA BETA  builds the step, runs it until compiled, then times it once
    time NAME                    seconds of one step
"""

import json
import sys
import time

import torch

SETTINGS = {
    "eager float32": (False, False),
    "eager bfloat16": (False, True),
    "compiled float32": (True, False),
    "compiled bfloat16": (True, True),
}


def loss_of(z, p, beta):
    n = z.shape[0]
    phi = torch.softmax(z, dim=1)
    q = (1 - beta) * (phi / phi.sum(dim=0)) @ phi.T + beta / n
    return -(p * torch.log(q)).sum() / n


def build(compiled, half, b, d, c, alpha, beta):
    torch.manual_seed(0)
    x = torch.randn(b, d)
    p = torch.full((b, b), alpha / b)  # anchors with one neighbour each: p is on the partner
    p[torch.arange(b), torch.arange(b) ^ 1] += 1 - alpha
    linear = torch.nn.Linear(d, c)
    adam = torch.optim.Adam(linear.parameters(), lr=1e-3)

    def forward(x, p):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            return loss_of(linear(x), p, beta)

    run = torch.compile(forward) if compiled else forward

    def step():
        adam.zero_grad(set_to_none=True)
        loss = run(x, p)
        loss.backward()
        adam.step()
        return loss.item()

    return step


def timed(step):
    start, worked = time.perf_counter(), time.process_time()
    loss = step()
    return {"seconds": time.perf_counter() - start, "processors": time.process_time() - worked, "loss": loss}


def main():
    steps = {}
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t")
        if word == "variants":
            reply = {"variants": list(SETTINGS), "version": torch.__version__, "blas": torch.__config__.show(),
                     "threads": torch.get_num_threads(), "capability": torch.backends.cpu.get_cpu_capability()}
        elif word == "prepare":
            name, b, d, c, alpha, beta = rest
            steps[name] = build(*SETTINGS[name], int(b), int(d), int(c), float(alpha), float(beta))
            reply = timed(steps[name])
            if reply["seconds"] < 5 or SETTINGS[name][0]:  # an eager variant needs little warm-up
                reply = timed(steps[name])
        elif word == "time":
            reply = timed(steps[rest[0]])
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
