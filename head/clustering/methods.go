package clustering

import (
	"math"

	"iconic/head/knn"
	"iconic/head/method"
)

// Default returns the recommended settings of debiased InfoNCE for that many clusters: neighbours on standardised features, and longer
// training than the paper's. docs/results.md shows its results.
func Default(clusters int) *Recipe {
	return &Recipe{
		Shares:        method.Shares{Alpha: DefaultAlpha(clusters), Beta: DefaultAlpha(clusters)},
		Scaling:       method.Scaling{Standardize: true},
		Neighbourhood: method.Neighbourhood{Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchAuto},
		Batches:       method.Batches{Batch: 4096},
		Descent:       method.Descent{Schedule: "step"},
		Sample:        defaultSample, MaxSteps: defaultMaxSteps, LeastGain: defaultLeastGain,
		MinSteps: 240, Divergence: "kl", Heads: DefaultHeads(clusters), Consensus: true, Refine: DefaultRefine(clusters), votes: true,
	}
}

// defaultSample is the number of rows of a batch of 4,096 over which the uniform share is estimated. docs/performance.md shows the gain in
// speed, and docs/methods.md that accuracy and calibration stay within the spread of the exact form.
const defaultSample = 256

// Limits on the steps of a round, however many rows there are; docs/methods.md has the curve.
const defaultMaxSteps, defaultLeastGain = 2000, 0.002

// Paper is the recipe of the I-Con paper's section 4: unscaled features, p from augmented views, if the features have them, and three
// nearest neighbours, 30 epochs of Adam at 1e-3 halved every 10, batches of 4096 rows.
func Paper(clusters int) *Recipe {
	r := Default(clusters)
	r.Alpha, r.Beta = 0.6, 0.6
	r.Standardize, r.Neighbours, r.Heads, r.Consensus, r.Views, r.Refine = false, 3, 1, false, true, 0
	r.Epochs, r.MinSteps, r.LearningRate = 30, 1, 1e-3
	r.Sample, r.MaxSteps, r.LeastGain, r.votes = 0, 0, 0, false
	return r
}

// DefaultHeads is the number of heads trained for their consensus, or for the best of them by loss: 8 up to 100 clusters, 4 up to 200. A
// head's time grows with its clusters, so beyond that there is one.
func DefaultHeads(clusters int) int {
	switch {
	case clusters <= 100:
		return 8
	case clusters <= 200:
		return 4
	}
	return 1
}

// DefaultRefine is the number of times that p is reweighted: twice if a single head is trained, whose share of neighbours in one cluster
// then rises by 0.9 to 1.5 points (docs/results.md). That measure uses no labels. Combined heads are not refined: refined heads grow more
// confident, and their consensus is no better.
func DefaultRefine(clusters int) int {
	if DefaultHeads(clusters) > 1 {
		return 0
	}
	return 2
}

// DefaultAlpha is the uniform share for a number of clusters: few clusters need little, about 1/K, since nearly all their neighbours are
// right; hundreds need the paper's 0.6 to 0.8. Between 10 and 100 clusters it rises linearly in ln K from 0.1 to 0.7.
func DefaultAlpha(clusters int) float64 {
	const few, many, low, high = 10.0, 100.0, 0.1, 0.7
	k := min(many, max(few, float64(clusters)))
	share := math.Log(k/few) / math.Log(many/few)
	return math.Round(100*(low+share*(high-low))) / 100
}

// single is the default recipe with the best of several heads, or one head if there are many clusters, without refinement.
func single(clusters int) *Recipe {
	r := Default(clusters)
	r.Heads, r.Consensus, r.Refine, r.votes = min(8, max(1, 160/max(1, clusters))), false, 0, false
	return r
}

// undebiased is single without uniform shares, and with one change.
func undebiased(change func(*Recipe)) func(int) *Recipe {
	return func(clusters int) *Recipe {
		r := single(clusters)
		r.Alpha, r.Beta, r.Sample = 0, 0, 0
		change(r)
		return r
	}
}

// Methods returns the methods of this package.
func Methods() []method.Method {
	const (
		near, kernel, linear = "nearest neighbours", "cluster kernel", "linear"
		equation             = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij = Σ_c φ_ic φ_jc / Σ_k φ_kc, φ = softmax(W x + b)"
	)
	same := func(*Recipe) {}
	return []method.Method{
		method.New(method.About{Name: "debiased-infonce-clustering", Supervisory: near + ", debiased", Learned: kernel + ", debiased", Mapper: linear, Equation: equation, Source: "I-Con sec. 3.4 and 4",
			Purpose: "clusters of about the same size by the I-Con paper's loss, on standardised features, from an ensemble of heads"}, Default),
		method.New(method.About{Name: "icon-paper", Supervisory: "neighbours, and views if there are any, debiased", Learned: kernel + ", debiased", Mapper: linear, Equation: equation, Source: "I-Con sec. 4",
			Purpose: "the paper's recipe, on unscaled features"}, Paper),
		method.New(method.About{Name: "infonce-clustering", Supervisory: "views of an image, or else neighbours", Learned: kernel, Mapper: linear, Equation: equation, Source: "I-Con sec. 3.3",
			Purpose: "the same without debiasing, for comparison"}, undebiased(func(r *Recipe) { r.Views = true })),
		method.New(method.About{Name: "pmi", Supervisory: near, Learned: kernel, Mapper: linear, Equation: equation, Source: "Adaloglou et al. 2023, eq. 5 at β = 1; I-Con app.",
			Purpose: "mutual information of neighbours' clusters: the loss minus ln n"}, undebiased(same)),
		method.New(method.About{Name: "dcd", Supervisory: near, Learned: kernel, Mapper: linear, Equation: equation, Source: "Yang, Corander and Oja 2016; I-Con fig. 1",
			Purpose: "data-cluster-data random walks, on unscaled features"}, undebiased(func(r *Recipe) { r.Standardize = false })),
		method.New(method.About{Name: "normalized-cuts", Supervisory: "neighbour graph with Gaussian weights", Learned: kernel, Mapper: linear, Equation: equation, Source: "Shi and Malik 2000; I-Con fig. 1",
			Purpose: "cuts of a weighted neighbour graph"}, undebiased(func(r *Recipe) { r.kind = weightedNeighbours })),
		method.New(method.About{Name: "supervised-clustering", Supervisory: "same label", Learned: kernel, Mapper: linear, Equation: equation, Source: "I-Con fig. 1", Needs: method.NeedsLabels,
			Purpose: "clusters learned from the labels: an upper bound for a linear head"}, undebiased(func(r *Recipe) { r.kind = labels })),
		method.New(method.About{Name: "variational-bayes", Supervisory: near + ", debiased", Learned: kernel, Mapper: linear, Equation: "1/n Σ_i KL(q_i ‖ p̃_i), q the cluster kernel", Source: "I-Con app.; Beyond I-Con",
			Purpose: "the reversed divergence, KL(q‖p): clusters that exclude some neighbours rather than include non-neighbours"},
			func(clusters int) *Recipe {
				r := single(clusters)
				r.Divergence, r.Batch, r.Alpha, r.Beta, r.exact = "reverse-kl", 1024, max(0.1, r.Alpha), 0, true
				return r
			}),
	}
}
