"""Neighbour graph, k-means and t-SNE with Python libraries: the rivals named in docs/performance.md.

Reads one command per line from standard input, with words separated by tabs, and writes one line of JSON each:

    variants           versions
    load FILE          reads a .npy of rows × dimensions, which all later commands use
    graph K CHUNK      cosine neighbours with PyTorch: product of a chunk of rows with all rows, topk of K + 1
    kmeans C           scikit-learn's KMeans, Lloyd, 3 starts
    map                scikit-learn's Barnes-Hut t-SNE at perplexity 30, initialised with the principal components
"""

import json
import os
import sys
import time

import numpy
import sklearn
import torch
from sklearn.cluster import KMeans
from sklearn.manifold import TSNE


def graph(x, k, chunk):
    x = torch.nn.functional.normalize(torch.from_numpy(x), dim=1)
    rows = []
    for lo in range(0, len(x), chunk):
        similarity = x[lo : lo + chunk] @ x.T
        i = torch.arange(len(similarity))
        similarity[i, lo + i] = -2  # exclude the row itself
        rows.append(torch.topk(similarity, k, dim=1).indices)
    return {"rows": len(torch.cat(rows))}


def kmeans(x, clusters):
    return {"inertia": KMeans(clusters, n_init=3, random_state=0, algorithm="lloyd").fit(x).inertia_}


def embedding(x):
    t = TSNE(perplexity=30, init="pca", random_state=0, n_jobs=int(os.environ["OMP_NUM_THREADS"])).fit(x)
    return {"kl": t.kl_divergence_}


def main():
    x = None
    for line in sys.stdin:
        word, *rest = line.rstrip("\n").split("\t")
        start = time.perf_counter()
        if word == "variants":
            reply = {"version": torch.__version__, "blas": torch.__config__.show(), "threads": torch.get_num_threads(),
                     "capability": torch.backends.cpu.get_cpu_capability(), "variants": ["scikit-learn " + sklearn.__version__]}
        elif word == "load":
            x = numpy.load(rest[0]).astype(numpy.float32)
            reply = {}
        elif word == "graph":
            reply = graph(x, int(rest[0]), int(rest[1]))
        elif word == "kmeans":
            reply = kmeans(x, int(rest[0]))
        elif word == "map":
            reply = embedding(x)
        print(json.dumps({"seconds": time.perf_counter() - start, **reply}), flush=True)


if __name__ == "__main__":
    main()
