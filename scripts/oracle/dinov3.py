#!/usr/bin/env python3
"""Write the outputs of timm and the transformers library for small DINOv3 encoders, for pipeline/testdata/dinov3.json.

    python scripts/oracle/dinov3.py > pipeline/testdata/dinov3.json

The weights have the libraries' own names and shapes. Their values are a function of the tensor's name and the element's index, so
that the test can generate the same values. Only the features of two images are stored: the class token and the mean of the patch tokens,
both after the final norm. Needs torch, timm, transformers.
"""

import json
import math
import sys
import zlib

import numpy as np
import timm
import torch
from timm.layers import LayerNorm
from timm.models.eva import Eva
from transformers import DINOv3ViTConfig, DINOv3ViTModel

WIDTH, DEPTH, HEADS, HIDDEN, PATCH = 32, 2, 2, 48, 4


def noise(name, n):
    """n numbers in [-½, ½): the finaliser of MurmurHash3 on the element's index, seeded with the CRC-32 of the name."""
    x = np.arange(n, dtype=np.uint64) + np.uint64(zlib.crc32(name.encode()))
    mask = np.uint64(0xFFFFFFFF)
    x = x * np.uint64(0x9E3779B1) & mask
    x ^= x >> np.uint64(16)
    x = x * np.uint64(0x85EBCA6B) & mask
    x ^= x >> np.uint64(13)
    x = x * np.uint64(0xC2B2AE35) & mask
    x ^= x >> np.uint64(16)
    return ((x >> np.uint64(8)).astype(np.float32) / np.float32(1 << 24)) - np.float32(0.5)


def numbers(name, shape):
    x = noise(name, math.prod(shape))
    if "norm" in name and name.endswith("weight"):
        x = 1 + x * np.float32(0.5)
    elif "gamma" in name or "lambda" in name:
        x = np.float32(0.5) + x
    elif len(shape) in (2, 4) and "token" not in name:
        x = x * np.float32(4 / math.sqrt(math.prod(shape[1:])))
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def official(state):
    """The state of a timm encoder with the official names and with masked biases, as in the official code."""
    out = {}
    for name, x in state.items():
        name = name.replace("reg_token", "storage_tokens").replace("gamma_1", "ls1.gamma").replace("gamma_2", "ls2.gamma")
        name = name.replace("mlp.fc1_g", "mlp.w1").replace("mlp.fc1_x", "mlp.w2")
        if ".w1" in name or ".w2" in name or any(".fc1_g" in n for n in state):
            name = name.replace("mlp.fc2", "mlp.w3")
        out[name] = x
    return out


def from_timm(**options):
    settings = dict(img_size=32, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=HIDDEN / WIDTH, num_classes=0,
                    init_values=1e-5, rope_type="dinov3", rope_temperature=100, rope_rotate_half=True, use_rot_pos_emb=True,
                    use_abs_pos_emb=False, num_reg_tokens=4, use_fc_norm=False, dynamic_img_size=True,
                    norm_layer=lambda d, **k: LayerNorm(d, eps=1e-5), qkv_bias=False)
    model = Eva(**{**settings, **options})
    model.eval()
    return model


def features_timm(model, pixels):
    x = model.forward_features(pixels)
    return x[:, 0], x[:, model.num_prefix_tokens:].mean(1)


def from_transformers(**options):
    settings = dict(patch_size=PATCH, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
                    num_register_tokens=4, image_size=32)
    model = DINOv3ViTModel(DINOv3ViTConfig(**{**settings, **options}))
    model.eval()
    return model


def features_transformers(model, pixels):
    x = model(pixels).last_hidden_state
    return x[:, 0], x[:, 1 + model.config.num_register_tokens:].mean(1)


def fill(model):
    state = model.state_dict()
    model.load_state_dict({name: numbers(name, tuple(x.shape)) for name, x in state.items()})


def case(title, model, features, size, rename=lambda s: s, extra=None):
    """One encoder: its tensors as in a weights file, and its features of two images of size×size."""
    fill(model)
    pixels = numbers(f"pixels of {size}", (2, 3, size, size)) * 4
    with torch.no_grad():
        extra = extra(model) if extra else {}
        cls, patch = features(model, pixels)
    # A tensor's values are derived from its name in the library, which is stored beside its name in the file.
    names = rename({name: name for name in model.state_dict()})
    shapes = {name: list(x.shape) for name, x in model.state_dict().items()}
    tensors = {name: {"shape": shapes[source], "source": source} for name, source in names.items()}
    tensors.update(extra)
    return {"title": title, "size": size, "heads": HEADS, "tensors": tensors,
            "cls": [round(float(v), 7) for v in cls.flatten()], "patch": [round(float(v), 7) for v in patch.flatten()]}


def in_files(names):
    """The names that the transformers library writes to files: without the prefix "model." used in memory."""
    return {name.replace("model.layer.", "layer."): source for name, source in names.items()}


def rounded_periods(model):
    """The official files store the periods in bfloat16."""
    periods = model.rope.periods.to(torch.bfloat16).to(torch.float32)
    model.rope.periods.copy_(periods)
    model.rope.pos_embed_cached = None
    return {"rope_embed.periods": {"shape": [len(periods)], "values": [float(v) for v in periods]}}


def masked(filled):
    """Official files have one bias for queries, keys and values, with a mask that is NaN until the weights are initialised."""
    third = [1.0] * WIDTH
    mask = third + [0.0] * WIDTH + third

    def extra(model):
        out = rounded_periods(model)
        for i in range(DEPTH):
            at = f"blocks.{i}.attn."
            out[at + "qkv.bias"] = {"shape": [3 * WIDTH], "sources": [at + "q_bias", at + "anything", at + "v_bias"]}
            out[at + "qkv.bias_mask"] = {"shape": [3 * WIDTH], "values": mask if filled else [None] * (3 * WIDTH)}
        return out

    return extra


def without_bias(names):
    return {name: source for name, source in official(names).items() if not name.endswith(("q_bias", "v_bias"))}


def main():
    torch.manual_seed(0)
    cases = [
        case("transformers, as in files", from_transformers(), features_transformers, 32, in_files),
        case("transformers, as in memory", from_transformers(), features_transformers, 32),
        case("transformers, SwiGLU, another size", from_transformers(use_gated_mlp=True, hidden_act="silu"), features_transformers, 20, in_files),
        case("transformers, a bias of the keys, no registers", from_transformers(key_bias=True, num_register_tokens=0), features_transformers, 32, in_files),
        case("transformers, no bias of queries and values", from_transformers(query_bias=False, value_bias=False), features_transformers, 8, in_files),
        case("timm, no bias of queries, keys and values", from_timm(), features_timm, 32),
        case("timm, a bias of queries and values", from_timm(qkv_bias=True), features_timm, 32),
        case("timm, SwiGLU in two layers", from_timm(swiglu_mlp=True, swiglu_align_to=8), features_timm, 48),
        case("timm, SwiGLU packed in one layer", from_timm(swiglu_mlp=True), features_timm, 32),
        case("timm, queries, keys and values in three layers", from_timm(qkv_fused=False, qkv_bias=True), features_timm, 32),
        case("timm, queries, keys and values in three layers, no bias", from_timm(qkv_fused=False), features_timm, 24),
        case("official names, periods in bfloat16", from_timm(), features_timm, 40, official, rounded_periods),
        case("official names, SwiGLU", from_timm(swiglu_mlp=True, swiglu_align_to=8), features_timm, 32, official, rounded_periods),
        case("official names, masked bias", from_timm(qkv_bias=True), features_timm, 32, without_bias, masked(True)),
        case("official names, a mask of NaN", from_timm(qkv_bias=True), features_timm, 32, without_bias, masked(False)),
    ]
    versions = {"torch": torch.__version__, "timm": timm.__version__, "transformers": __import__("transformers").__version__}
    json.dump({"versions": versions, "cases": cases}, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
