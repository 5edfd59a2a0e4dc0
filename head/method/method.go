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

// Method is a way to learn clusters: a choice of supervisory distribution, learned distribution and mapper, or a rival of such.
type Method interface {
	About() About
	// Recipe is the method's settings at their defaults for a number of clusters, ready to be changed and to learn.
	Recipe(clusters int) Recipe
}

// Recipe is a method with its settings.
type Recipe interface {
	// Settings are all that the recipe reads, bound to its fields, in the order in which they are applied.
	Settings() setting.List
	// Resolve fits the settings to n rows of features: it turns rules into numbers, shrinks what is larger than the set, and tells what a
	// user would want to know. It fails where settings contradict each other.
	Resolve(n int) (notes []string, err error)
	// Learn finds a head, the clusters of the rows, or a representation of them. Its result depends on d and the settings alone, on any number of
	// workers.
	Learn(ctx context.Context, d *Data) (*Outcome, error)
}

// Scaler is a recipe that may want every feature at mean 0 and variance 1.
type Scaler interface{ Scaled() bool }

// Grapher is a recipe that learns from a graph of nearest neighbours, which Data then holds.
type Grapher interface{ Near() Neighbourhood }

// Sampler is a recipe that learns from a sample of large sets. Where it learns from fewer than all rows, Data holds the neighbours of some rows alone,
// by which clusters are judged.
type Sampler interface {
	// Sampled is how many of n rows it learns from.
	Sampled(n int) int
}

// About describes a method.
type About struct {
	Name        string `json:"name"`
	Supervisory string `json:"supervisory"` // p in words
	Learned     string `json:"learned"`     // q in words
	Mapper      string `json:"mapper"`
	Equation    string `json:"equation,omitempty"` // what is minimised
	Source      string `json:"source"`
	Purpose     string `json:"purpose"`
	Needs       Need   `json:"needs,omitempty"` // beyond features
	Takes       Need   `json:"takes,omitempty"` // beyond features, where it is given
	// Closed marks a method that computes in one piece, so that an interrupted training starts again.
	Closed bool `json:"closed_form,omitempty"`
	// Undrawn is why p and q around a point cannot be drawn, in a sentence; "" where an Outcome has Distributions.
	Undrawn string `json:"undrawn,omitempty"`
}

// Need is what a method wants besides features.
type Need string

const (
	NeedsLabels Need = "labels"         // a class for every row
	NeedsViews  Need = "views"          // augmented views of every image
	NeedsSecond Need = "second set"     // other features of the same images
	NeedsEdges  Need = "graph of edges" // which rows are connected, and how strongly
)

// Inputs are what a method learns from besides features; rows are those of the features.
type Inputs struct {
	Labels []int             // of every row
	Views  []matrix.Features // augmented views of the images
	Second matrix.Features   // another set of features of the same images
	Edges  []icon.Edge       // of a graph of the images
}

// Data is what a recipe learns from.
type Data struct {
	Inputs
	Features matrix.Features // scaled where the recipe asks for it; Views are scaled alike
	Raw      matrix.Features // as they are, whatever the recipe asks for
	Graph    *knn.Graph      // of nearest neighbours, as a Grapher wants them; else the ten nearest by cosine
	Clusters int
	Seed     uint64
	Workers  int // goroutines; all processors when < 1
	Run      *train.Run
}

// Outcome is what a recipe found: a Head, or a Vote of several; or else the cluster of every row, which a linear head then learns; or else a
// Representation, which k-means then clusters.
type Outcome struct {
	Head           *linear.Head   // over Data.Features
	Vote           *ensemble.Head // over Data.Features; where it is set, Head is not read
	Cluster        []int
	Representation []float32 // n×Dimensions; may stand beside the others
	Dimensions     int
	Loss           float64 // of the last epoch, or of the solution
	// Expected is the accuracy to be expected of the head on these rows, measured without labels; 0 where the recipe measures none.
	Expected float64
	Choice   string // how it chose among the clusterings that it had found, in a sentence without a full stop; "": it had one
	Notes    []string
	// Distributions makes p and q over the rows of Data when it is called, as long as the features can be read; it may take memory for all pairs of
	// rows. It is nil, or gives nil, where the method has an About.Undrawn.
	Distributions func(ctx context.Context) (*Distributions, error)
}
