package method

import (
	"errors"
	"fmt"

	"iconic/head/knn"
	"iconic/head/optim"
	"iconic/head/setting"
)

// Scaling determines whether features are scaled.
type Scaling struct{ Standardize bool }

// Scaled implements Scaler.
func (s Scaling) Scaled() bool { return s.Standardize }

// Settings returns the settings of the group.
func (s *Scaling) Settings() setting.List {
	return setting.List{setting.Bool("standardize", &s.Standardize, "scale every feature to mean 0 and variance 1; the scaling folds into the saved head")}
}

// Neighbourhood is the graph of nearest neighbours that a method learns from.
type Neighbourhood struct {
	Neighbours int // of each row, ≥ 1
	Metric     knn.Metric
	Search     knn.Search
}

// Near implements Grapher.
func (g Neighbourhood) Near() Neighbourhood { return g }

// Resolve replaces auto by a specific search, and lowers the number of neighbours to the number of other images.
func (g *Neighbourhood) Resolve(n int) (notes []string, err error) {
	if g.Neighbours >= n && n > 1 {
		notes = append(notes, fmt.Sprintf("neighbours %d of %d images: reduced to %d, all the others", g.Neighbours, n, n-1))
		g.Neighbours = n - 1
	}
	g.Search, err = g.Search.Resolve(n)
	return notes, err
}

// Settings returns the settings of the group.
func (g *Neighbourhood) Settings() setting.List {
	return setting.List{
		setting.Int("neighbours", &g.Neighbours, 1, 0, "number of nearest neighbours in the supervisory distribution").
			DefaultAtMost("the images of a cluster of equal size, minus one", func(n, clusters int) int { return max(1, n/clusters-1) }),
		setting.Choice("metric", &g.Metric, "distance between features for the neighbour search", knn.Cosine, knn.Euclidean),
		SearchSetting(&g.Search),
	}
}

// SearchSetting returns the setting for the method of neighbour search.
func SearchSetting(to *knn.Search) setting.Setting {
	return setting.Choice("neighbour-search", to, "method of neighbour search; auto compares all pairs up to 200,000 images", knn.SearchAuto, knn.SearchExact, knn.SearchApproximate).
		Unchanging("an approximate search that finds every true neighbour gives the same graph")
}

// Pairs determines which points an anchor is paired with as its neighbours.
type Pairs struct {
	Walk  int // largest number of steps along the graph to a neighbour: P + P² + … + Pᵗ, normalised; 0 and 1: direct neighbours only
	Views bool
}

// Settings returns the settings of the group.
func (p *Pairs) Settings() setting.List {
	return setting.List{
		setting.Int("walk", &p.Walk, 0, 100, "maximum number of steps along the neighbour graph to a neighbour; 0 and 1: direct neighbours only").
			Unchanging("0 and 1 are the same"),
		p.ViewSetting(),
	}
}

// ViewSetting returns only the setting use-views.
func (p *Pairs) ViewSetting() setting.Setting {
	return setting.Bool("use-views", &p.Views, "use augmented views of an image as its neighbours, if the features have them").
		Unchanging("features with one view have no others")
}

// Batches determines the number of rows per step.
type Batches struct {
	Batch        int // anchors and their neighbours together, or with BatchAnchors only the anchors
	BatchAnchors bool
}

// Settings returns the settings of the group.
func (b *Batches) Settings() setting.List {
	return setting.List{
		setting.Int("batch", &b.Batch, 2, 0, "rows per step, anchors and their neighbours together"),
		setting.Bool("batch-anchors", &b.BatchAnchors, "count only the anchors in batch, as some papers do"),
	}
}

// Anchors is the number of anchors in a batch.
func (b Batches) Anchors() int {
	if b.BatchAnchors {
		return b.Batch
	}
	return b.Batch / 2
}

// Steps is the number of whole batches in n rows.
func (b Batches) Steps(n int) int { return max(1, n/b.Anchors()) }

// Resolve shrinks a batch that is larger than the set, and notes that one row of an odd batch of anchors and their neighbours is not used.
func (b *Batches) Resolve(n int) (notes []string) {
	if b.Anchors() <= n {
		if !b.BatchAnchors && b.Batch%2 == 1 {
			notes = append(notes, fmt.Sprintf("a batch has a neighbour for each anchor: %d of %d rows are used", b.Batch-1, b.Batch))
		}
		return notes
	}
	was := b.Batch
	if b.Batch = 2 * n; b.BatchAnchors {
		b.Batch = n
		return []string{fmt.Sprintf("a batch of %d anchors is larger than the set: using all %d images instead", was, n)}
	}
	return []string{fmt.Sprintf("a batch of %d rows is larger than the set: using all %d images and one neighbour of each instead, %d rows", was, n, b.Batch)}
}

// Shrink lowers a batch of rows, without partners, to the n rows of the set, with a note.
func Shrink(batch *int, n int) (notes []string) {
	if *batch > n {
		notes = append(notes, fmt.Sprintf("a batch of %d rows is larger than the set: using all %d images instead", *batch, n))
		*batch = n
	}
	return notes
}

// Descent determines how long and how fast parameters are trained.
type Descent struct {
	Epochs       int
	LearningRate float64
	Schedule     string
	WarmUp       float64 // share of the training over which the rate rises from 0
}

// Settings returns the settings of the group; epochs is the meaning of that setting in the method.
func (d *Descent) Settings(epochs string) setting.List {
	return setting.List{
		setting.Int("epochs", &d.Epochs, 1, 0, epochs),
		setting.Positive("lr", &d.LearningRate, "learning rate"),
		d.scheduleSetting(), d.warmUpSetting(),
	}
}

func (d *Descent) scheduleSetting() setting.Setting {
	return setting.Choice("schedule", &d.Schedule, "schedule of the learning rate: step halves it at each third of the training", "step", "cosine", "constant")
}

func (d *Descent) warmUpSetting() setting.Setting {
	return setting.Share("warm-up", &d.WarmUp, "share of the training over which the learning rate rises from 0")
}

// Ruled is Settings for a method in which 0 epochs and a rate of 0 are replaced by rules.
func (d *Descent) Ruled(epochs, rate string) setting.List {
	return setting.List{
		setting.Int("epochs", &d.Epochs, 0, 0, epochs),
		setting.NotNegative("lr", &d.LearningRate, rate),
		d.scheduleSetting(), d.warmUpSetting(),
	}
}

// At returns the schedule.
func (d Descent) At() optim.Schedule {
	s := optim.Schedule{Kind: d.Schedule, WarmUp: d.WarmUp}
	if d.Schedule == "step" { // the paper halves every 10 of 30 epochs
		s.Parts, s.Factor = 3, 0.5
	}
	return s
}

// WeightDecay is the weight decay of AdamW.
type WeightDecay struct{ Decay float64 }

// Settings returns the settings of the group.
func (w *WeightDecay) Settings() setting.List {
	return setting.List{setting.NotNegative("weight-decay", &w.Decay, "weight decay of AdamW, as a share of the learning rate")}
}

// Shares are the uniform shares that debias p and q.
type Shares struct{ Alpha, Beta float64 }

// Settings returns the settings of the group: alpha sets both shares, unless sides or beta changes that.
func (s *Shares) Settings() setting.List {
	return setting.List{
		setting.Share("alpha", &s.Alpha, "uniform share of the supervisory distribution, and of the learned one unless beta or sides changes that").
			Also(func() { s.Beta = s.Alpha }),
		setting.Command("sides", "side", "target, learned or both", "which distributions alpha applies to", func(text string) error {
			switch text {
			case "target":
				s.Beta = 0
			case "learned":
				s.Alpha = 0
			case "both":
			default:
				return fmt.Errorf("sides %q: want target, learned or both", text)
			}
			return nil
		}),
		setting.Share("beta", &s.Beta, "uniform share of the learned distribution"),
	}
}

// Check fails on shares with which nothing can be learned. At β = 1, q̃ is uniform whatever the head, and its gradient 0. At α = 1, p̃ is
// uniform whatever the features, and the loss least where q is uniform, too: it says of no two points that they belong together.
func (s Shares) Check() error {
	switch {
	case s.Alpha == 1:
		return errors.New("alpha 1: the supervisory distribution is then uniform whatever the features are, so there is nothing to learn from: set alpha below 1")
	case s.Beta == 1:
		return errors.New("beta 1: the learned distribution is then uniform whatever has been learned, so nothing changes in the training: set beta below 1")
	}
	return nil
}
