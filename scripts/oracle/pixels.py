"""Writes extract/pixels/testdata: small images of many kinds with the RGB pixels that Pillow decodes, and torchvision's
colour changes, crops and blurs of one image. Run it from the project's root: python scripts/oracle/pixels.py
(pillow, torchvision, numpy, tifffile, imagecodecs)."""
import base64, json, pathlib, zlib
import numpy as np
import tifffile  # with imagecodecs
from PIL import Image, ImageOps
from torchvision.transforms import functional as F

out = pathlib.Path("extract/pixels/testdata")
files = out / "files"
files.mkdir(parents=True, exist_ok=True)
pack = lambda a: base64.b64encode(zlib.compress(np.ascontiguousarray(a, dtype=np.uint8).tobytes(), 9)).decode()


def scene(w, h, seed=0):
    """Smooth colours, an edge and a little noise."""
    y, x = np.mgrid[0:h, 0:w]
    noise = np.random.default_rng(seed).integers(-12, 13, (h, w, 3))
    a = np.stack([x * 255 // w, y * 255 // h, (x + 2 * y) * 5 % 256], -1) + noise
    a[h // 4:h // 2, w // 3:w // 2] = [230, 40, 20]
    return Image.fromarray(a.clip(0, 255).astype(np.uint8))


rgb = scene(37, 29)
rgba = rgb.copy(); rgba.putalpha(Image.fromarray(((np.mgrid[0:29, 0:37][1] * 9) % 256).astype(np.uint8)))
grey = rgb.convert("L")
bit = rgb.convert("1")
palette = rgb.quantize(17)
deep = Image.fromarray((np.asarray(grey).astype(np.uint16) * 3))
cmyk = rgb.convert("CMYK")
la = rgba.convert("LA")
exif = lambda o: (lambda e: (e.__setitem__(0x0112, o), e)[1])(Image.Exif())

saves = {}
for name, s in {"444": 0, "422": 1, "420": 2}.items():
    saves[f"rgb{name}.jpg"] = (rgb, dict(quality=85, subsampling=s))
    saves[f"progressive{name}.jpg"] = (rgb, dict(quality=60, subsampling=s, progressive=True))
saves["411.jpg"] = (rgb, dict(quality=85, subsampling="4:1:1"))
saves["restart.jpg"] = (rgb, dict(quality=75, restart_marker_blocks=1))
saves["keep_rgb.jpg"] = (rgb, dict(quality=85, keep_rgb=True))
saves["grey.jpg"] = (grey, dict(quality=85))
saves["cmyk.jpg"] = (cmyk, dict(quality=85))
saves["wide1.jpg"] = (scene(1, 17), dict(quality=85))
saves["wide2.jpg"] = (scene(2, 17), dict(quality=85))
saves["wide3.jpg"] = (scene(3, 2), dict(quality=85))
saves["tall1.jpg"] = (scene(19, 1), dict(quality=85))
for ext in ("png", "tiff", "jpg", "webp"):
    saves[f"exif6.{ext}"] = (rgb, dict(exif=exif(6)))
for name, m in dict(rgb=rgb, rgba=rgba, grey=grey, bit=bit, palette=palette, deep=deep, la=la).items():
    saves[f"{name}.png"] = (m, dict(transparency=3) if name == "palette" else {})
for name, m in dict(rgb=rgb, grey=grey, bit=bit, palette=palette, rgba=rgba).items():
    saves[f"{name}.bmp"] = (m, {})
for name, m in dict(rgb=rgb, rgba=rgba, grey=grey, bit=bit, palette=palette, deep=deep, cmyk=cmyk, la=la).items():
    saves[f"{name}.tiff"] = (m, {})
saves["lzw.tiff"] = (rgb, dict(compression="tiff_lzw"))
saves["deflate.tiff"] = (rgb, dict(compression="tiff_adobe_deflate"))
saves["packbits.tiff"] = (rgb, dict(compression="packbits"))
saves["grey_lzw.tiff"] = (grey, dict(compression="tiff_lzw"))
saves["bit_g4.tiff"] = (bit, dict(compression="group4"))
saves["jpeg.tiff"] = (rgb, dict(compression="jpeg"))
saves["jpeg_grey.tiff"] = (grey, dict(compression="jpeg"))
saves["jpeg_ycc.tiff"] = (rgb.convert("YCbCr"), dict(compression="jpeg", quality=80))
saves["jpeg_strips.tiff"] = (scene(53, 40), dict(compression="jpeg", tiffinfo={278: 8}))
saves["cmyk_lzw.tiff"] = (cmyk, dict(compression="tiff_lzw"))
saves["cmyk_differences.tiff"] = (cmyk, dict(compression="tiff_adobe_deflate", tiffinfo={317: 2}))
saves["la_differences.tiff"] = (la, dict(compression="tiff_lzw", tiffinfo={317: 2}))
saves["palette.gif"] = (palette, {})
saves["transparent.gif"] = (palette, dict(transparency=3))
saves["grey.gif"] = (grey, {})
saves["interlaced.gif"] = (palette, dict(interlace=1))
for q in (20, 90):
    saves[f"lossy{q}.webp"] = (rgb, dict(quality=q))
saves["lossy_alpha.webp"] = (rgba, dict(quality=60))
saves["lossless.webp"] = (rgb, dict(lossless=True))
saves["lossless_alpha.webp"] = (rgba, dict(lossless=True, exact=True))
saves["lossy_even.webp"] = (scene(32, 24), dict(quality=70))
saves["lossy1.webp"] = (scene(1, 1), dict(quality=70))
saves["animated.webp"] = (rgb, dict(save_all=True, append_images=[rgb.rotate(180)], quality=70))

def tiled(m, **how):
    """Returns a function that saves m in tiles, a form that Pillow reads but does not write."""
    class Tiled:
        def save(self, path):
            tifffile.imwrite(path, np.asarray(m), tile=(16, 32), metadata=None, **how)
    return Tiled(), {}
saves["tiles_jpeg.tiff"] = tiled(rgb, compression="jpeg", photometric="rgb", compressionargs=dict(level=85))
saves["tiles_jpeg_grey.tiff"] = tiled(grey, compression="jpeg", photometric="minisblack")
saves["tiles_cmyk.tiff"] = tiled(cmyk, compression="deflate", predictor=True, photometric="separated", byteorder=">")
saves["tiles_la.tiff"] = tiled(la, photometric="minisblack", extrasamples=["unassalpha"])

want = []
for name, save in sorted(saves.items()):
    path = files / name
    try:
        save[0].save(path, **save[1])
    except Exception as e:
        print("cannot write", name, e)
        path.unlink(missing_ok=True)
        continue
    with Image.open(path) as m:
        m.load()
        upright = ImageOps.exif_transpose(m).convert("RGB")
        want.append(dict(file=name, mode=m.mode, width=upright.width, height=upright.height, rgb=pack(upright)))
(out / "files.json").write_text(json.dumps(want, indent=0) + "\n")

def across_first(m, w, h):
    """Pillow's resize. Some versions resize vertically first if that is cheaper; the version used in training resizes horizontally first."""
    return m.resize((w, m.height), Image.BICUBIC).resize((w, h), Image.BICUBIC)


base = scene(40, 30, 7)
cases = []
def case(op, image, **arguments):
    cases.append(dict(op=op, arguments=arguments, width=image.width, height=image.height, rgb=pack(image)))
case("base", base)
for f in (0, 0.37, 0.8, 1, 1.4, 2.9):
    case("brightness", F.adjust_brightness(base, f), factor=f)
    case("contrast", F.adjust_contrast(base, f), factor=f)
    case("saturation", F.adjust_saturation(base, f), factor=f)
for f in (-0.5, -0.1, -0.013, 0, 0.05, 0.31, 0.5):
    case("hue", F.adjust_hue(base, f), factor=f)
case("grey", F.rgb_to_grayscale(base, 3))
case("mirror", F.hflip(base))
for k, s in ((3, 0.1), (3, 0.9), (7, 1.3), (23, 0.4), (23, 2.0)):
    case("blur", F.gaussian_blur(base, [k, k], [s, s]), size=k, sigma=s)
for x, y, w, h in ((0, 0, 40, 30), (3, 5, 20, 11), (39, 29, 1, 1), (10, 2, 7, 28)):
    case("crop", across_first(base.crop((x, y, x + w, y + h)), 16, 16), x=x, y=y, width=w, height=h)
cube = Image.fromarray(np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), -1).reshape(18, -1, 3).astype(np.uint8))
case("cube", cube)
for f in (-0.21, 0, 0.4):
    case("cube hue", F.adjust_hue(cube, f), factor=f)
sizes = []
for w, h in ((500, 375), (375, 500), (1, 1), (7, 1500), (333, 500), (257, 256), (100, 99)):
    for s in (224, 256, 32):
        sizes.append([w, h, s, *F.resize(Image.new("RGB", (w, h)), s).size])
for to in ((16, 16), (40, 30), (80, 61), (9, 100), (40, 7)):
    case("resize", across_first(base, *to))
(out / "torchvision.json").write_text(json.dumps(dict(cases=cases, sizes=sizes), indent=0) + "\n")
