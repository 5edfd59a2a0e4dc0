"""scikit-learn's t-SNE of a matrix: the KL divergence to which TestKLBesideScikitLearn of head/tsne is compared.

    python scripts/oracle/tsne.py points.npy

Perplexity 30, initialisation with principal components, 1,000 iterations: its defaults. The test writes points.npy if ICONIC_POINTS names it. Both use the
symmetrised p over the 90 nearest neighbours; the divergence is the sum of p ln(p/q) in nats.
"""

import sys

import numpy
import sklearn
from sklearn.manifold import TSNE

x = numpy.load(sys.argv[1])
for method in ("barnes_hut", "exact"):
    t = TSNE(perplexity=30, init="pca", random_state=0, method=method).fit(x)
    print(f"scikit-learn {sklearn.__version__}, {method}, {len(x)} points, {t.n_iter_} iterations: KL {t.kl_divergence_:.4f}")
