#!/usr/bin/env python3
"""Compare an imported encoder with one exported by hand from PyTorch.

    ICONIC_KEEP=/some/folder go test -tags slow ./pipeline -run FullSize -v    # makes weights and imports of full size
    python scripts/encoders/rival.py /some/folder dinov2-small dinov2-base dinov2-large

For each name it loads NAME.safetensors into a plain PyTorch module, exports that with torch.onnx.export (constant
folding, dynamic batch), and runs both graphs in the same ONNX Runtime: the largest difference relative to the largest
entry, and images a second of each, taken in turn, medians. Needs torch, onnx, onnxruntime, safetensors.
"""

import argparse
import pathlib
import time

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

HEAD = 64  # numbers an attention head in every published encoder


class Block(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, hidden), "fc2": nn.Linear(hidden, width)})
        self.ls1, self.ls2 = nn.ParameterDict({"gamma": torch.ones(width)}), nn.ParameterDict({"gamma": torch.ones(width)})

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.attn["qkv"](self.norm1(x)).reshape(b, n, 3, d // HEAD, HEAD).permute(2, 0, 3, 1, 4)
        a = torch.softmax((q * HEAD**-0.5) @ k.transpose(-2, -1), dim=-1) @ v
        x = x + self.ls1["gamma"] * self.attn["proj"](a.transpose(1, 2).reshape(b, n, d))
        return x + self.ls2["gamma"] * self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class Encoder(nn.Module):
    """DINOv2 without registers for pictures of one size; the class token after the final norm."""

    def __init__(self, state, size):
        super().__init__()
        width, _, patch, _ = state["patch_embed.proj.weight"].shape
        depth = 1 + max(int(k.split(".")[1]) for k in state if k.startswith("blocks."))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(Block(width, state["blocks.0.mlp.fc1.bias"].numel()) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.pos_embed = nn.Parameter(torch.zeros_like(state["pos_embed"]))
        self.load_state_dict(state)
        grid, want = int((self.pos_embed.shape[1] - 1) ** 0.5), size // patch
        table = self.pos_embed[:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
        if grid != want:
            table = F.interpolate(table, scale_factor=((want + 0.1) / grid,) * 2, mode="bicubic")
        self.register_buffer("position", torch.cat([self.pos_embed[:, :1], table.permute(0, 2, 3, 1).reshape(1, -1, width)], 1))

    def forward(self, pixels):
        x = self.patch_embed["proj"](pixels).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def session(name, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(name), options, providers=["CPUExecutionProvider"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    o = parser.parse_args()
    for name in o.names:
        module = Encoder(load_file(o.folder / f"{name}.safetensors"), o.size).eval()
        pixels = torch.randn(o.batch, 3, o.size, o.size, generator=torch.Generator().manual_seed(0))
        rival = o.folder / f"{name}.torch.onnx"
        with torch.no_grad():
            want = module(pixels).numpy()
            torch.onnx.export(module, (pixels,), str(rival), input_names=["input"], output_names=["features"], opset_version=17,
                              dynamic_axes={"input": {0: "batch"}, "features": {0: "batch"}}, do_constant_folding=True, dynamo=False)
        del module
        feed, took, off = {"input": pixels.numpy()}, {}, {}
        sessions = {"imported": session(o.folder / f"{name}.onnx", o.threads), "exported": session(rival, o.threads)}
        for turn in range(o.repeats + 1):  # the first warms up
            for which, s in sessions.items():
                begin = time.perf_counter()
                (got,) = s.run(None, feed)
                if turn > 0:
                    took.setdefault(which, []).append(time.perf_counter() - begin)
                off[which] = np.abs(got - want).max() / np.abs(want).max()
        rate = {which: o.batch / np.median(t) for which, t in took.items()}
        print(f"{name}: imported {rate['imported']:.2f} images/s, exported by hand {rate['exported']:.2f} images/s, "
              f"ratio {rate['imported'] / rate['exported']:.2f}; off by {off['imported']:.1e} and {off['exported']:.1e} of the largest entry")


if __name__ == "__main__":
    main()
