package represent

import (
	"slices"

	"iconic/head/method"
)

// The words of several methods.
const (
	perplexed, studentOverFeatures = "Gaussian neighbours at a perplexity", "Student-t over the features"
	imagePairs                     = "views of an image, or else neighbours"
	gaussian, student, cosine      = "Gaussian", "Student-t, ν = 1", "cosine at a temperature"
	free, perceptron               = "embedding table", "perceptron"

	byGaussian = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ exp(−‖z_i−z_j‖²)"
	byStudent  = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ 1/(1 + ‖z_i−z_j‖²)"
	byCosine   = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ exp(cos(z_i, z_j)/τ)"

	uniformLimit = "As σ → ∞, q becomes uniform over all others, whatever the representation: the method minimises the limit of the divergence scaled by 2σ²."
)

// Methods returns the methods of this package.
func Methods() []method.Method {
	return slices.Concat(assignments(), maps(), projections(), contrasts(), alignments(), classifiers())
}

// assignments are the methods that only find clusters.
func assignments() []method.Method {
	return []method.Method{
		method.New(method.About{
			Name: "kmeans", Supervisory: "the point's own cluster, C", Learned: "Gaussian over the features, KL(C‖q) + entropy of C", Mapper: "cluster assignment",
			Equation: "1/n Σ_i ‖x_i − μ_c(i)‖²", Source: "Lloyd 1982; I-Con app.", Purpose: "the classic algorithm", Closed: true,
		}, newKMeans(false)),
		method.New(method.About{
			Name: "probabilistic-kmeans", Supervisory: "the point's own cluster, softly", Learned: "the same", Mapper: "cluster assignment",
			Equation: "−1/n Σ_i ln Σ_c exp(−‖x_i − μ_c‖²/2σ²)", Source: "Dempster et al. 1977; I-Con app.",
			Purpose: "k-means with soft assignments: equal spherical Gaussians", Closed: true,
		}, newKMeans(true)),
		method.New(method.About{
			Name: "spectral", Supervisory: "neighbour graph with Gaussian weights", Learned: gaussian + ", σ → ∞", Mapper: free,
			Equation: "−trace(Vᵀ D^−½ A D^−½ V), VᵀV = 1", Source: "Ng, Jordan and Weiss 2001; I-Con app.",
			Purpose: "eigenvectors of the neighbour graph", Closed: true, Undrawn: uniformLimit,
		}, newSpectral),
	}
}

// maps are the methods that embed all points freely.
func maps() []method.Method {
	const byGraph, byWidth, byFreely = "neighbours", "perplexity", "freedom" // settings that a map reads
	return []method.Method{
		method.New(method.About{
			Name: "sne", Supervisory: perplexed, Learned: gaussian, Mapper: free, Equation: byGaussian,
			Source: "Hinton and Roweis 2002; I-Con table 1", Purpose: "a map",
		}, newMap(gaussianOver, mapGaussian, byWidth)),
		method.New(method.About{
			Name: "tsne", Supervisory: perplexed, Learned: student, Mapper: free,
			Equation: "Σ_ij p_ij ln(p_ij/q_ij), q_ij ∝ 1/(1 + ‖z_i−z_j‖²) over all pairs",
			Source:   "van der Maaten and Hinton 2008; I-Con table 1", Purpose: "a map, by Barnes and Hut's approximation",
		}, newTSNE),
		method.New(method.About{
			Name: "dual-tsne", Supervisory: studentOverFeatures, Learned: gaussian, Mapper: free, Equation: byGaussian,
			Source: "I-Con fig. 1", Purpose: "a map with the kernels of t-SNE exchanged",
		}, newMap(studentOver, mapGaussian, byWidth, byFreely)),
		method.New(method.About{
			Name: "doubly-tsne", Supervisory: studentOverFeatures, Learned: student, Mapper: free, Equation: byStudent,
			Source: "I-Con fig. 1", Purpose: "a map with heavy tails on both sides",
		}, newMap(studentOver, mapStudent, byWidth, byFreely)),
		method.New(method.About{
			Name: "sne-uniform", Supervisory: "nearest neighbours", Learned: gaussian, Mapper: free, Equation: byGaussian,
			Source: "I-Con fig. 1", Purpose: "a map of the neighbour graph",
		}, newMap(uniformOver, mapGaussian, byGraph)),
		method.New(method.About{
			Name: "tsne-uniform", Supervisory: "nearest neighbours", Learned: student, Mapper: free, Equation: byStudent,
			Source: "I-Con fig. 1", Purpose: "a map of the neighbour graph",
		}, newMap(uniformOver, mapStudent, byGraph)),
		method.New(method.About{
			Name: "sne-graph", Supervisory: "a graph's edges", Learned: gaussian, Mapper: free, Equation: byGaussian,
			Source: "I-Con fig. 1", Purpose: "a map of a user's graph", Needs: method.NeedsEdges,
		}, newMap(edgesOver, mapGaussian)),
		method.New(method.About{
			Name: "tsne-graph", Supervisory: "a graph's edges", Learned: student, Mapper: free, Equation: byStudent,
			Source: "I-Con fig. 1", Purpose: "a map of a user's graph", Needs: method.NeedsEdges,
		}, newMap(edgesOver, mapStudent)),
	}
}

// projections are the methods with a linear mapper.
func projections() []method.Method {
	return []method.Method{
		method.New(method.About{
			Name: "pca", Supervisory: "identity", Learned: gaussian + ", σ → ∞", Mapper: "linear, orthogonal",
			Equation: "−2 trace(W C Wᵀ), W Wᵀ = 1, C the covariance", Source: "Pearson 1901; I-Con app.",
			Purpose: "principal components", Closed: true, Undrawn: uniformLimit,
		}, newPCA),
		method.New(method.About{
			Name: "infonce", Supervisory: imagePairs, Learned: cosine, Mapper: "linear", Equation: byCosine,
			Source: "van den Oord et al. 2018; I-Con table 1", Purpose: "contrastive projection",
		}, contrastive(atTemperature(), newContrast(cosineLoss, nil), func(c *Contrast) { c.Temperature, c.Views, c.Hidden = 0.1, true, 0 })),
	}
}

// contrasts are the methods whose perceptron learns from pairs of images.
func contrasts() []method.Method {
	heavy, moment, corrected, limit := onBatches(), atTemperature(), atTemperature(), onBatches()
	heavy.freedom = true
	moment.bank, moment.candidates = true, keysAndBank
	corrected.positive, corrected.pairs, corrected.shares = true, true, false
	limit.shares = false
	return []method.Method{
		method.New(method.About{
			Name: "simclr", Supervisory: imagePairs, Learned: cosine, Mapper: perceptron, Equation: byCosine,
			Source: "Chen et al. 2020, eq. 1; I-Con table 1", Purpose: "contrastive representation (NT-Xent)",
		}, contrastive(atTemperature(), newContrast(cosineLoss, nil), func(c *Contrast) { c.Temperature, c.Views = 0.5, true })),
		method.New(method.About{
			Name: "t-simclr", Supervisory: imagePairs, Learned: student, Mapper: perceptron,
			Equation: "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ (1 + ‖z_i−z_j‖²/ν)^(−(ν+1)/2)",
			Source:   "Hu et al. 2022; I-Con fig. 1", Purpose: "the same with a heavy-tailed kernel",
		}, contrastive(heavy, newContrast(studentLoss, nil), func(c *Contrast) { c.Views, c.Freedom = true, 1 })),
		method.New(method.About{
			Name: "moco", Supervisory: imagePairs, Learned: cosine + ", against a memory bank", Mapper: perceptron, Equation: byCosine + ", j among keys and bank",
			Source:  "He et al. 2020, eq. 1; I-Con fig. 1",
			Purpose: "contrastive, with negatives from earlier batches, computed by a moving average",
		}, contrastive(moment, newMoCo, func(c *Contrast) { c.Temperature, c.Views, c.Bank, c.EMA = 0.2, true, 4096, 0.99 })),
		method.New(method.About{
			Name: "dcl", Supervisory: imagePairs, Learned: cosine + ", negatives corrected", Mapper: perceptron,
			Equation: "−1/n Σ_i ln P/(P + N g), g = max((m − τ⁺P)/(1 − τ⁺), e^(−1/τ))", Source: "Chuang et al. 2020, eq. 7",
			Purpose: "contrastive, for negatives that often belong to the point's own class",
			Undrawn: "The correction changes the sum over all negatives and gives none of them a probability of its own, so there is a loss but no q that sums to 1.",
		}, contrastive(corrected, newContrast(debiasedLoss, nil), func(c *Contrast) { c.Temperature, c.Views, c.Positive = 0.5, true, 0.1 })),
		method.New(method.About{
			Name: "vicreg", Supervisory: imagePairs, Learned: gaussian + " over directions, σ → ∞", Mapper: perceptron,
			Equation: "1/n Σ_i (Σ_j p_ij d²_ij − 1/(n−1) Σ_{j≠i} d²_ij), d over directions",
			Source:   "Bardes et al. 2022, without covariance; I-Con app.", Purpose: "invariance and variance", Undrawn: uniformLimit,
		}, contrastive(limit, newContrast(wideLoss, nil), func(c *Contrast) { c.Views = true })),
		method.New(method.About{
			Name: "triplet", Supervisory: imagePairs, Learned: gaussian + " over directions, σ → 0", Mapper: perceptron,
			Equation: "1/n Σ_i (Σ_j p_ij d²_ij − min_{k≠i} d²_ik), d over directions",
			Source:   "Schroff et al. 2015; I-Con app.", Purpose: "only the hardest negative",
			Undrawn: "As σ → 0, all of q goes to the nearest point: nothing is left to plot for the others.",
		}, contrastive(limit, newContrast(narrowLoss, nil), func(c *Contrast) { c.Views = true })),
	}
}

// alignments are the methods whose perceptrons learn from labels, from similarity, or from two sets of features.
func alignments() []method.Method {
	compared, paired := atTemperature(), atTemperature()
	paired.opposite = true
	compared.pairs = true
	paired.graph, paired.views, paired.candidates = false, false, partners
	tenth := func(c *Contrast) { c.Temperature = 0.1 }
	return []method.Method{
		method.New(method.About{
			Name: "supcon", Supervisory: "same label", Learned: cosine, Mapper: perceptron, Equation: byCosine,
			Source: "Khosla et al. 2020, eq. 2; I-Con table 1", Purpose: "contrastive, with labels", Needs: method.NeedsLabels,
		}, contrastive(atTemperature(), newContrast(cosineLoss, batchLabels), tenth)),
		method.New(method.About{
			Name: "xsample", Supervisory: "softmax of the features' cosines", Learned: cosine, Mapper: perceptron, Equation: byCosine,
			Source: "Sobal et al. 2025; I-Con table 1", Purpose: "soft targets from similarity",
		}, contrastive(compared, newContrast(cosineLoss, batchSimilarity), tenth)),
		method.New(method.About{
			Name: "cmc", Supervisory: "the same image in another view", Learned: cosine + ", across views", Mapper: "a perceptron for each view",
			Equation: byCosine + ", j in the other view, both ways", Source: "Tian et al. 2020; I-Con fig. 1",
			Purpose: "contrastive between views", Needs: method.NeedsViews,
		}, contrastive(paired, newPaired(otherViews), tenth)),
		method.New(method.About{
			Name: "clip", Supervisory: "the same image in a second set", Learned: cosine + ", across sets", Mapper: "a perceptron for each set",
			Equation: byCosine + ", j in the other set, both ways", Source: "Radford et al. 2021; I-Con table 1",
			Purpose: "two encoders, or two kinds of data, aligned", Needs: method.NeedsSecond,
		}, contrastive(paired, newPaired(secondSet), tenth)),
	}
}

// classifiers are the methods that learn given classes.
func classifiers() []method.Method {
	const prototypes = "the point's own class among prototypes"
	return []method.Method{
		method.New(method.About{
			Name: "cross-entropy", Supervisory: prototypes, Learned: "dot product with prototypes", Mapper: "linear",
			Equation: "−1/n Σ_i ln q_iy(i), q_ic ∝ exp(w_c·x_i + b_c)", Source: "I-Con table 1", Purpose: "softmax regression", Needs: method.NeedsLabels,
		}, newClasses),
		method.New(method.About{
			Name: "harmonic", Supervisory: prototypes, Learned: "power of the distance, ν = 2d − 1", Mapper: "linear",
			Equation: "−1/n Σ_i ln q_iy(i), q_ic ∝ ‖z_i − w_c‖^(−2d)", Source: "Baek et al. 2025; I-Con fig. 1",
			Purpose: "classes by distance, not by angle", Needs: method.NeedsLabels,
		}, contrastive(reads{graph: true, views: true}, newHarmonic, func(c *Contrast) { c.Epochs, c.Hidden = 60, 0 })),
	}
}

// onBatches are the settings of a method that compares the images of a batch.
func onBatches() reads {
	return reads{graph: true, views: true, shares: true, mapper: true, candidates: others}
}

// atTemperature are those of a method that compares them by their cosines.
func atTemperature() reads {
	r := onBatches()
	r.temperature = true
	return r
}
