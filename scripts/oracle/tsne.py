"""scikit-learn's t-SNE of a matrix: the KL divergence that TestKLBesideScikitLearn of head/tsne is held against.

    python scripts/oracle/tsne.py points.npy

Perplexity 30, start from principal components, 1,000 iterations: its defaults. The test writes points.npy when ICONIC_POINTS names it. The p of both
is the symmetrised one over the 90 nearest neighbours, and the divergence is the sum of p ln(p/q) in nats.
"""

import sys

import numpy
import sklearn
from sklearn.manifold import TSNE

x = numpy.load(sys.argv[1])
for method in ("barnes_hut", "exact"):
    t = TSNE(perplexity=30, init="pca", random_state=0, method=method).fit(x)
    print(f"scikit-learn {sklearn.__version__}, {method}, {len(x)} points, {t.n_iter_} iterations: KL {t.kl_divergence_:.4f}")
