"""Makes extract/pixels/testdata/webp: small WebP images of many kinds, and the SHA-256 of the pixels that Pillow (libwebp) decodes from each.

Run: python3 scripts/oracle/webp.py
Needs numpy and Pillow.
"""
import hashlib
import io
import json
import pathlib

import numpy
from PIL import Image

OUT = pathlib.Path(__file__).resolve().parents[2] / "extract/pixels/testdata/webp"


def picture(kind, width, height):
    random = numpy.random.default_rng(3)
    y, x = numpy.mgrid[0:height, 0:width]
    if kind == "noise":
        a = random.integers(0, 256, (height, width, 3))
    elif kind == "ramps":
        a = numpy.stack([x * 3 % 256, y * 5 % 256, (x + y) * 2 % 256], -1)
    elif kind == "edges":
        a = numpy.stack([((x // 7 + y // 5) % 2) * 255, ((x - y) // 9 % 2) * 200, ((x * y) // 50 % 2) * 255], -1)
    elif kind == "four":
        a = numpy.array([[10, 20, 30], [250, 0, 0], [0, 200, 9], [90, 90, 90]])[(x // 3 + y // 4) % 4]
    elif kind == "two":
        a = numpy.array([[10, 20, 30], [250, 0, 0]])[(x * y // 9) % 2]
    else:
        a = numpy.stack([128 + 100 * numpy.sin(x / 9 + y / 17), 128 + 90 * numpy.cos(y / 13), 128 + 80 * numpy.sin((x + y) / 21)], -1)
        a = a + random.normal(0, 4, a.shape)
    return Image.fromarray(numpy.clip(a, 0, 255).astype(numpy.uint8))


index = {}
for kind, width, height, settings in [
    ("soft", 97, 131, dict(quality=5, method=0)),
    ("soft", 97, 131, dict(quality=75, method=6)),
    ("edges", 97, 131, dict(quality=40, method=4)),
    ("edges", 64, 48, dict(quality=95, method=2)),
    ("ramps", 33, 17, dict(quality=60, method=6)),
    ("noise", 17, 9, dict(quality=80, method=4)),
    ("soft", 1, 40, dict(quality=80, method=4)),
    ("soft", 40, 1, dict(quality=80, method=4)),
    ("soft", 97, 61, dict(lossless=True, method=6, quality=100)),
    ("soft", 40, 31, dict(lossless=True, method=0, quality=0)),
    ("ramps", 97, 131, dict(lossless=True, method=6, quality=100)),
    ("edges", 97, 131, dict(lossless=True, method=4, quality=70)),
    ("four", 97, 131, dict(lossless=True, method=4)),
    ("two", 97, 131, dict(lossless=True, method=4)),
    ("noise", 17, 9, dict(lossless=True)),
    ("soft", 1, 1, dict(lossless=True)),
]:
    how = "lossless" if settings.get("lossless") else "lossy"
    name = f"{how}-{kind}-{width}x{height}-{settings.get('quality', 80)}-{settings.get('method', 4)}.webp"
    to = io.BytesIO()
    picture(kind, width, height).save(to, "WEBP", **settings)
    OUT.mkdir(exist_ok=True)
    (OUT / name).write_bytes(to.getvalue())
    index[name] = hashlib.sha256(Image.open(to).convert("RGB").tobytes()).hexdigest()
(OUT / "index.json").write_text(json.dumps(index, indent=1) + "\n")
