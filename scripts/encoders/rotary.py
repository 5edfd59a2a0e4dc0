#!/usr/bin/env python3
"""Measure what the rotation of queries and keys costs an imported DINOv3 encoder.

    ICONIC_KEEP=/some/folder go test -tags slow ./pipeline -run FullSize -v    # makes imports of full size
    python scripts/encoders/rotary.py /some/folder/dinov3-vits16.onnx /some/folder/dinov3-vitb16.onnx

Each graph runs as it is and with every rotation taken out, in turn, in the same ONNX Runtime: the median of the ratios of two turns
beside each other, of wall time, and of processor time on one thread, which other programs on the machine disturb less. Needs numpy,
onnx, onnxruntime.
"""

import argparse
import time

import numpy as np
import onnx
import onnxruntime


def without_rotation(model):
    """Leads past each rotation, x∘cos + swapped(x)∘sin, to x; ONNX Runtime drops what nothing uses then."""
    by_name = {node.name: node for node in model.graph.node}
    past = {name: by_name[name + "/cos"].input[0] for name in by_name if name.endswith("/rotated")}
    if not past:
        raise SystemExit("no rotation in the graph")
    for node in model.graph.node:
        if node.name.rpartition("/")[0] not in past:
            for i, name in enumerate(node.input):
                node.input[i] = past.get(name, name)
    return model, len(past)


def session(model, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def ratios(sessions, pixels, turns, clock):
    out = []
    for turn in range(turns + 1):  # the first warms up
        took = [0.0, 0.0]
        for which in (0, 1) if turn % 2 else (1, 0):
            begin = clock()
            sessions[which].run(None, {"input": pixels})
            took[which] = clock() - begin
        if turn > 0:
            out.append(took[0] / took[1])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=15)
    o = parser.parse_args()
    pixels = np.random.default_rng(0).standard_normal((o.batch, 3, o.size, o.size), dtype=np.float32)
    for name in o.files:
        model = onnx.load(name)
        for threads, clock, what in ((o.threads, time.perf_counter, f"wall time, {o.threads} threads"), (1, time.thread_time, "processor time, one thread")):
            whole = session(model, threads)
            stripped, rotations = without_rotation(onnx.load(name))
            r = ratios((whole, session(stripped, threads)), pixels, o.turns, clock)
            print(f"{name}: {rotations} rotations, {what}: median ratio {np.median(r):.3f} (quartiles {np.quantile(r, 0.25):.3f} to {np.quantile(r, 0.75):.3f})", flush=True)


if __name__ == "__main__":
    main()
