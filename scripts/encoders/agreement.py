#!/usr/bin/env python3
"""Compares features of the same labelled images in two precisions.

    pipeline extract DATA --model M --out S32
    pipeline extract DATA --model M --precision int8 --out S8
    python scripts/encoders/agreement.py LABELS.npy S32/features-00000.npy S8/features-00000.npy

Prints the cosine between the two features of an image, and for each set the leave-one-out accuracy of the 10 nearest
neighbours (cosine, majority vote, ties to the nearer) and the accuracy of k-means (as many clusters as classes, best of 3
starts by inertia, clusters matched to classes one to one). Needs numpy, scipy and scikit-learn.
"""

import sys

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans


def unit(x):
    x = np.asarray(x, np.float32).reshape(len(x), -1)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def neighbours(x, labels, k=10):
    hits = 0
    for lo in range(0, len(x), 512):
        s = x[lo:lo + 512] @ x.T
        s[np.arange(len(s)), np.arange(lo, lo + len(s))] = -np.inf
        near = np.argsort(-s, axis=1, kind="stable")[:, :k]
        for row, want in zip(labels[near], labels[lo:lo + 512]):
            votes = np.bincount(row)
            hits += next(c for c in row if votes[c] == votes.max()) == want
    return hits / len(x)


def clusters(x, labels):
    count = labels.max() + 1
    found = KMeans(count, n_init=3, random_state=0).fit_predict(x)
    table = np.zeros((count, count), int)
    np.add.at(table, (found, labels), 1)
    return table[linear_sum_assignment(-table)].sum() / len(x)


def main():
    labels = np.load(sys.argv[1])
    a, b = (unit(np.load(name)) for name in sys.argv[2:4])
    cosine = (a * b).sum(1)
    print(f"{len(labels)} images, cosine: mean {cosine.mean():.4f}, minimum {cosine.min():.4f}")
    for name, x in zip(sys.argv[2:4], (a, b)):
        print(f"{name}: 10-NN {neighbours(x, labels):.4f}, k-means {clusters(x, labels):.4f}")


if __name__ == "__main__":
    main()
