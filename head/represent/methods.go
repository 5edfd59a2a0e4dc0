package represent

import (
	"context"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/regression"
	"iconic/head/setting"
	"iconic/head/train"
)

// preset is a method of this package: its description and its recipe.
type preset struct {
	about  method.About
	recipe func(clusters int) method.Recipe
}

// About implements method.Method.
func (p preset) About() method.About { return p.about }

// Recipe implements method.Method.
func (p preset) Recipe(clusters int) method.Recipe { return p.recipe(clusters) }

// Classes is softmax regression on labels.
type Classes struct {
	method.Scaling
	method.Descent
	method.WeightDecay
	Batch int
}

func newClasses(int) method.Recipe {
	return &Classes{
		Scaling: method.Scaling{Standardize: true}, Batch: regression.Batch,
		Descent: method.Descent{Epochs: 60, LearningRate: regression.Rate, Schedule: "cosine"},
	}
}

// Settings implements method.Recipe.
func (c *Classes) Settings() setting.List {
	return setting.Join(c.Scaling.Settings(), setting.List{setting.Int("batch", &c.Batch, 1, 0, "rows per step")},
		c.Descent.Settings("how often each image is seen"), c.WeightDecay.Settings())
}

// Resolve implements method.Recipe.
func (c *Classes) Resolve(n int) ([]string, error) {
	return method.Shrink(&c.Batch, n), nil
}

// Learn implements method.Recipe.
func (c *Classes) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	l, loss, err := regression.Train(ctx, d, "regression", d.Labels, regression.Options{
		Batch: c.Batch, Decay: c.Decay, Plan: train.Plan{Epochs: c.Epochs, Rate: c.LearningRate, Schedule: c.At()},
	})
	return &method.Outcome{Head: l, Loss: loss, Distributions: func(context.Context) (*method.Distributions, error) { return amongClasses(d, l) }}, err
}

// amongClasses returns the point's own class as p, and as q the softmax of the dot product of features, with a one appended for the bias,
// with prototypes.
func amongClasses(d *method.Data, l *linear.Head) (*method.Distributions, error) {
	p, err := icon.Prototypes(d.Labels, l.Clusters)
	if err != nil {
		return nil, err
	}
	n, dim := d.Features.Len(), d.Features.Dim()
	x, z, w := make([]float32, n*dim), make([]float32, 0, n*(dim+1)), make([]float32, 0, l.Clusters*(dim+1))
	if err := d.Features.Block(x, 0, n); err != nil {
		return nil, err
	}
	for i := range n {
		z = append(append(z, x[i*dim:(i+1)*dim]...), 1)
	}
	for c := range l.Clusters {
		w = append(append(w, l.Weight[c*dim:(c+1)*dim]...), l.Bias[c])
	}
	return &method.Distributions{Supervisory: p, Learned: icon.Dot{}, Z: z, Dim: dim + 1, Others: w, Candidates: method.ClassCandidates}, nil
}

// Methods returns the methods of this package.
func Methods() []method.Method {
	const (
		near, pairs, classes       = "nearest neighbours", "views of an image, or else neighbours", "same label"
		linear, perceptron, free   = "linear", "perceptron", "embedding table"
		gaussian, student, cosine  = "Gaussian", "Student-t, ν = 1", "cosine at a temperature"
		perplexed                  = "Gaussian neighbours at a perplexity"
		byGaussian, byStudent      = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ exp(−‖z_i−z_j‖²)", "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ 1/(1 + ‖z_i−z_j‖²)"
		byCosine                   = "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ exp(cos(z_i, z_j)/τ)"
		byGraph, byWidth, byFreely = "neighbours", "perplexity", "freedom"
	)
	views := reads{graph: true, views: true, shares: true, mapper: true, candidates: others}
	cosined := views
	cosined.temperature = true
	paired := cosined
	paired.graph, paired.views, paired.candidates = false, false, partners
	t := func(temperature float64) func(*Contrast) {
		return func(c *Contrast) { c.Temperature, c.Views = temperature, true }
	}
	plain := func(temperature float64) func(*Contrast) { return func(c *Contrast) { c.Temperature = temperature } }
	var heavy, moment, corrected, limit, straight = views, cosined, cosined, views, reads{graph: true, views: true}
	moment.candidates, corrected.pairs = keysAndBank, true
	compared := cosined
	compared.pairs = true
	heavy.freedom, moment.bank, corrected.positive, corrected.shares, limit.shares = true, true, true, false, false
	about := func(name, p, q, mapper, equation, source, purpose string) method.About {
		return method.About{Name: name, Supervisory: p, Learned: q, Mapper: mapper, Equation: equation, Source: source, Purpose: purpose}
	}
	needs := func(a method.About, n method.Need) method.About { a.Needs = n; return a }
	closed := func(a method.About) method.About { a.Closed = true; return a }
	undrawn := func(a method.About, why string) method.About { a.Undrawn = why; return a }
	const uniformLimit = "As σ → ∞, q becomes uniform over all others, whatever the representation: the method minimises the limit of the divergence scaled by 2σ²."
	return []method.Method{
		preset{closed(about("kmeans", "the point's own cluster, C", "Gaussian over the features, KL(C‖q) + entropy of C", "cluster assignment", "1/n Σ_i ‖x_i − μ_c(i)‖²", "Lloyd 1982; I-Con app.", "the classic algorithm")), newKMeans(false)},
		preset{closed(about("probabilistic-kmeans", "the point's own cluster, softly", "the same", "cluster assignment", "−1/n Σ_i ln Σ_c exp(−‖x_i − μ_c‖²/2σ²)", "Dempster et al. 1977; I-Con app.", "k-means with soft assignments: equal spherical Gaussians")), newKMeans(true)},
		preset{undrawn(closed(about("spectral", "neighbour graph with Gaussian weights", gaussian+", σ → ∞", free, "−trace(Vᵀ D^−½ A D^−½ V), VᵀV = 1", "Ng, Jordan and Weiss 2001; I-Con app.", "eigenvectors of the neighbour graph")), uniformLimit), newSpectral},
		preset{about("sne", perplexed, gaussian, free, byGaussian, "Hinton and Roweis 2002; I-Con table 1", "a map"), newMap(gaussianOver, mapGaussian, byWidth)},
		preset{about("tsne", perplexed, student, free, "Σ_ij p_ij ln(p_ij/q_ij), q_ij ∝ 1/(1 + ‖z_i−z_j‖²) over all pairs", "van der Maaten and Hinton 2008; I-Con table 1", "a map, by Barnes and Hut's approximation"), newTSNE},
		preset{about("dual-tsne", "Student-t over the features", gaussian, free, byGaussian, "I-Con fig. 1", "a map with the kernels of t-SNE exchanged"), newMap(studentOver, mapGaussian, byWidth, byFreely)},
		preset{about("doubly-tsne", "Student-t over the features", student, free, byStudent, "I-Con fig. 1", "a map with heavy tails on both sides"), newMap(studentOver, mapStudent, byWidth, byFreely)},
		preset{about("sne-uniform", near, gaussian, free, byGaussian, "I-Con fig. 1", "a map of the neighbour graph"), newMap(uniformOver, mapGaussian, byGraph)},
		preset{about("tsne-uniform", near, student, free, byStudent, "I-Con fig. 1", "a map of the neighbour graph"), newMap(uniformOver, mapStudent, byGraph)},
		preset{needs(about("sne-graph", "a graph's edges", gaussian, free, byGaussian, "I-Con fig. 1", "a map of a user's graph"), method.NeedsEdges), newMap(edgesOver, mapGaussian)},
		preset{needs(about("tsne-graph", "a graph's edges", student, free, byStudent, "I-Con fig. 1", "a map of a user's graph"), method.NeedsEdges), newMap(edgesOver, mapStudent)},
		preset{undrawn(closed(about("pca", "identity", gaussian+", σ → ∞", "linear, orthogonal", "−2 trace(W C Wᵀ), W Wᵀ = 1, C the covariance", "Pearson 1901; I-Con app.", "principal components")), uniformLimit), newPCA},
		preset{about("infonce", pairs, cosine, linear, byCosine, "van den Oord et al. 2018; I-Con table 1", "contrastive projection"),
			contrastive(cosined, newContrast(cosineLoss, nil), func(c *Contrast) { c.Temperature, c.Views, c.Hidden = 0.1, true, 0 })},
		preset{about("simclr", pairs, cosine, perceptron, byCosine, "Chen et al. 2020, eq. 1; I-Con table 1", "contrastive representation (NT-Xent)"), contrastive(cosined, newContrast(cosineLoss, nil), t(0.5))},
		preset{about("t-simclr", pairs, student, perceptron, "1/n Σ_i KL(p̃_i ‖ q̃_i), q_ij ∝ (1 + ‖z_i−z_j‖²/ν)^(−(ν+1)/2)", "Hu et al. 2022; I-Con fig. 1", "the same with a heavy-tailed kernel"),
			contrastive(heavy, newContrast(studentLoss, nil), func(c *Contrast) { c.Views, c.Freedom = true, 1 })},
		preset{about("moco", pairs, cosine+", against a memory bank", perceptron, byCosine+", j among keys and bank", "He et al. 2020, eq. 1; I-Con fig. 1", "contrastive, with negatives from earlier batches, computed by a moving average"),
			contrastive(moment, newMoCo, func(c *Contrast) { c.Temperature, c.Views, c.Bank, c.EMA = 0.2, true, 4096, 0.99 })},
		preset{undrawn(about("dcl", pairs, cosine+", negatives corrected", perceptron, "−1/n Σ_i ln P/(P + N g), g = max((m − τ⁺P)/(1 − τ⁺), e^(−1/τ))", "Chuang et al. 2020, eq. 7", "contrastive, for negatives that often belong to the point's own class"),
			"The correction changes the sum over all negatives and gives none of them a probability of its own, so there is a loss but no q that sums to 1."),
			contrastive(corrected, newContrast(debiasedLoss, nil), func(c *Contrast) { c.Temperature, c.Views, c.Positive = 0.5, true, 0.1 })},
		preset{undrawn(about("vicreg", pairs, gaussian+" over directions, σ → ∞", perceptron, "1/n Σ_i (Σ_j p_ij d²_ij − 1/(n−1) Σ_{j≠i} d²_ij), d over directions", "Bardes et al. 2022, without covariance; I-Con app.", "invariance and variance"), uniformLimit), contrastive(limit, newContrast(wideLoss, nil), t(0))},
		preset{undrawn(about("triplet", pairs, gaussian+" over directions, σ → 0", perceptron, "1/n Σ_i (Σ_j p_ij d²_ij − min_{k≠i} d²_ik), d over directions", "Schroff et al. 2015; I-Con app.", "only the hardest negative"),
			"As σ → 0, all of q goes to the nearest point: nothing is left to plot for the others."), contrastive(limit, newContrast(narrowLoss, nil), t(0))},
		preset{needs(about("supcon", classes, cosine, perceptron, byCosine, "Khosla et al. 2020, eq. 2; I-Con table 1", "contrastive, with labels"), method.NeedsLabels), contrastive(cosined, newContrast(cosineLoss, batchLabels), plain(0.1))},
		preset{about("xsample", "softmax of the features' cosines", cosine, perceptron, byCosine, "Sobal et al. 2025; I-Con table 1", "soft targets from similarity"), contrastive(compared, newContrast(cosineLoss, batchSimilarity), plain(0.1))},
		preset{needs(about("cmc", "the same image in another view", cosine+", across views", "a perceptron for each view", byCosine+", j in the other view, both ways", "Tian et al. 2020; I-Con fig. 1", "contrastive between views"), method.NeedsViews), contrastive(paired, newPaired(otherViews), plain(0.1))},
		preset{needs(about("clip", "the same image in a second set", cosine+", across sets", "a perceptron for each set", byCosine+", j in the other set, both ways", "Radford et al. 2021; I-Con table 1", "two encoders, or two kinds of data, aligned"), method.NeedsSecond), contrastive(paired, newPaired(secondSet), plain(0.1))},
		preset{needs(about("cross-entropy", "the point's own class among prototypes", "dot product with prototypes", linear, "−1/n Σ_i ln q_iy(i), q_ic ∝ exp(w_c·x_i + b_c)", "I-Con table 1", "softmax regression"), method.NeedsLabels), newClasses},
		preset{needs(about("harmonic", "the point's own class among prototypes", "power of the distance, ν = 2d − 1", linear, "−1/n Σ_i ln q_iy(i), q_ic ∝ ‖z_i − w_c‖^(−2d)", "Baek et al. 2025; I-Con fig. 1", "classes by distance, not by angle"), method.NeedsLabels),
			contrastive(straight, newHarmonic, func(c *Contrast) { c.Epochs, c.Hidden = 60, 0 })},
	}
}
