package identity

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Inputs are what a training depends on besides its settings, each as a key; "" where there is none. Two trainings are one only if all
// are equal.
type Inputs struct {
	Features  string
	Rows, Dim int
	Labels    string // of every row, where the method learns from them
	Views     string // augmented views, where it learns from those
	Second    string // features of a second encoder
	Edges     string // of a graph
}

// Named is what besides features is there, by name, as a run folder keeps it.
func (in Inputs) Named() map[string]string {
	named := map[string]string{}
	for _, o := range in.others() {
		if o.key != "" {
			named[o.name] = o.key
		}
	}
	return named
}

// Recorded is the inputs of a run folder: the features' key and shape, and what Named gave.
func Recorded(features string, rows, dim int, named map[string]string) Inputs {
	return Inputs{Features: features, Rows: rows, Dim: dim, Labels: named["labels"], Views: named["views"], Second: named["second"], Edges: named["edges"]}
}

type other struct{ name, words, key string }

func (in Inputs) others() []other {
	return []other{
		{"labels", "labels", in.Labels}, {"views", "views", in.Views},
		{"second", "features of the second set", in.Second}, {"edges", "edges", in.Edges},
	}
}

// Other names what is different, "" where nothing is.
func (in Inputs) Other(was Inputs) string {
	if in.Features != was.Features || in.Rows != was.Rows || in.Dim != was.Dim {
		return "features"
	}
	var names []string
	before := was.others()
	for i, o := range in.others() {
		if o.key != before[i].key {
			names = append(names, o.words)
		}
	}
	return strings.Join(names, ", ")
}

// List is the key of labels or edges: of a slice that prints the same only where it is the same.
func List[T any](list []T) string { return fmt.Sprintf("%016x", xxhash.Sum64String(fmt.Sprint(list))) }
