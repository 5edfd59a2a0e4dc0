"""Writes extract/pixels/testdata/kinds.json: small files of the many kinds produced by cameras, scanners, editors and research data sets,
each with the RGB pixels that Pillow decodes. Run it from the project's root: python scripts/oracle/kinds.py (pillow, numpy, tifffile,
imagecodecs)."""
import base64, io, json, pathlib, struct, zlib
import numpy as np
import tifffile
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

W, H = 13, 9
noise = lambda *shape, most=256, dtype=np.uint8: np.random.default_rng(len(shape)).integers(0, most, shape, dtype=dtype)


def scene(w=W, h=H):
    y, x = np.mgrid[0:h, 0:w]
    return (np.stack([x * 255 // w, y * 255 // h, (x + 2 * y) * 5 % 256], -1) + noise(h, w, 3, most=12)).clip(0, 255).astype(np.uint8)


rgb = scene()
image = Image.fromarray(rgb)
grey = image.convert("L")
files = {}


def saved(m, kind, **how):
    f = io.BytesIO()
    m.save(f, kind, **how)
    return f.getvalue()


# PNG: all depths, interlacing, damaged or missing chunks
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(w, h, depth, colour, rows, before=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", w, h, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def packed(values, depth):
    bits = "".join(format(int(v), f"0{depth}b") for v in values)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


small = lambda depth: [packed(row, depth) for row in noise(H, W, most=1 << depth)]
for depth in (1, 2, 4):
    rows = b"".join(b"\0" + r for r in small(depth))
    files[f"grey{depth}.png"] = png(W, H, depth, 0, rows)
    files[f"palette{depth}.png"] = png(W, H, depth, 3, rows, chunk(b"PLTE", noise(3 << depth).tobytes()))
for name, colour, samples in (("la16", 4, 2), ("rgb16", 2, 3), ("rgba16", 6, 4)):
    files[f"{name}.png"] = png(W, H, 16, colour, b"".join(b"\0" + r.astype(">u2").tobytes() for r in noise(H, W, samples, most=65536, dtype=np.uint16)))
for w, h in ((W, H), (1, 1), (3, 5), (5, 2)):
    a, rows = scene(w, h), b""
    for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        if a[y::dy, x::dx].size:
            rows += b"".join(b"\0" + r.tobytes() for r in a[y::dy, x::dx])
    files[f"adam7_{w}x{h}.png"] = png(w, h, 8, 2, rows, interlaced=1)

# BMP: masks, run-length encoding, OS/2, top-down rows
def bmp(w, h, bits, compression, data, palette=b"", masks=b"", size=40, colours=0):
    head = struct.pack("<IiiHHIIiiII", size, w, h, 1, bits, compression, len(data), 0, 0, colours, 0)
    after = masks if size == 40 else b""
    if size > 40:
        head = (head + masks).ljust(size, b"\0")
    at = 14 + len(head) + len(after) + len(palette)
    return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + head + after + palette + data


words = noise(H, W, most=65536, dtype=np.uint16)
rows16 = b"".join(r.tobytes().ljust(W * 2 + W % 2 * 2, b"\0") for r in words)
m565, longs = struct.pack("<III", 0xF800, 0x7E0, 0x1F), noise(H, W, most=2**32, dtype=np.uint32).tobytes()
files["555.bmp"] = bmp(W, H, 16, 0, rows16)
files["565.bmp"] = bmp(W, H, 16, 3, rows16, masks=m565)
files["565_top.bmp"] = bmp(W, -H, 16, 3, rows16, masks=m565)
for size in (52, 56, 108, 124):
    files[f"565_{size}.bmp"] = bmp(W, H, 16, 3, rows16, masks=m565, size=size)
files["32.bmp"] = bmp(W, H, 32, 0, longs)
for name, masks in (("bgra", (0xFF0000, 0xFF00, 0xFF)), ("rgba", (0xFF, 0xFF00, 0xFF0000))):
    files[f"32_{name}.bmp"] = bmp(W, H, 32, 3, longs, masks=struct.pack("<IIII", *masks, 0xFF000000), size=124)
files["24_top.bmp"] = bmp(W, -H, 24, 0, b"".join(r[:, ::-1].tobytes().ljust(W * 3 + (-W * 3) % 4, b"\0") for r in rgb))
palette16, palette256, nibbles = noise(64).tobytes(), noise(1024).tobytes(), noise(6, 4, most=16)
files["4.bmp"] = bmp(7, 6, 4, 0, b"".join(bytes([a << 4 | b, c << 4 | d, 0x12, 0x30]) for a, b, c, d in nibbles.tolist()), palette16)
files["4_short.bmp"] = bmp(7, 6, 4, 0, b"".join(bytes([a % 8 << 4 | b % 8, 0, 0x11, 0x20]) for a, b, c, d in nibbles.tolist()), palette16[:32], colours=8)
files["rle4.bmp"] = bmp(7, 6, 4, 2, b"".join(bytes([3, a << 4 | b, 0, 4, c << 4 | d, 0x5A, 0, 0]) for a, b, c, d in nibbles.tolist())[:-2] + b"\0\1", palette16)
files["rle8.bmp"] = bmp(7, 6, 8, 1, b"".join(bytes([4, a, 0, 3, b, c, d, 0, 0, 0]) for a, b, c, d in nibbles.tolist())[:-2] + b"\0\1", palette256)
files["rle8_delta.bmp"] = bmp(7, 6, 8, 1, bytes([7, 3, 0, 0, 2, 5, 0, 2, 0, 1, 5, 9, 0, 0, 7, 1, 0, 0, 7, 2, 0, 0, 7, 3, 0, 0, 0, 1]), palette256)
os2 = b"".join(bytes([a << 4 | b, 0x12, 0x34, 0x50]) for a, b, c, d in nibbles.tolist())
files["os2.bmp"] = b"BM" + struct.pack("<IHHI", 0, 0, 0, 26 + 48) + struct.pack("<IHHHH", 12, 7, 6, 1, 4) + b"".join(palette16[4 * i:4 * i + 3] for i in range(16)) + os2
files["os2_v2.bmp"] = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 64 + 64) + struct.pack("<IiiHHIIiiII", 64, 7, 6, 1, 4, 0, 0, 0, 0, 0, 0) + bytes(24) + palette16 + os2

# Netpbm: plain and binary, comments, other maximum values
files["p1.pbm"] = b"P1\n# c\n5 2\n10110\n0 1 0 0 1\n"
files["p2.pgm"] = b"P2 # x\n3 2 # y\n15\n0 1 2\n# in between\n13 14 15"
files["p3.ppm"] = b"P3\n2 2\n1000\n0 1 2 999 1000 500 3 4 5 600 700 800\n"
files["p4.pbm"] = b"P4\n11 2\n\xa5\x5f\x12\xff"
files["p5.pgm"] = b"P5\n#a\n2\n#b\n2\n#c\n255\n" + bytes([1, 2, 3, 4])
files["p5_100.pgm"] = b"P5 4 2 100\n" + bytes([0, 1, 50, 51, 99, 100, 33, 120])
files["p6_7.ppm"] = b"P6 2 1 7\n" + bytes([0, 1, 2, 3, 6, 7])
for most in (1023, 65535):
    files[f"p6_{most}.ppm"] = b"P6 2 2 %d\n" % most + noise(12, most=most, dtype=np.uint16).astype(">u2").tobytes()

# Orientation: in every place where it can be stored
attribute = lambda o: f'<rdf:Description tiff:Orientation="{o}"/>'.encode()
element = lambda o: f"<rdf:Description><tiff:Orientation>{o}</tiff:Orientation></rdf:Description>".encode()
big = lambda o, entries=1: b"MM\0*" + struct.pack(">IHHHIHH", 8, entries, 0x112, 3, 1, o, 0)
for o in range(1, 9):
    exif = Image.Exif()
    exif[0x112] = o
    for kind, how in dict(JPEG={}, PNG={}, TIFF={}, WEBP=dict(lossless=True)).items():
        files[f"exif{o}.{kind.lower()}"] = saved(image, kind, exif=exif, **how)
    files[f"exif_big{o}.jpeg"] = saved(image, "JPEG", exif=b"Exif\0\0" + big(o) + bytes(4))
    files[f"exif_cut{o}.jpeg"] = saved(image, "JPEG", exif=b"Exif\0\0" + big(o, 4) + b"\1\2")
    files[f"xmp{o}.tiff"] = saved(image, "TIFF", tiffinfo={700: attribute(o)})
    for name, xmp in dict(attribute=attribute(o), element=element(o)).items():
        files[f"xmp_{name}{o}.jpeg"] = saved(image, "JPEG", xmp=xmp)
        files[f"xmp_{name}{o}.webp"] = saved(image, "WEBP", xmp=xmp, lossless=True)
    digits = (b"Exif\0\0" + big(o) + bytes(4)).hex()
    profile = "\nexif\n%8d\n" % (len(digits) // 2) + "\n".join(digits[i:i + 72] for i in range(0, len(digits), 72)) + "\n"
    for packs in (False, True):
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", attribute(o).decode(), zip=packs)
        files[f"xmp_{packs}{o}.png"] = saved(image, "PNG", pnginfo=info)
        info = PngInfo()
        info.add_text("Raw profile type exif", profile, zip=packs)
        files[f"profile_{packs}{o}.png"] = saved(image, "PNG", pnginfo=info)
exif[0x112] = 3
files["exif_before_xmp.jpeg"] = saved(image, "JPEG", exif=exif, xmp=attribute(6))

# TIFF: both byte orders and BigTIFF; planes, predictors, tiles, extra samples, few and many bits
twins = {}
def tiff(name, a, **how):
    for order, letter in (("<", "l"), (">", "b")):
        for wide in (False, True):
            f = io.BytesIO()
            tifffile.imwrite(f, a, metadata=None, byteorder=order, bigtiff=wide, **how)
            key = f"{name}_{letter}{'big' if wide else ''}.tiff"
            files[key] = f.getvalue()
            if wide:
                twins[key] = f"{name}_{letter}.tiff"  # Pillow does not read all of BigTIFF


planes = lambda a: np.moveaxis(a, -1, 0).copy()
deep, four, inks = noise(H, W, 3, most=65536, dtype=np.uint16), noise(H, W, 4), np.asarray(image.convert("CMYK"))
tiff("rgb", rgb, photometric="rgb")
tiff("planes", planes(rgb), photometric="rgb", planarconfig="separate")
tiff("inks_planes", planes(inks), photometric="separated", planarconfig="separate")
tiff("white_is_zero", np.asarray(grey), photometric="miniswhite")
tiff("colours", np.asarray(grey), photometric="palette", colormap=noise(3, 256, most=65536, dtype=np.uint16))
tiff("bits", np.asarray(grey) > 100, photometric="minisblack")
tiff("rgb16", deep, photometric="rgb")
for extra in (0, 1, 2):
    tiff(f"extra{extra}", four, photometric="rgb", extrasamples=[extra])
tiff("extra1_16", noise(H, W, 4, most=65536, dtype=np.uint16), photometric="rgb", extrasamples=[1])
for how in ("zlib", "lzw", "packbits"):
    tiff(how, rgb, photometric="rgb", compression=how, rowsperstrip=5)
    tiff(f"tiles_{how}", scene(20, 18), photometric="rgb", compression=how, tile=(16, 16))
    tiff(f"planes_{how}", planes(rgb), photometric="rgb", planarconfig="separate", compression=how, rowsperstrip=4)
    if how != "packbits":
        tiff(f"differences_{how}", rgb, photometric="rgb", compression=how, predictor=2)
        tiff(f"differences16_{how}", deep, photometric="rgb", compression=how, predictor=2)
tiff("long_lzw", scene(90, 60), photometric="rgb", compression="lzw")  # more than one code table
for depth in (2, 4):
    for photometric in (0, 1):
        for order in (1, 2):
            rows = b"".join(small(depth))
            rows += bytes(len(rows) % 2)
            entries = [(256, W), (257, H), (258, depth), (259, 1), (262, photometric), (266, order), (273, 8), (277, 1), (278, H), (279, len(rows))]
            files[f"bits{depth}_{photometric}_{order}.tiff"] = (b"II*\0" + struct.pack("<I", 8 + len(rows)) + rows + struct.pack("<H", len(entries))
                + b"".join(struct.pack("<HHII", tag, 4, 1, v) for tag, v in entries) + bytes(4))
for how in ("group3", "group4", "tiff_deflate"):
    files[f"fax_{how}.tiff"] = saved(image.convert("1"), "TIFF", compression=how)

pack = lambda b: base64.b64encode(zlib.compress(b, 9)).decode()
wanted = {}
for name, content in files.items():
    if name not in twins:
        with Image.open(io.BytesIO(content)) as m:
            m.load()
            wanted[name] = ImageOps.exif_transpose(m).convert("RGB")
lines = []
for name in sorted(files):
    want = wanted[twins.get(name, name)]
    lines.append(json.dumps(dict(file=name, content=pack(files[name]), width=want.width, height=want.height, rgb=pack(want.tobytes()))))
pathlib.Path("extract/pixels/testdata/kinds.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
print(len(lines), "files")
