package head

import (
	"context"
	"fmt"
	"math"

	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/optim"
	"iconic/internal/sparse"
)

// Methods that Train knows by name. The first three are one clustering with different settings; so are those that Methods lists as
// clusterings. The others learn a representation, and clusters on it.
const (
	MethodDefault = "debiased-infonce-clustering"
	MethodPaper   = "icon-paper" // the paper's section 4
	MethodInfoNCE = "infonce-clustering"
)

// Method is a row of the table of methods: a choice of supervisory distribution, learned distribution and mapper.
type Method struct {
	Name        string `json:"name"`
	Supervisory string `json:"supervisory"`
	Learned     string `json:"learned"`
	Mapper      string `json:"mapper"`
	Source      string `json:"source"`
	Purpose     string `json:"purpose"`
	Needs       Need   `json:"needs,omitempty"` // beyond features

	preset func(clusters int) Config
	// learn finds a representation of every row, or clusters at once; nil: the clustering of Train.
	learn func(ctx context.Context, t *training) (*learned, error)
}

// Need is what a method wants besides features.
type Need string

const (
	NeedsLabels Need = "labels"         // Options.Labels
	NeedsViews  Need = "views"          // Options.Views
	NeedsSecond Need = "second set"     // Options.Second
	NeedsEdges  Need = "graph of edges" // Options.Edges
)

// Preset is the configuration that a method's name stands for; it fails on an unknown name, suggesting the nearest.
func Preset(method string, clusters int) (Config, error) {
	m, err := MethodOf(method)
	if err != nil {
		return Config{}, err
	}
	c := m.preset(clusters)
	c.Method = m.Name
	return c, nil
}

// MethodOf finds a method by name; it fails on an unknown one, suggesting the nearest.
func MethodOf(name string) (Method, error) {
	var names []string
	for _, m := range Methods() {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return Method{}, fmt.Errorf("method %q is not known: did you mean %q?", name, nearestName(name, names))
}

// ValidateInputs checks that the method of c gets what it needs for n rows.
func (c Config) ValidateInputs(n int, o Options) error {
	m, err := MethodOf(c.Method)
	if err != nil {
		return err
	}
	switch m.Needs {
	case NeedsLabels:
		if o.Labels == nil {
			return fmt.Errorf("method %s learns from labels, and there are none: give a store with class folders, or --labels with a matrix", c.Method)
		}
		if len(o.Labels) != n {
			return fmt.Errorf("method %s: %d labels of %d images", c.Method, len(o.Labels), n)
		}
		for i, l := range o.Labels {
			if l < 0 || l >= c.Clusters {
				return fmt.Errorf("method %s: label %d of image %d: want every image labelled with 0 to %d, as many labels as --clusters", c.Method, l, i, c.Clusters-1)
			}
		}
	case NeedsViews:
		if len(o.Views) == 0 {
			return fmt.Errorf("method %s compares views of an image, and the features have one: extract with --views 2", c.Method)
		}
	case NeedsSecond:
		if o.Second == nil {
			return fmt.Errorf("method %s pairs two sets of features, and there is one: name the other with --second", c.Method)
		}
	case NeedsEdges:
		if len(o.Edges) == 0 {
			return fmt.Errorf("method %s lays out a graph, and there is none: give its edges with --graph edges.csv", c.Method)
		}
		if _, err := icon.Graph(n, o.Edges); err != nil {
			return err
		}
	}
	for _, v := range o.Views {
		if v.Len() != n {
			return fmt.Errorf("a view has %d rows, the features %d: want the same images in the same order", v.Len(), n)
		}
	}
	if o.Second != nil && o.Second.Len() != n {
		return fmt.Errorf("the second set has %d rows, the first %d: want the same images in the same order", o.Second.Len(), n)
	}
	return nil
}

// validateMethod checks the settings that only some methods have.
func (c Config) validateMethod(n int) error {
	m, err := MethodOf(c.Method)
	if err != nil {
		return err
	}
	preset := m.preset(c.Clusters)
	for name, v := range map[string][2]float64{
		"temperature": {preset.Temperature, c.Temperature}, "freedom": {preset.Freedom, c.Freedom},
		"perplexity": {preset.Perplexity, c.Perplexity}, "dimensions": {float64(preset.Dimensions), float64(c.Dimensions)},
	} {
		if v[0] > 0 && !(v[1] > 0) {
			return fmt.Errorf("%s %g: method %s wants a positive number", name, v[1], c.Method)
		}
	}
	if _, err := divergence(c.Divergence); err != nil {
		return err
	}
	switch {
	case c.Walk < 0 || c.Walk > 100:
		return fmt.Errorf("walk %d: want 0 to 100 steps", c.Walk)
	case c.Dimensions < 0 || c.Dimensions > 1<<14:
		return fmt.Errorf("dimensions %d: want 1 to 16384", c.Dimensions)
	case c.Hidden < 0 || c.Hidden > 1<<14:
		return fmt.Errorf("hidden %d: want 1 to 16384, or 0 for a linear map", c.Hidden)
	case !(c.Temperature >= 0 && c.Temperature < math.Inf(1)):
		return fmt.Errorf("temperature %g: want a positive number", c.Temperature)
	case c.Perplexity != 0 && !(c.Perplexity >= 1 && c.Perplexity <= float64(n)/3):
		return fmt.Errorf("perplexity %g of %d images: want 1 to %g, a third of them", c.Perplexity, n, math.Floor(float64(n)/3))
	case !(c.Freedom >= 0 && c.Freedom < math.Inf(1)):
		return fmt.Errorf("freedom %g: want a positive number", c.Freedom)
	case !(c.Positive >= 0 && c.Positive < 1):
		return fmt.Errorf("tau-plus %g: want a share from 0, below 1", c.Positive)
	case c.Bank < 0:
		return fmt.Errorf("bank %d: want 0 or more", c.Bank)
	}
	return nil
}

// divergence is the one of that name; nil is the fused KL.
func divergence(name string) (icon.Divergence, error) {
	switch name {
	case "", "kl":
		return nil, nil
	case "reverse-kl":
		return icon.ReverseKL{}, nil
	case "jensen-shannon":
		return icon.JensenShannon{}, nil
	case "total-variation":
		return icon.TotalVariation{}, nil
	case "hellinger":
		return icon.Hellinger{}, nil
	}
	return nil, fmt.Errorf("divergence %q: want kl, reverse-kl, jensen-shannon, total-variation or hellinger", name)
}

// with changes a preset.
func with(preset func(int) Config, change func(*Config)) func(int) Config {
	return func(clusters int) Config {
		c := preset(clusters)
		change(&c)
		return c
	}
}

// single is the default recipe with the best of several heads, with many clusters of one, as it is.
var single = with(Default, func(c *Config) {
	c.Heads, c.Consensus, c.Refine = min(8, max(1, 160/max(1, c.Clusters))), false, 0
})

// undebiased is that without uniform shares.
var undebiased = with(single, func(c *Config) { c.Alpha, c.Beta = 0, 0 })

// contrastive is the recipe of the methods that train a mapper on batches: cosine kernel, a perceptron of one hidden layer.
func contrastive(temperature float64) func(int) Config {
	return with(undebiased, func(c *Config) {
		c.Batch, c.Epochs, c.MinSteps, c.LearningRate, c.Heads = 1024, 20, 1, 1e-3, 1
		c.Dimensions, c.Hidden, c.Temperature = 64, 256, temperature
	})
}

// layout is the recipe of the methods that place points freely.
var layout = with(undebiased, func(c *Config) {
	c.Dimensions, c.Perplexity, c.Heads, c.Epochs, c.LearningRate = 2, 30, 1, 500, 0.1
})

// Methods are those that Preset knows, the default first.
func Methods() []Method {
	const (
		neighbours, pairs, classes = "nearest neighbours", "views of an image, else neighbours", "same label"
		kernel, linear, perceptron = "cluster kernel", "linear", "perceptron"
		gaussian, student, cosine  = "Gaussian", "Student-t, ν = 1", "cosine at a temperature"
		perplexed, free            = "Gaussian neighbours of a perplexity", "embedding table"
	)
	return []Method{
		{Name: MethodDefault, Supervisory: neighbours + ", debiased", Learned: kernel + ", debiased", Mapper: linear, Source: "I-Con sec. 3.4 and 4",
			Purpose: "clusters with a calibrated confidence; the default, on standardised features", preset: Default},
		{Name: MethodPaper, Supervisory: "neighbours, and views where there are, debiased", Learned: kernel + ", debiased", Mapper: linear, Source: "I-Con sec. 4",
			Purpose: "the paper's recipe, on features as they are", preset: Paper},
		{Name: MethodInfoNCE, Supervisory: pairs, Learned: kernel, Mapper: linear, Source: "I-Con sec. 3.3",
			Purpose: "the same without debiasing, for comparison", preset: with(undebiased, func(c *Config) { c.Views = true })},
		{Name: "pmi", Supervisory: neighbours, Learned: kernel, Mapper: linear, Source: "Adaloglou et al. 2023, eq. 5 at β = 1; I-Con app.",
			Purpose: "mutual information of neighbours' clusters: the loss less ln n", preset: undebiased},
		{Name: "dcd", Supervisory: neighbours, Learned: kernel, Mapper: linear, Source: "Yang, Corander and Oja 2016; I-Con fig. 1",
			Purpose: "data-cluster-data random walks, on features as they are", preset: with(undebiased, func(c *Config) { c.Standardize = false })},
		{Name: "normalized-cuts", Supervisory: "neighbour graph with Gaussian weights", Learned: kernel, Mapper: linear, Source: "Shi and Malik 2000; I-Con fig. 1",
			Purpose: "cuts of a weighted neighbour graph", preset: undebiased},
		{Name: "supervised-clustering", Supervisory: classes, Learned: kernel, Mapper: linear, Source: "I-Con fig. 1", Needs: NeedsLabels,
			Purpose: "clusters of the labels themselves: the most that a linear head can do", preset: undebiased},
		{Name: "variational-bayes", Supervisory: neighbours + ", debiased", Learned: kernel, Mapper: linear, Source: "I-Con app.; Beyond I-Con",
			Purpose: "the divergence turned round, KL(q‖p): clusters that leave neighbours out rather than take strangers in",
			preset: with(single, func(c *Config) {
				c.Divergence, c.Batch, c.Alpha, c.Beta = "reverse-kl", 1024, max(0.1, c.Alpha), 0
			})},
		{Name: "kmeans", Supervisory: "one's own cluster, C", Learned: "Gaussian over the features, KL(C‖q) + entropy of C", Mapper: "cluster assignment", Source: "Lloyd 1982; I-Con app.",
			Purpose: "the classic", preset: undebiased, learn: learnKMeans},
		{Name: "probabilistic-kmeans", Supervisory: "one's own cluster, softly", Learned: "the same", Mapper: "cluster assignment", Source: "Dempster et al. 1977; I-Con app.",
			Purpose: "k-means with soft assignments: equal spherical Gaussians", preset: undebiased, learn: learnSoftKMeans},
		{Name: "spectral", Supervisory: "neighbour graph with Gaussian weights", Learned: gaussian + ", σ → ∞", Mapper: free, Source: "Ng, Jordan and Weiss 2001; I-Con app.",
			Purpose: "eigenvectors of the neighbour graph", preset: undebiased, learn: learnSpectral},
		{Name: "sne", Supervisory: perplexed, Learned: gaussian, Mapper: free, Source: "Hinton and Roweis 2002; I-Con table 1",
			Purpose: "a map", preset: layout, learn: freely(gaussianOver, mapGaussian)},
		{Name: "tsne", Supervisory: perplexed, Learned: student, Mapper: free, Source: "van der Maaten and Hinton 2008; I-Con table 1",
			Purpose: "a map, by Barnes and Hut's approximation", preset: with(layout, func(c *Config) { c.Epochs = 750 }), learn: learnTSNE},
		{Name: "dual-tsne", Supervisory: "Student-t over the features", Learned: gaussian, Mapper: free, Source: "I-Con fig. 1",
			Purpose: "a map with the kernels of t-SNE exchanged", preset: with(layout, func(c *Config) { c.Freedom = 1 }), learn: freely(studentOver, mapGaussian)},
		{Name: "doubly-tsne", Supervisory: "Student-t over the features", Learned: student, Mapper: free, Source: "I-Con fig. 1",
			Purpose: "a map with heavy tails on both sides", preset: with(layout, func(c *Config) { c.Freedom = 1 }), learn: freely(studentOver, mapStudent)},
		{Name: "sne-uniform", Supervisory: neighbours, Learned: gaussian, Mapper: free, Source: "I-Con fig. 1",
			Purpose: "a map of the neighbour graph", preset: layout, learn: freely(uniformOver, mapGaussian)},
		{Name: "tsne-uniform", Supervisory: neighbours, Learned: student, Mapper: free, Source: "I-Con fig. 1",
			Purpose: "a map of the neighbour graph", preset: layout, learn: freely(uniformOver, mapStudent)},
		{Name: "sne-graph", Supervisory: "a graph's edges", Learned: gaussian, Mapper: free, Source: "I-Con fig. 1", Needs: NeedsEdges,
			Purpose: "a map of a graph of one's own", preset: layout, learn: freely(edgesOver, mapGaussian)},
		{Name: "tsne-graph", Supervisory: "a graph's edges", Learned: student, Mapper: free, Source: "I-Con fig. 1", Needs: NeedsEdges,
			Purpose: "a map of a graph of one's own", preset: layout, learn: freely(edgesOver, mapStudent)},
		{Name: "pca", Supervisory: "identity", Learned: gaussian + ", σ → ∞", Mapper: "linear, orthogonal", Source: "Pearson 1901; I-Con app.",
			Purpose: "principal components", preset: with(undebiased, func(c *Config) { c.Standardize, c.Dimensions = false, 50 }), learn: learnPCA},
		{Name: "infonce", Supervisory: pairs, Learned: cosine, Mapper: linear, Source: "van den Oord et al. 2018; I-Con table 1",
			Purpose: "contrastive projection", preset: with(contrastive(0.1), func(c *Config) { c.Views, c.Hidden = true, 0 }), learn: contrast(cosineLoss, batchPairs)},
		{Name: "simclr", Supervisory: pairs, Learned: cosine, Mapper: perceptron, Source: "Chen et al. 2020, eq. 1; I-Con table 1",
			Purpose: "contrastive representation (NT-Xent)", preset: with(contrastive(0.5), func(c *Config) { c.Views = true }), learn: contrast(cosineLoss, batchPairs)},
		{Name: "t-simclr", Supervisory: pairs, Learned: student, Mapper: perceptron, Source: "Hu et al. 2022; I-Con fig. 1",
			Purpose: "the same with a heavy-tailed kernel", preset: with(contrastive(0), func(c *Config) { c.Views, c.Freedom = true, 1 }), learn: contrast(studentLoss, batchPairs)},
		{Name: "moco", Supervisory: pairs, Learned: cosine + ", against a memory bank", Mapper: perceptron, Source: "He et al. 2020, eq. 1; I-Con fig. 1",
			Purpose: "contrastive, with remembered negatives and a moving average that makes them", preset: with(contrastive(0.2), func(c *Config) { c.Views, c.Bank, c.EMA = true, 4096, 0.99 }), learn: learnMoCo},
		{Name: "dcl", Supervisory: pairs, Learned: cosine + ", negatives corrected", Mapper: perceptron, Source: "Chuang et al. 2020, eq. 7",
			Purpose: "contrastive, when negatives are often of one's own kind", preset: with(contrastive(0.5), func(c *Config) { c.Views, c.Positive = true, 0.1 }), learn: contrast(debiasedLoss, batchPairs)},
		{Name: "vicreg", Supervisory: pairs, Learned: gaussian + " over directions, σ → ∞", Mapper: perceptron, Source: "Bardes et al. 2022, without covariance; I-Con app.",
			Purpose: "invariance and variance", preset: with(contrastive(0), func(c *Config) { c.Views = true }), learn: contrast(wideLoss, batchPairs)},
		{Name: "triplet", Supervisory: pairs, Learned: gaussian + " over directions, σ → 0", Mapper: perceptron, Source: "Schroff et al. 2015; I-Con app.",
			Purpose: "the hardest negative alone", preset: with(contrastive(0), func(c *Config) { c.Views = true }), learn: contrast(narrowLoss, batchPairs)},
		{Name: "supcon", Supervisory: classes, Learned: cosine, Mapper: perceptron, Source: "Khosla et al. 2020, eq. 2; I-Con table 1", Needs: NeedsLabels,
			Purpose: "contrastive, with labels", preset: contrastive(0.1), learn: contrast(cosineLoss, batchLabels)},
		{Name: "xsample", Supervisory: "softmax of the features' cosines", Learned: cosine, Mapper: perceptron, Source: "Sobal et al. 2025; I-Con table 1",
			Purpose: "soft targets from similarity", preset: contrastive(0.1), learn: contrast(cosineLoss, batchSimilarity)},
		{Name: "cmc", Supervisory: "the same image in another view", Learned: cosine + ", across views", Mapper: "a perceptron a view", Source: "Tian et al. 2020; I-Con fig. 1", Needs: NeedsViews,
			Purpose: "contrastive between views", preset: with(contrastive(0.1), func(c *Config) { c.Views = true }), learn: learnPaired(firstView)},
		{Name: "clip", Supervisory: "the same image in a second set", Learned: cosine + ", across sets", Mapper: "a perceptron a set", Source: "Radford et al. 2021; I-Con table 1", Needs: NeedsSecond,
			Purpose: "two encoders, or two kinds of data, brought together", preset: contrastive(0.1), learn: learnPaired(secondSet)},
		{Name: "cross-entropy", Supervisory: "one's own class among prototypes", Learned: "dot product with prototypes", Mapper: linear, Source: "I-Con table 1", Needs: NeedsLabels,
			Purpose: "softmax regression", preset: with(contrastive(0), func(c *Config) { c.Epochs, c.Dimensions, c.Hidden = 60, 0, 0 }), learn: learnClasses},
		{Name: "harmonic", Supervisory: "one's own class among prototypes", Learned: "power of the distance, ν = 2d − 1", Mapper: linear, Source: "Baek et al. 2025; I-Con fig. 1", Needs: NeedsLabels,
			Purpose: "classes by distance, not by angle", preset: with(contrastive(0), func(c *Config) { c.Epochs, c.Hidden = 60, 0 }), learn: learnHarmonic},
		{Name: "temi", Supervisory: "nearest neighbours, weighted by the teachers' agreement", Learned: "a rival: PMI of student and teacher", Mapper: "linear, many heads", Source: "Adaloglou et al. 2023",
			Purpose: "comparison on the same features", preset: with(undebiased, func(c *Config) {
				c.Neighbours, c.Batch, c.Epochs, c.LearningRate, c.Heads, c.Temperature, c.WeightDecay = 50, 1024, 100, 1e-4, 16, 0.1, 1e-4
				c.Standardize, c.Schedule = false, optim.Schedule{Kind: "constant"}
			}), learn: learnTEMI},
		{Name: "scan", Supervisory: neighbours, Learned: "a rival: agreement of neighbours, entropy of clusters", Mapper: linear, Source: "Van Gansbeke et al. 2020",
			Purpose: "comparison on the same features", preset: with(undebiased, func(c *Config) {
				c.Neighbours, c.Batch, c.Epochs, c.LearningRate, c.Heads = 50, 2048, 100, 5, 10
				c.Standardize, c.Schedule = false, optim.Schedule{Kind: "constant"}
			}), learn: learnSCAN},
		{Name: "turtle", Supervisory: "labels that a linear classifier learns in a few steps", Learned: "a rival: that classifier", Mapper: "linear, weight-normalised", Source: "Gadetsky et al. 2024",
			Purpose: "comparison on the same features", preset: with(undebiased, func(c *Config) {
				c.Batch, c.Epochs, c.LearningRate, c.Heads, c.Standardize = 10000, 6000, turtleRate, 1, false
			}), learn: learnTurtle},
	}
}

// weighted gives the edges of a graph the weights exp(−d²_ij/(d_i d_j)), d_i being the distance to i's last neighbour (self-tuning:
// Zelnik-Manor and Perona 2004).
func weighted(g *knn.Graph) []float32 {
	last := func(i int32) float64 { return max(1e-12, float64(g.Distances[(int(i)+1)*g.K-1])) }
	w := make([]float32, len(g.Neighbours))
	for i := range g.N {
		for e, j := range g.Row(i) {
			d := float64(g.Distances[i*g.K+e])
			w[i*g.K+e] = float32(math.Exp(-d * d / (last(int32(i)) * last(j))))
		}
	}
	return w
}

// running turns weights of K edges a row into running sums.
func running(w []float32, k int) []float32 {
	for i := 0; i < len(w); i += k {
		for e := 1; e < k; e++ {
			w[i+e] += w[i+e-1]
		}
	}
	return w
}

// gradient is a loss over one set of points: cluster.Loss, icon.Loss and its limits.
type gradient interface {
	Gradient(ctx context.Context, dz, z []float32, n, d int, p *sparse.Rows) (float64, error)
}
