"""Plants near duplicates among photographs and compares what `pipeline duplicates`, imagededup and cleanvision find.

    pip install imagededup cleanvision
    go build -o /tmp/pipeline ./pipeline
    python scripts/duplicates/compare.py --pipeline /tmp/pipeline --photos PHOTOS --work DIR --seeds 1 2 3 -- \
        --model vit.onnx --resize 248 --crop 224 --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5

For each seed 50 photographs get a second version: re-encoded at quality 50, resized to 60 %, cropped by 5 % of width and height at a
random position, or mirrored, in turn. A pair counts as found if it is in one group or reported by the rival; every other reported pair
counts as false. Arguments after -- are passed to `pipeline extract`. The last table plants harder versions: half of them darker and with a caption,
the others cropped by 10 % of width and height and mirrored.
"""

import argparse
import itertools
import json
import logging
import os
import random
import shutil
import subprocess

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

KINDS = ["encoded again", "resized", "cropped", "mirrored"]
HARD = ["darker, with a caption", "cropped by 10 %, mirrored"]


def cropped(image, share, rng):
    width, height = image.size
    w, h = round(width * (1 - share)), round(height * (1 - share))
    x, y = rng.randint(0, width - w), rng.randint(0, height - h)
    return image.crop((x, y, x + w, y + h))


def version(image, kind, rng):
    """Returns another version of an image, and the quality to encode it with."""
    width, height = image.size
    if kind == "encoded again":
        return image, 50
    if kind == "resized":
        return image.resize((round(0.6 * width), round(0.6 * height)), Image.LANCZOS), 95
    if kind == "cropped":
        return cropped(image, 0.05, rng), 95
    if kind == "mirrored":
        return ImageOps.mirror(image), 95
    if kind == HARD[0]:
        image = ImageEnhance.Brightness(image).enhance(0.7)
        ImageDraw.Draw(image).text((width * 0.1, height * 0.85), "holiday 2021, day 3", fill="white")
        return image, 85
    return ImageOps.mirror(cropped(image, 0.10, rng)), 85


def plant(photos, folder, seed, kinds):
    """Copies the photographs and plants versions of 50 of them. Returns the kind of each planted pair."""
    rng = random.Random(seed)
    names = sorted(os.path.relpath(os.path.join(d, f), photos) for d, _, fs in os.walk(photos) for f in fs)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(photos, folder)
    truth = {}
    for k, name in enumerate(rng.sample(names, 50)):
        kind = kinds[k % len(kinds)]
        with Image.open(os.path.join(photos, name)) as image:
            planted, quality = version(image.convert("RGB"), kind, rng)
        to = os.path.splitext(name)[0] + "-planted.jpg"
        planted.save(os.path.join(folder, to), quality=quality)
        truth[frozenset([name, to])] = kind
    return truth


def pairs_of(groups):
    return {frozenset(p) for g in groups for p in itertools.combinations(sorted(g), 2)}


def ours(args, folder, *flags):
    store = os.path.join(args.work, "store")
    subprocess.run([args.pipeline, "extract", folder, "--out", store, "-q", *args.extract], check=True, stdout=subprocess.DEVNULL)
    found = subprocess.run([args.pipeline, "duplicates", store, "--json", *flags], check=True, stdout=subprocess.PIPE)
    return pairs_of([m["path"] for m in g] for g in json.loads(found.stdout)["groups"])


def imagededup(folder, method):
    from imagededup import methods

    hasher = getattr(methods, method)(verbose=False)
    encodings = hasher.encode_images(image_dir=folder, recursive=True)
    duplicates = hasher.find_duplicates(encoding_map=encodings)
    return {frozenset([name, other]) for name, others in duplicates.items() for other in others}


def cleanvision(folder):
    from cleanvision import Imagelab

    lab = Imagelab(data_path=folder)
    lab.find_issues({"exact_duplicates": {}, "near_duplicates": {}}, verbose=False)
    sets = lab.info["near_duplicates"]["sets"] + lab.info["exact_duplicates"]["sets"]
    return pairs_of([os.path.relpath(p, folder) for p in s] for s in sets)


def compare(args, kinds):
    ways = {
        "pipeline duplicates": lambda folder: ours(args, folder, "--images", folder),
        "the same, --features-only": lambda folder: ours(args, folder, "--features-only"),
        "imagededup PHash": lambda folder: imagededup(folder, "PHash"),
        "imagededup DHash": lambda folder: imagededup(folder, "DHash"),
        "imagededup WHash": lambda folder: imagededup(folder, "WHash"),
        "cleanvision": cleanvision,
    }
    totals = {way: {"kinds": dict.fromkeys(kinds, 0), "false": 0} for way in ways}
    planted = dict.fromkeys(kinds, 0)
    for seed in args.seeds:
        folder = os.path.join(args.work, "planted")
        truth = plant(args.photos, folder, seed, kinds)
        for kind in truth.values():
            planted[kind] += 1
        for way, find in ways.items():
            found = find(folder)
            for pair, kind in truth.items():
                totals[way]["kinds"][kind] += pair in found
            totals[way]["false"] += len(found - truth.keys())
    number = sum(planted.values())
    print("| | " + " | ".join(f"{k} ({planted[k]})" for k in kinds) + " | recall | precision | false pairs |")
    print("|---" * (len(kinds) + 4) + "|")
    for way, t in totals.items():
        right = sum(t["kinds"].values())
        precision = right / (right + t["false"]) if right + t["false"] else float("nan")
        print(f"| {way} | " + " | ".join(str(t["kinds"][k]) for k in kinds) + f" | {right / number:.3f} | {precision:.3f} | {t['false']} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", required=True, help="the command, built")
    parser.add_argument("--photos", required=True, help="folder of photographs without duplicates")
    parser.add_argument("--work", required=True, help="folder for planted sets and features")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("extract", nargs="*", help="after --: arguments for `pipeline extract`")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    os.makedirs(args.work, exist_ok=True)
    compare(args, KINDS)
    compare(args, HARD)


if __name__ == "__main__":
    main()
