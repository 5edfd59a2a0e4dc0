#!/usr/bin/env python3
"""Compare an imported encoder with one exported manually from PyTorch, and DINOv3 with itself without rotations.

    ICONIC_KEEP=/some/folder go test -tags slow ./pipeline -run FullSize -v    # makes full-size weights and imports
    python scripts/encoders/rival.py /some/folder dinov2-small dinov2-base dinov2-large dinov3-vits16 dinov3-vitb16

For each name it loads NAME.safetensors into a plain PyTorch module, exports that with torch.onnx.export (constant folding, dynamic
batch), and runs both graphs in turns in the same ONNX Runtime. It prints the largest difference relative to the largest entry, images per second,
and medians of the ratios of adjacent turns. The imported graph of a DINOv3 also runs without the rotations of queries and
keys. With --processor everything runs on one thread and its CPU time is measured, which other programs on
the machine disturb less. Needs torch, onnx, onnxruntime, safetensors.
"""

import argparse
import pathlib
import time

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

HEAD = 64  # dimensions per attention head in every published encoder


def norm(width, eps):
    return nn.LayerNorm(width, eps=eps)


def gamma(width):
    return nn.ParameterDict({"gamma": torch.ones(width)})


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Block(nn.Module):
    def __init__(self, width, hidden, eps, gated):
        super().__init__()
        self.norm1, self.norm2 = norm(width, eps), norm(width, eps)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        if gated:
            self.mlp = nn.ModuleDict({"w1": nn.Linear(width, hidden), "w2": nn.Linear(width, hidden), "w3": nn.Linear(hidden, width)})
        else:
            self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})
        self.ls1, self.ls2, self.gated = gamma(width), gamma(width), gated

    def feed_forward(self, x):
        if self.gated:
            return self.mlp["w3"](F.silu(self.mlp["w1"](x)) * self.mlp["w2"](x))
        return self.mlp["fc2"](F.gelu(self.mlp["fc1"](x)))

    def forward(self, x, rotation):
        b, n, d = x.shape
        q, k, v = self.attn["qkv"](self.norm1(x)).reshape(b, n, 3, d // HEAD, HEAD).permute(2, 0, 3, 1, 4)
        if rotation is not None:
            q, k = rotate(q, *rotation), rotate(k, *rotation)
        a = torch.softmax((q * HEAD**-0.5) @ k.transpose(-2, -1), dim=-1) @ v
        x = x + self.ls1["gamma"] * self.attn["proj"](a.transpose(1, 2).reshape(b, n, d))
        return x + self.ls2["gamma"] * self.feed_forward(self.norm2(x))


class Encoder(nn.Module):
    """DINOv2 without registers, or DINOv3, for images of one size; returns the class token after the final norm."""

    def __init__(self, state, size):
        super().__init__()
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        depth = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("blocks."))
        self.rotary, gated = "pos_embed" not in state, "blocks.0.mlp.w1.bias" in state
        eps = 1e-5 if self.rotary else 1e-6
        hidden = state["blocks.0.mlp.w1.bias" if gated else "blocks.0.mlp.fc1.bias"].numel()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(Block(width, hidden, eps, gated) for _ in range(depth))
        self.norm = norm(width, eps)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        tokens = "storage_tokens" if self.rotary else "pos_embed"
        self.register_parameter(tokens, nn.Parameter(torch.zeros_like(state[tokens])))
        self.load_state_dict(state)
        grid = size // patch
        if self.rotary:
            self.lay_rotation(grid)
        else:
            self.lay_positions(grid, width)

    def lay_positions(self, want, width):
        grid = int((self.pos_embed.shape[1] - 1) ** 0.5)
        table = self.pos_embed[:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
        if grid != want:
            table = F.interpolate(table, scale_factor=((want + 0.1) / grid,) * 2, mode="bicubic")
        self.register_buffer("position", torch.cat([self.pos_embed[:, :1], table.permute(0, 2, 3, 1).reshape(1, -1, width)], 1))

    def lay_rotation(self, grid):
        periods = 100 ** (2 * torch.arange(HEAD // 4, dtype=torch.float64) / (HEAD // 2))
        centres = (2 * torch.arange(grid, dtype=torch.float64) + 1) / grid - 1
        places = torch.stack(torch.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 2, 1)
        angles = (2 * torch.pi * places / periods).flatten(1).tile(2)
        angles = torch.cat([torch.zeros(1 + self.storage_tokens.shape[1], HEAD, dtype=torch.float64), angles])
        self.register_buffer("cos", angles.cos().float())
        self.register_buffer("sin", angles.sin().float())

    def forward(self, pixels):
        x = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)
        n = x.shape[0]
        if self.rotary:
            x, rotation = torch.cat([self.cls_token.expand(n, -1, -1), self.storage_tokens.expand(n, -1, -1), x], 1), (self.cos, self.sin)
        else:
            x, rotation = torch.cat([self.cls_token.expand(n, -1, -1), x], 1) + self.position, None
        for block in self.blocks:
            x = block(x, rotation)
        return self.norm(x)[:, 0]


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def without_rotations(name):
    """The graph with each rotation, x∘cos + swapped(x)∘sin, bypassed by x; ONNX Runtime removes the unused nodes."""
    model = onnx.load(name)
    by_name = {node.name: node for node in model.graph.node}
    past = {name: by_name[name + "/cos"].input[0] for name in by_name if name.endswith("/rotated")}
    for node in model.graph.node:
        if node.name.rpartition("/")[0] not in past:
            for i, name in enumerate(node.input):
                node.input[i] = past.get(name, name)
    return model.SerializeToString() if past else None


def export(module, pixels, name):
    torch.onnx.export(module, (pixels,), name, input_names=["input"], output_names=["features"], opset_version=17,
                      dynamic_axes={"input": {0: "batch"}, "features": {0: "batch"}}, do_constant_folding=True, dynamo=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--processor", action="store_true")
    o = parser.parse_args()
    threads, clock = (1, time.thread_time) if o.processor else (o.threads, time.perf_counter)
    for name in o.names:
        ours, rival = str(o.folder / f"{name}.onnx"), str(o.folder / f"{name}.torch.onnx")
        module = Encoder(load_file(o.folder / f"{name}.safetensors"), o.size).eval()
        pixels = torch.randn(o.batch, 3, o.size, o.size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            want = module(pixels).numpy()
            export(module, pixels, rival)
        del module
        sessions = {"imported": session(ours, threads), "exported": session(rival, threads)}
        if still := without_rotations(ours):
            sessions["still"] = session(still, threads)
        del still
        took, off = {which: [] for which in sessions}, {}
        for turn in range(o.repeats + 1):  # the first is a warm-up
            for which in list(sessions)[:: 1 if turn % 2 else -1]:
                begin = clock()
                (got,) = sessions[which].run(None, {"input": pixels.numpy()})
                if turn > 0:
                    took[which].append(clock() - begin)
                off[which] = np.abs(got - want).max() / np.abs(want).max()
        rate = {which: o.batch / np.median(t) for which, t in took.items()}
        ratio = {which: np.median(np.divide(t, took["imported"])) for which, t in took.items()}
        rotations = f"; rotations cost {100 / ratio['still'] - 100:.1f} %" if "still" in ratio else ""
        print(f"{name}: imported {rate['imported']:.2f} images/s, exported by hand {rate['exported']:.2f} images/s, ratio "
              f"{ratio['exported']:.2f}{rotations}; off by {off['imported']:.1e} and {off['exported']:.1e} of the largest entry", flush=True)


if __name__ == "__main__":
    main()
