"""Trains the tiny built-in encoder, in two phases.

Architecture: DINO v1's vision transformer with its official tensor names, width 64, 4 blocks, 4 heads, 8-pixel patches on
48-pixel images. Phase one minimises SimCLR's loss (NT-Xent, temperature 0.2) between two views of an image, on a projection of the CLS
token that is discarded afterwards, without labels. Views differ in colour (a random mixture of the channels), orientation, crop
and noise. A few minutes on two cores are not enough for that loss alone, so phase two minimises cross-entropy on the classes of the images,
through a linear layer that is also discarded: first on views, then on images with the final preprocessing. Unlike DINO's, this encoder
has therefore seen labels, of other images than the demo's. It demonstrates the pipeline from images to report; it cannot be used to compare encoders.

    go run ./scripts/tiny/draw --size 48 --out PICTURES
    python scripts/tiny/train.py PICTURES models/tiny/tiny.safetensors

The program embeds that file and imports it like any other weights.

Needs PyTorch, torchvision, Pillow and safetensors. About ten minutes on two cores.
"""

import argparse
import glob
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file

WIDTH, DEPTH, HEADS, PATCH, SIZE = 64, 4, 4, 8, 48


class PatchEmbed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, PATCH)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(n, t, WIDTH))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = Attention(), Mlp()

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + (SIZE // PATCH) ** 2, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


def view(x, g):
    """One random view of each image: rotation, scaling, shift, mirroring; colour mixture, brightness, noise."""
    n = len(x)
    u = lambda lo, hi, *shape: lo + (hi - lo) * torch.rand(*shape, generator=g)
    angle, scale = u(-np.pi, np.pi, n), u(0.55, 1.0, n)
    mirror = torch.where(u(0, 1, n) < 0.5, -1.0, 1.0)
    sin, cos = angle.sin() * scale, angle.cos() * scale
    theta = torch.stack([torch.stack([cos * mirror, -sin, u(-0.2, 0.2, n)], 1), torch.stack([sin * mirror, cos, u(-0.2, 0.2, n)], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), padding_mode="reflection", align_corners=False)
    mix = torch.eye(3) + 0.8 * torch.randn(n, 3, 3, generator=g)
    x = torch.einsum("nij,njhw->nihw", mix, x - 0.5)
    deviation = x.std((1, 2, 3), keepdim=True)
    x = x / (deviation + 1e-3) * u(0.5, 1.3, n, 1, 1, 1) + 0.4 * torch.randn(n, 3, 1, 1, generator=g)
    return x + 0.15 * torch.randn(x.shape, generator=g)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("pictures")
    a.add_argument("out")
    a.add_argument("--steps", type=int, default=260, help="steps of the first phase")
    a.add_argument("--supervised", type=int, default=500, help="steps of the second phase on views")
    a.add_argument("--plain", type=int, default=200, help="steps of the second phase on unaugmented images")
    a.add_argument("--start", help="weights from an earlier first phase, which is then skipped")
    a.add_argument("--batch", type=int, default=192)
    a.add_argument("--threads", type=int, default=1)
    o = a.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(o.threads)
    g = torch.Generator().manual_seed(0)
    files = sorted(glob.glob(o.pictures + "/*/*.png"))
    names = [f.split("/")[-2] for f in files]
    label = torch.tensor([sorted(set(names)).index(n) for n in names])
    x = torch.stack([torch.from_numpy(np.array(Image.open(f).convert("RGB"))).permute(2, 0, 1) for f in files]).float() / 255
    encoder = VisionTransformer()
    if o.start:
        encoder.load_state_dict(load_file(o.start))
    else:
        project = nn.Sequential(nn.Linear(WIDTH, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 64))
        other = (torch.arange(2 * o.batch) + o.batch) % (2 * o.batch)

        def contrast():
            batch = x[torch.randint(0, len(x), (o.batch,), generator=g)]
            z = F.normalize(project(encoder(torch.cat([view(batch, g), view(batch, g)]))), dim=1)
            s = z @ z.T / 0.2
            s.fill_diagonal_(-1e9)
            return F.cross_entropy(s, other)

        train("contrast", [encoder, project], contrast, o.steps, 2e-3)
    classify = nn.Linear(WIDTH, len(set(names)))

    def supervise(prepare):
        rows = torch.randint(0, len(x), (o.batch,), generator=g)
        return F.cross_entropy(classify(encoder(prepare(x[rows]))), label[rows], label_smoothing=0.1)

    if o.supervised:
        train("classes of views", [encoder, classify], lambda: supervise(lambda p: view(p, g)), o.supervised, 2e-3)
    train("classes", [encoder, classify], lambda: supervise(lambda p: (p - 0.5) / 0.25), o.plain, 2e-3)
    # What an importer cannot infer from shapes: the number of heads, and the preprocessing.
    metadata = {"heads": str(HEADS), "resize": str(SIZE), "mean": "0.5", "std": "0.25"}
    save_file({k: v.contiguous() for k, v in encoder.state_dict().items()}, o.out, metadata)


def train(name, modules, loss, steps, rate):
    parameters = [p for m in modules for p in m.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    began, mean = time.time(), 0.0
    for step in range(steps):
        value = loss()
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        mean += value.item()
        if step % 20 == 19 or step == steps - 1:
            print(f"{name}: step {step + 1} loss {mean / (step % 20 + 1):.4f} {time.time() - began:.0f} s", flush=True)
            mean = 0.0


main()
