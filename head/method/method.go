package method

import (
	"context"

	"iconic/head/ensemble"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/matrix"
)

// Method is a way to learn clusters: a choice of supervisory distribution, learned distribution and mapper, or a rival method.
type Method interface {
	About() About
	// Recipe returns the method's settings with their defaults for a number of clusters, ready to be changed and to learn.
	Recipe(clusters int) Recipe
}

// New returns the method that about describes, whose recipe for a number of clusters a function makes.
func New[R Recipe](about About, recipe func(clusters int) R) Method {
	return described[R]{about, recipe}
}

type described[R Recipe] struct {
	about  About
	recipe func(clusters int) R
}

// About implements Method.
func (m described[R]) About() About { return m.about }

// Recipe implements Method.
func (m described[R]) Recipe(clusters int) Recipe { return m.recipe(clusters) }

// Recipe is a method with its settings.
type Recipe interface {
	// Settings returns all settings that the recipe reads, bound to its fields, in the order in which they are applied.
	Settings() setting.List
	// Resolve adapts the settings to n rows of features: it replaces rules by numbers, reduces sizes larger than the set, and returns notes
	// for the user. It fails if settings contradict each other.
	Resolve(n int) (notes []string, err error)
	// Learn finds a head, the clusters of the rows, or a representation of them. The result depends only on d and the settings, not on the
	// number of workers.
	Learn(ctx context.Context, d *Data) (*Outcome, error)
}

// Scaler is a recipe that may need every feature at mean 0 and variance 1.
type Scaler interface{ Scaled() bool }

// Grapher is a recipe that learns from a graph of nearest neighbours, which Data then holds.
type Grapher interface{ Near() Neighbourhood }

// Sized is a recipe whose memory grows with the width of the features.
type Sized interface {
	// CheckSize fails if learning from features of dim numbers in a row, and from a second set with second numbers, needs far too much memory. second is
	// 0 if there is no second set.
	CheckSize(dim, second int) error
}

// Sampler is a recipe that learns from a sample of large sets. If it learns from fewer than all rows, Data holds the neighbours of only
// some rows, for evaluating the clusters.
type Sampler interface {
	// Sampled is the number of rows, of n, that it learns from.
	Sampled(n int) int
}

// About describes a method.
type About struct {
	Name        string `json:"name"`
	Supervisory string `json:"supervisory"` // description of p
	Learned     string `json:"learned"`     // description of q
	Mapper      string `json:"mapper"`
	Equation    string `json:"equation,omitempty"` // the objective that is minimised
	Source      string `json:"source"`
	Purpose     string `json:"purpose"`
	Needs       Need   `json:"needs,omitempty"` // required besides features
	Takes       Need   `json:"takes,omitempty"` // used besides features, if given
	// Closed marks a method that computes in one piece, so that an interrupted training starts again.
	Closed bool `json:"closed_form,omitempty"`
	// Undrawn is the reason, in a sentence, why p and q around a point cannot be plotted; "" if an Outcome has Distributions.
	Undrawn string `json:"undrawn,omitempty"`
}

// Need is an input that a method needs besides features.
type Need string

const (
	NeedsLabels Need = "labels"         // a class for every row
	NeedsViews  Need = "views"          // augmented views of every image
	NeedsSecond Need = "second set"     // other features of the same images
	NeedsEdges  Need = "graph of edges" // which rows are connected, and how strongly
)

// Inputs are a method's inputs besides features; their rows are those of the features.
type Inputs struct {
	Labels []int             // labels of every row
	Views  []matrix.Features // augmented views of the images
	Second matrix.Features   // another set of features of the same images
	Edges  []icon.Edge       // edges of a graph of the images
}

// Data is the input of a recipe.
type Data struct {
	Inputs
	Features matrix.Features // standardised if the recipe requires it, otherwise in a unit of ordinary size; Views are scaled in the same way
	Raw      matrix.Features // not standardised, whatever the recipe requires
	Graph    *knn.Graph      // graph of nearest neighbours, as a Grapher requires; otherwise the ten nearest by cosine
	Clusters int
	Seed     uint64
	Workers  int // goroutines; all processors when < 1
	Run      *train.Run
}

// Outcome is the result of a recipe: a Head, or a Vote of several; or else the cluster of every row, which a linear head then learns; or else
// a Representation, which k-means then clusters.
type Outcome struct {
	Head           *linear.Head   // on Data.Features
	Vote           *ensemble.Head // on Data.Features; if it is set, Head is ignored
	Cluster        []int
	Representation []float32 // n×Dimensions; may be set together with the others
	Dimensions     int
	Loss           float64 // by which the solution was found, of the last epoch or of the solution; a head that then learned its clusters has another
	// Expected is the expected accuracy of the head on these rows, measured without labels; 0 if the recipe measures none.
	Expected float64
	Choice   string   // how it chose among the clusterings that it found, in a sentence without a full stop; "": it found one
	Notes    []string // what it did otherwise than one might expect
	Findings []string // what it found and expects, in sentences
	// Fill says how its clusters would all get rows, for a warning of empty ones: an imperative without a full stop. "": other settings or methods may.
	Fill string
	// Distributions computes p and q over the rows of Data when called, as long as the features can be read; it may need memory for all
	// pairs of rows. It is nil, or returns nil, if the method has an About.Undrawn.
	Distributions func(ctx context.Context) (*Distributions, error)
}
