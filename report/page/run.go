package page

import (
	"context"
	"fmt"
	"image"
	"math"

	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/report"
	"iconic/report/inspection"
)

// Setting is a name and a value to show.
type Setting struct{ Name, Value string }

// Epoch is a point on the training curves.
type Epoch struct {
	Epoch int
	Loss  float64
	Rate  float64 // learning rate; 0: unknown
}

// Map is a layout of some items in the plane.
type Map struct {
	Rows []int     // items shown
	XY   []float32 // their coordinates, len(Rows)×2
	Note string    // how the layout was made
}

// Reference is another run whose calibration is plotted beside this one's.
type Reference struct {
	Name string // "α = 0"
	Bins []report.Bin
	ECE  report.Number
}

// Run is the content of the page of one run. Slices over items have one entry per item; nil parts are left out of the
// page, which then says what is missing.
type Run struct {
	Title    string
	Facts    []Setting // key facts: encoder, data, items, time, version
	Settings []Setting // every setting of the training
	Metrics  *report.Metrics
	History  []Epoch

	Supervised bool // the method learned from the labels
	Evaluation bool // a finished run was scored on these items later: there is no section on its training, and none on the map if there is none

	report.Assignments

	Counted   *Counted // how the number of clusters was estimated; nil: it was given
	Baseline  []int    // cluster of each item by k-means on the same features
	Reference *Reference
	Map       *Map
	Features  matrix.Features // to find neighbours among the pictured items
	Found     *inspection.Findings

	// Picture loads the image of an item, of any size, and returns the error of show, which it calls with it; the image is not used afterwards. It
	// is called from several goroutines concurrently. An error results in a grey tile; nil: the page has no images.
	Picture func(ctx context.Context, item int, show func(image.Image) error) error
	Workers int // goroutines; 0: one per CPU. It does not change the page
}

// check returns an error if the parts are inconsistent.
func (r *Run) check() error {
	n := len(r.Cluster)
	if err := r.Metrics.Check(); err != nil {
		return err
	}
	switch {
	case n == 0 || n != r.Metrics.N:
		return fmt.Errorf("%d assignments and metrics of %d items: want as many of each, at least 1", n, r.Metrics.N)
	case len(r.Paths) != n || len(r.Confidence) != n:
		return fmt.Errorf("%d paths and %d confidences of %d items", len(r.Paths), len(r.Confidence), n)
	case r.Labels != nil && len(r.Labels) != n:
		return fmt.Errorf("%d labels of %d items", len(r.Labels), n)
	case r.Baseline != nil && len(r.Baseline) != n:
		return fmt.Errorf("%d k-means assignments of %d items", len(r.Baseline), n)
	case r.Features != nil && r.Features.Len() != n:
		return fmt.Errorf("%d feature rows of %d items", r.Features.Len(), n)
	case r.Found != nil && r.Found.Images != n:
		return fmt.Errorf("findings in %d images of %d", r.Found.Images, n)
	}
	if err := r.checkItems(); err != nil {
		return err
	}
	for _, i := range r.foundItems() {
		if i < 0 || i >= n {
			return fmt.Errorf("a finding is of item %d of %d", i, n)
		}
	}
	return r.checkMap()
}

// checkItems checks the numbers of each item.
func (r *Run) checkItems() error {
	for i, c := range r.Cluster {
		if c < 0 || c >= r.Metrics.Clusters {
			return fmt.Errorf("item %d is in cluster %d of %d", i, c, r.Metrics.Clusters)
		}
		if p := r.Confidence[i]; !(p >= 0 && p <= 1) {
			return fmt.Errorf("item %d has the confidence %g: want 0 to 1", i, p)
		}
	}
	if r.labelled() {
		for i, y := range r.Labels {
			if y < report.NoLabel || y >= len(r.Metrics.Labelled.Classes) {
				return fmt.Errorf("item %d has label %d of %s", i, y, plural.Of(len(r.Metrics.Labelled.Classes), "class", "classes"))
			}
		}
	}
	most := max(len(r.Baseline), r.Metrics.Clusters) // clusters of k-means
	for i, b := range r.Baseline {
		if b < 0 || b >= most {
			return fmt.Errorf("k-means puts item %d into cluster %d: want 0 to %d", i, b, most-1)
		}
	}
	return nil
}

func (r *Run) checkMap() error {
	if r.Map == nil {
		return nil
	}
	if len(r.Map.XY) != 2*len(r.Map.Rows) {
		return fmt.Errorf("map of %d items has %d coordinates: want 2 each", len(r.Map.Rows), len(r.Map.XY))
	}
	for k, i := range r.Map.Rows {
		if i < 0 || i >= len(r.Cluster) {
			return fmt.Errorf("map shows item %d of %d", i, len(r.Cluster))
		}
		for _, v := range r.Map.XY[2*k : 2*k+2] {
			if v64 := float64(v); math.IsNaN(v64) || math.IsInf(v64, 0) {
				return fmt.Errorf("map places item %d at %v", i, r.Map.XY[2*k:2*k+2])
			}
		}
	}
	return nil
}

// labelled reports whether there are labels, so that assignments can be correct or wrong.
func (r *Run) labelled() bool { return r.Metrics.Labelled != nil && r.Labels != nil }

// classOf is the class matched to a cluster, which counts as correct there; −1: none.
func (r *Run) classOf(cluster int) int {
	if r.Metrics.Labelled == nil || cluster >= len(r.Metrics.Matching.ClassOfCluster) {
		return report.NoLabel
	}
	return r.Metrics.Matching.ClassOfCluster[cluster]
}

// nameOf is the name of a cluster; "": none.
func (r *Run) nameOf(cluster int) string {
	if cluster >= len(r.Names) {
		return ""
	}
	return r.Names[cluster]
}

// className is empty for no class.
func (r *Run) className(k int) string {
	if r.Metrics.Labelled == nil || k < 0 || k >= len(r.Metrics.Labelled.Classes) {
		return ""
	}
	return r.Metrics.Labelled.Classes[k]
}

// wrong reports whether an item has a label that is not its cluster's class.
func (r *Run) wrong(item int) bool {
	return r.labelled() && r.Labels[item] != report.NoLabel && r.Labels[item] != r.classOf(r.Cluster[item])
}
