package method

import (
	"fmt"

	"iconic/head/icon"
)

// Distributions holds the p and q of a trained recipe, over the n rows that it learned from, for plotting.
type Distributions struct {
	Supervisory icon.Supervisory // p(·|i), without its uniform share; each of n rows is over the candidates
	Alpha       float64          // uniform share of p

	Learned icon.Learned // q, over the representation
	Z       []float32    // n×Dim: the representation of every row, or its logits if Learned is icon.Cluster
	Dim     int
	Others  []float32 // m×Dim: the candidates' representations; nil if the candidates are the rows themselves
	Beta    float64   // uniform share of q

	Candidates Candidates
	Note       string // how the plot differs from the training, in a sentence without a full stop; "": it does not
}

// Candidates are the points over which p and q are distributions.
type Candidates string

const (
	RowCandidates    Candidates = "the rows themselves"                               // each row is a candidate of every other
	SecondCandidates Candidates = "the same images in another set, in the same order" // for two encoders of the same images
	ClassCandidates  Candidates = "prototypes, one for each class"                    // for classification
)

// Count is the number of candidates.
func (d *Distributions) Count() int {
	if d.Others == nil {
		return len(d.Z) / d.Dim
	}
	return len(d.Others) / d.Dim
}

// P returns p̃(·|i) over the candidates. It sums to 1, or to Alpha if i has no neighbours. It fails on a row out of range.
func (d *Distributions) P(i int) ([]float64, error) {
	if i < 0 || i >= d.Supervisory.Len() {
		return nil, fmt.Errorf("row %d of %d", i, d.Supervisory.Len())
	}
	p := make([]float64, d.Count())
	column, weight := d.Supervisory.Row(i)
	for e, j := range column {
		p[j] = float64(weight[e])
	}
	icon.Debias(p, d.Alpha, d.own(i))
	return p, nil
}

// Q returns q̃(·|i) over the candidates, which sums to 1. It fails on a row out of range.
func (d *Distributions) Q(i int) ([]float64, error) {
	q := make([]float64, d.Count())
	n := len(d.Z) / d.Dim
	var err error
	if d.Others == nil {
		err = icon.Conditional(q, d.Learned, d.Z, n, d.Dim, i)
	} else {
		err = icon.ConditionalBetween(q, d.Learned, d.Z, d.Others, n, len(q), d.Dim, i)
	}
	if err != nil {
		return nil, err
	}
	icon.Debias(q, d.Beta, d.own(i))
	return q, nil
}

// own returns i if a row is not its own candidate, and −1 otherwise: under the cluster kernel, which includes the point, and with other
// candidates.
func (d *Distributions) own(i int) int {
	if _, keeps := d.Learned.(icon.Cluster); keeps || d.Others != nil {
		return -1
	}
	return i
}
