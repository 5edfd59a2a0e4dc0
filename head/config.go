package head

import (
	"fmt"
	"math"

	"iconic/head/knn"
	"iconic/head/optim"
)

// Config holds every setting of a training that shows in its result. Default gives values with their reasons; Validate
// names what is out of range.
type Config struct {
	Method   string `json:"method"`   // the preset's name
	Clusters int    `json:"clusters"` // K ≥ 2
	Seed     uint64 `json:"seed"`

	Alpha float64 `json:"alpha"` // uniform share of the supervisory distribution, 0 to 1
	Beta  float64 `json:"beta"`  // uniform share of the learned distribution, 0 to 1

	// Standardize scales every feature to mean 0 and variance 1 for the graph and the training; the scaling folds into the
	// saved head.
	Standardize bool       `json:"standardize"`
	Neighbours  int        `json:"neighbours"` // nearest neighbours that p is made of, ≥ 1
	Metric      knn.Metric `json:"metric"`     // of the neighbours
	// Search is how neighbours are looked for: each row compared with every other, or by lists where there are very many.
	Search knn.Search `json:"neighbour_search"`
	// Refine is how often p is weighted anew by the head's own assignments, edge (i, j) by Σ_c φ_ic φ_jc, and the training
	// continued for half its epochs at half its rate.
	Refine int `json:"refine"`

	// Batch counts the rows of a step, anchors and their sampled neighbours together, or with BatchAnchors the anchors alone.
	// A batch larger than the set shrinks.
	Batch        int  `json:"batch"`
	BatchAnchors bool `json:"batch_anchors"`
	// Epochs is how often every row is an anchor; 0: as often as MinSteps asks, and no less than 60 times, or 30 where heads vote.
	Epochs   int `json:"epochs"`
	MinSteps int `json:"min_steps"`
	// LearningRate is Adam's; 0: 0.72 over the number of steps, kept between 1e-3 and 3e-3.
	LearningRate float64        `json:"learning_rate"`
	WeightDecay  float64        `json:"weight_decay"`
	Schedule     optim.Schedule `json:"schedule"`
	// EMA is the decay of the moving average of the weights, whose head is the one saved; 0: no average.
	EMA float64 `json:"ema"`
	// Heads trained at once on the same batches, each from its own start; the one of least loss over the last epoch is kept, or with
	// Consensus a head that learns what those of about the least loss say together (consensus.go).
	Heads     int  `json:"heads"`
	Consensus bool `json:"consensus,omitempty"`

	// Walk is the most steps along the graph that lead to a point that counts as a neighbour: P + P² + … + Pᵗ, normalised; 0 and 1:
	// neighbours alone.
	Walk int `json:"walk,omitempty"`
	// Views lets augmented views of an image count as its neighbours, where the features have them.
	Views bool `json:"views,omitempty"`
	// Divergence of the clustering methods: "" and "kl", "reverse-kl", "jensen-shannon", "total-variation" or "hellinger".
	Divergence string `json:"divergence,omitempty"`

	// Of methods that learn a representation, which k-means then clusters:
	Dimensions  int     `json:"dimensions,omitempty"`  // numbers of a representation
	Hidden      int     `json:"hidden,omitempty"`      // width of the perceptron's hidden layer; 0: a linear map
	WeightNorm  bool    `json:"weight_norm,omitempty"` // of the perceptron's last layer
	Temperature float64 `json:"temperature,omitempty"` // of the cosine kernel, > 0
	Perplexity  float64 `json:"perplexity,omitempty"`  // of Gaussian neighbours, at most a third of the images
	Freedom     float64 `json:"freedom,omitempty"`     // degrees of freedom of Student's t, > 0
	Positive    float64 `json:"tau_plus,omitempty"`    // share of negatives that are of a point's own kind, 0 to below 1
	Bank        int     `json:"bank,omitempty"`        // representations remembered as negatives
}

// Default is the tool's own recipe for that many clusters: neighbours on standardised features, and longer training than the
// paper's. docs/results.md says what it reaches.
func Default(clusters int) Config {
	return Config{
		Method: MethodDefault, Clusters: clusters,
		Alpha: DefaultAlpha(clusters), Beta: DefaultAlpha(clusters),
		Standardize: true, Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchAuto,
		Batch: 4096, MinSteps: 240,
		Schedule: optim.Schedule{Kind: "step", Parts: 3, Factor: 0.5},
		Heads:    DefaultHeads(clusters), Consensus: true,
		Refine: DefaultRefine(clusters),
	}
}

// DefaultHeads is how many heads are trained for their consensus, or the best of them by loss: 8 up to 100 clusters, 4 up to 200. A head
// costs time with its clusters, and beyond there is one.
func DefaultHeads(clusters int) int {
	switch {
	case clusters <= 100:
		return 8
	case clusters <= 200:
		return 4
	}
	return 1
}

// Paper is the recipe of the I-Con paper's section 4: features as they are, p from augmented views where the features have them and three
// nearest neighbours, 30 epochs of Adam at 1e-3 halved every 10, 4096 rows a batch.
func Paper(clusters int) Config {
	c := Default(clusters)
	c.Method = MethodPaper
	c.Alpha, c.Beta = 0.6, 0.6
	c.Standardize, c.Neighbours, c.Heads, c.Consensus, c.Views, c.Refine = false, 3, 1, false, true, 0
	c.Epochs, c.MinSteps, c.LearningRate = 30, 1, 1e-3
	return c
}

// DefaultRefine is how often p is weighted anew: twice where a single head is trained, whose share of neighbours in one cluster rises
// by it by 0.9 to 1.5 points (docs/results.md). That measure sees no label. Where heads vote they are left as they are: refined ones grow
// surer, and their vote is no better.
func DefaultRefine(clusters int) int {
	if DefaultHeads(clusters) > 1 {
		return 0
	}
	return 2
}

// DefaultAlpha is the uniform share for a number of clusters: few clusters want little, about 1/K, since all their neighbours
// are likely right; hundreds want the paper's 0.6 to 0.8. Between 10 and 100 clusters it goes linearly in ln K from 0.1 to 0.7.
func DefaultAlpha(clusters int) float64 {
	const few, many, low, high = 10.0, 100.0, 0.1, 0.7
	k := min(many, max(few, float64(clusters)))
	share := math.Log(k/few) / math.Log(many/few)
	return math.Round(100*(low+share*(high-low))) / 100
}

// Validate checks c against a set of n rows, before any work.
func (c Config) Validate(n int) error {
	switch {
	case c.Clusters < 2:
		return fmt.Errorf("clusters %d: want at least 2", c.Clusters)
	case c.Clusters > n:
		return fmt.Errorf("clusters %d of %d images: want no more clusters than there are images", c.Clusters, n)
	case !share(c.Alpha):
		return fmt.Errorf("alpha %g: want a number from 0 to 1 (the uniform share of p)", c.Alpha)
	case !share(c.Beta):
		return fmt.Errorf("beta %g: want a number from 0 to 1 (the uniform share of q)", c.Beta)
	case c.Neighbours < 1 || c.Neighbours >= n:
		return fmt.Errorf("neighbours %d of %d images: want at least 1 and fewer than there are images", c.Neighbours, n)
	case c.Metric != knn.Cosine && c.Metric != knn.Euclidean:
		return fmt.Errorf("metric %q: want %q or %q", c.Metric, knn.Cosine, knn.Euclidean)
	case c.Refine < 0 || c.Refine > 10:
		return fmt.Errorf("refine %d: want 0 to 10 rounds", c.Refine)
	case c.Batch < 2:
		return fmt.Errorf("batch %d: want at least 2 rows, an anchor and its neighbour", c.Batch)
	case c.Epochs < 0:
		return fmt.Errorf("epochs %d: want at least 1, or 0 for enough of them", c.Epochs)
	case c.MinSteps < 0:
		return fmt.Errorf("min-steps %d: want 0 or more", c.MinSteps)
	case !(c.LearningRate >= 0 && c.LearningRate < math.Inf(1)):
		return fmt.Errorf("lr %g: want a positive number, or 0 for the rule", c.LearningRate)
	case !(c.WeightDecay >= 0 && c.WeightDecay < math.Inf(1)):
		return fmt.Errorf("weight-decay %g: want 0 or more", c.WeightDecay)
	case !(c.EMA >= 0 && c.EMA < 1):
		return fmt.Errorf("ema %g: want a decay from 0, below 1", c.EMA)
	case c.Heads < 1 || c.Heads > 64:
		return fmt.Errorf("heads %d: want 1 to 64", c.Heads)
	}
	if _, err := c.Search.Resolve(n); err != nil {
		return err
	}
	if err := c.validateMethod(n); err != nil {
		return err
	}
	return c.Schedule.Validate()
}

// share tells whether x is a number from 0 to 1; NaN is not.
func share(x float64) bool { return x >= 0 && x <= 1 }

// Resolve fits c to a set of n rows: a batch larger than the set shrinks, and epochs and learning rate follow their rules
// where they are 0. It returns what it changed that a user would want to know.
func (c Config) Resolve(n int) (Config, []string) {
	var notes []string
	if anchors := c.anchors(); anchors > n {
		was := c.Batch
		if c.BatchAnchors {
			c.Batch = n
		} else {
			c.Batch = 2 * n
		}
		notes = append(notes, fmt.Sprintf("batch %d is larger than the set of %d images: it is now %d", was, n, c.Batch))
	}
	if search, err := c.Search.Resolve(n); err == nil { // Validate tells
		c.Search = search
	}
	perEpoch := c.stepsPerEpoch(n)
	if c.Epochs == 0 {
		least := 60
		if c.Consensus && c.Heads > 1 {
			least = 30
		}
		c.Epochs = max(least, (c.MinSteps+perEpoch-1)/perEpoch)
	}
	if c.LearningRate == 0 {
		c.LearningRate = min(3e-3, max(1e-3, 0.72/float64(c.Epochs*perEpoch)))
	}
	return c, notes
}

// anchors of a batch.
func (c Config) anchors() int {
	if c.BatchAnchors {
		return c.Batch
	}
	return c.Batch / 2
}

// stepsPerEpoch is how many whole batches n rows make.
func (c Config) stepsPerEpoch(n int) int { return max(1, n/c.anchors()) }
