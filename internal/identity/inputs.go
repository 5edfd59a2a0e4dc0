package identity

import (
	"fmt"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Inputs are what a training depends on besides its settings, each as a key; "" if there is none. Two trainings are the same only if all
// their inputs are equal.
type Inputs struct {
	Features  string
	Rows, Dim int
	Labels    string // labels of all rows, if the method learns from them
	Views     string // augmented views, if the method learns from them
	Second    string // features of a second encoder
	Edges     string // edges of a graph
}

// Named are the inputs other than the features, by name, as a run folder records them.
func (in Inputs) Named() map[string]string {
	named := map[string]string{}
	for _, o := range in.others() {
		if o.key != "" {
			named[o.name] = o.key
		}
	}
	return named
}

// Recorded returns the inputs recorded in a run folder, given the features' key and shape, and the result of Named.
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

// Other names the difference, "" if there is none.
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

// List is the key of labels or edges: any slice whose printed form identifies it.
func List[T any](list []T) string { return fmt.Sprintf("%016x", xxhash.Sum64String(fmt.Sprint(list))) }
