#!/usr/bin/env python3
"""Encode a folder of images with PyTorch on a GPU, as a rival of `pipeline extract --provider cuda` (docs/performance.md).

    python scripts/encoders/gpu.py images DIR --count 24000       # 500×375 JPEGs in 100 class folders, some 82 kB each
    python scripts/encoders/gpu.py weights small small.safetensors # random weights of ViT-S/16 (or base, large) under timm's names
    python scripts/encoders/gpu.py encode DIR small small.safetensors [--half] [--count N]

encode is what one would write by hand: torchvision's transform and loader with a process per CPU, batches of 256 from pinned memory, and
matrix products in TF32, or with --half in float16 (autocast). It prints the rate after the first batch, the time of the whole program, and the rate
of the encoder alone with the pixels in the GPU's memory. Needs torch, torchvision, timm, safetensors, Pillow, numpy.
"""

import argparse
import multiprocessing
import os
import pathlib
import time

import numpy as np

NAMES = {"small": "vit_small_patch16_224.dino", "base": "vit_base_patch16_224.dino", "large": "vit_large_patch16_224"}


def image(job):
    folder, number = job
    from PIL import Image

    r, of_class = np.random.default_rng(number), np.random.default_rng(number % 100)
    coarse = of_class.integers(0, 255, (6, 8, 3)) + r.integers(-60, 60, (6, 8, 3))
    enlarged = [
        np.asarray(Image.fromarray(np.clip(x, 0, 255).astype("uint8")).resize((500, 375), Image.BICUBIC)).astype(int)
        for x in (coarse, r.integers(0, 255, (75, 100, 3)))
    ]
    pixels = enlarged[0] + (enlarged[1] - 128) // 3 + r.integers(-12, 13, (375, 500, 1))
    file = pathlib.Path(folder, f"c{number % 100:02d}", f"{number:06d}.jpg")
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")).save(file, quality=90)


def model(size):
    import timm
    import torch

    torch.manual_seed(0)
    return timm.create_model(NAMES[size], pretrained=False, num_classes=0).eval()


def encode(folder, size, weights, count, half, device):
    start = time.time()
    import torch
    from safetensors.torch import load_file
    from torchvision import datasets, transforms

    torch.set_float32_matmul_precision("high")
    net = model(size).to(device)
    net.load_state_dict(load_file(weights))
    data = datasets.ImageFolder(folder, transforms.Compose([
        transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]))
    data.samples = data.samples[:count]
    first, done, features = None, 0, []
    with torch.inference_mode(), torch.autocast(device, dtype=torch.float16, enabled=half):
        for x, _ in torch.utils.data.DataLoader(data, batch_size=256, num_workers=os.cpu_count(), pin_memory=device == "cuda"):
            features.append(net(x.to(device, non_blocking=True)).float().cpu())
            if first is None:
                first = time.time()
            else:
                done += len(x)
        end = time.time()
        print(f"{len(data)} images in {end - start:.1f} s; after the first batch {done / (end - first):.0f} images/s")
        x = torch.randn(256, 3, 224, 224, device=device)
        for n in range(13):
            if n == 3:
                net(x[:1]).cpu()  # waits for the device
                begin = time.time()
            y = net(x)
        y.cpu()
    print(f"the encoder alone: {2560 / (time.time() - begin):.0f} images/s")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    c = commands.add_parser("images")
    c.add_argument("folder")
    c.add_argument("--count", type=int, default=24000)
    c = commands.add_parser("weights")
    c.add_argument("size", choices=NAMES)
    c.add_argument("file")
    c = commands.add_parser("encode")
    c.add_argument("folder")
    c.add_argument("size", choices=NAMES)
    c.add_argument("weights")
    c.add_argument("--count", type=int)
    c.add_argument("--half", action="store_true")
    c.add_argument("--device", default="cuda")
    a = p.parse_args()
    if a.command == "images":
        with multiprocessing.Pool() as pool:
            for _ in pool.imap_unordered(image, ((a.folder, n) for n in range(a.count)), chunksize=64):
                pass
    elif a.command == "weights":
        from safetensors.torch import save_file

        save_file({name: t.contiguous() for name, t in model(a.size).state_dict().items()}, a.file)
    else:
        encode(a.folder, a.size, a.weights, a.count, a.half, a.device)


if __name__ == "__main__":
    main()
