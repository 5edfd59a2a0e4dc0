package head

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/gonum/mat"

	"iconic/head/icon"
	"iconic/internal/dense"
	"iconic/internal/densetest"
)

const cloudSeed = 5

// inputs gives a method all that any wants, for rows of clouds i mod k: labels, a noisy view, a second set, edges within clouds.
func inputs(m *dense.Rows, k int) Options {
	n := m.Len()
	o := Options{Second: densetest.Clouds(77, n, 5, k, 4)}
	o.Views = []Features{&dense.Rows{Width: m.Width, X: densetest.Clouds(cloudSeed, 2*n, m.Width, k, 5).X[n*m.Width:]}} // the same clouds
	for i := range n {
		o.Labels = append(o.Labels, i%k)
		for _, step := range []int{k, 7 * k, 23 * k} {
			o.Edges = append(o.Edges, icon.Edge{From: i, To: (i + step) % n, Weight: 1})
		}
	}
	return o
}

// Every method by its preset, on clouds that lie apart: the linear head that it ends in finds them.
func TestEveryMethodFindsSeparatedClouds(t *testing.T) {
	const n, d, k = 240, 8, 4
	m := densetest.Clouds(cloudSeed, n, d, k, 5)
	for _, method := range Methods() {
		t.Run(method.Name, func(t *testing.T) {
			c, err := Preset(method.Name, k)
			if err != nil {
				t.Fatal(err)
			}
			c.Seed, c.Batch, c.Heads = 1, 128, 8 // one head alone may end with two clouds in a cluster
			if method.Name == "turtle" || method.Name == "temi" {
				c.Epochs = 2000 // of one small step each
			} else if c.Epochs == 0 || c.Epochs > 100 {
				c.Epochs = 100
			}
			if testing.Short() {
				c.Epochs, c.Heads = 3, 1
			}
			o := inputs(m, k)
			r, err := Train(context.Background(), m, c, o)
			if err != nil {
				t.Fatal(err)
			}
			if p := purity(t, r.Head, m, k); p < 0.95 && !testing.Short() {
				t.Errorf("%.3f of the points are with their cloud", p)
			}
			if method.learn == nil && r.Representation != nil || r.Representation != nil && len(r.Representation) != n*r.Dimensions {
				t.Errorf("a representation of %d numbers in %d dimensions", len(r.Representation), r.Dimensions)
			}
			o.Workers = 3
			again, err := Train(context.Background(), m, c, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.Head, again.Head); diff != "" {
				t.Errorf("another number of workers gives other bits: %s", diff)
			}
		})
	}
}

func TestMethodsSayWhatTheyNeed(t *testing.T) {
	const n, k = 60, 3
	m := densetest.Clouds(5, n, 4, k, 5)
	all := inputs(m, k)
	for _, method := range Methods() {
		if method.Needs == "" {
			continue
		}
		c, err := Preset(method.Name, k)
		if err != nil {
			t.Fatal(err)
		}
		c.Perplexity = min(c.Perplexity, 10)
		if err := c.ValidateInputs(n, all); err != nil {
			t.Errorf("%s with everything: %v", method.Name, err)
		}
		if _, err := Train(context.Background(), m, c, Options{}); err == nil || !strings.Contains(err.Error(), "method "+method.Name) {
			t.Errorf("%s with nothing: %v", method.Name, err)
		}
	}
	for name, o := range map[string]Options{
		"labels of another length":     {Labels: all.Labels[1:]},
		"a label beyond the clusters":  {Labels: append([]int{k}, all.Labels[1:]...)},
		"an image without a label":     {Labels: append([]int{-1}, all.Labels[1:]...)},
		"views of another length":      {Labels: all.Labels, Views: []Features{densetest.Clouds(1, n-1, 4, k, 5)}},
		"a second set of other length": {Labels: all.Labels, Second: densetest.Clouds(1, n+1, 4, k, 5)},
	} {
		c, err := Preset("supcon", k)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ValidateInputs(n, o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for want, change := range map[string]func(*Config){
		"perplexity 21 of 60 images: want 1 to 20": func(c *Config) { c.Perplexity = 21 },
		"tau-plus":     func(c *Config) { c.Positive = 1 },
		"temperature":  func(c *Config) { c.Temperature = math.NaN() },
		"freedom":      func(c *Config) { c.Freedom = -1 },
		"divergence":   func(c *Config) { c.Divergence = "euclid" },
		"walk":         func(c *Config) { c.Walk = -1 },
		"did you mean": func(c *Config) { c.Method = "simclrr" },
	} {
		c := Default(k)
		change(&c)
		if err := c.Validate(n); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The projection of the pca preset spans gonum's principal subspace: the largest principal angle is below 1e-3.
func TestPCAIsThePrincipalSubspace(t *testing.T) {
	const n, d, k = 500, 12, 3
	m := clouds(3, n, d, 5, 2)
	c, err := Preset("pca", 2)
	if err != nil {
		t.Fatal(err)
	}
	c.Dimensions = k
	tr, err := prepare(context.Background(), m, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := learnPCA(context.Background(), tr)
	if err != nil {
		t.Fatal(err)
	}
	x := mat.NewDense(n, d, nil)
	for i := range n {
		for e := range d {
			x.Set(i, e, float64(m.X[i*d+e]))
		}
	}
	for e := range d {
		mean := mat.Sum(x.ColView(e)) / n
		for i := range n {
			x.Set(i, e, x.At(i, e)-mean)
		}
	}
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		t.Fatal("no singular values")
	}
	var u mat.Dense
	svd.UTo(&u)
	// z spans the space of the first k left singular vectors: its projection on them keeps its length.
	z := mat.NewDense(n, k, nil)
	for i, v := range found.z {
		z.Set(i/k, i%k, float64(v))
	}
	var qr mat.QR
	qr.Factorize(z)
	var q mat.Dense
	qr.QTo(&q)
	var overlap mat.Dense
	overlap.Mul(u.Slice(0, n, 0, k).T(), q.Slice(0, n, 0, k))
	var cosines mat.SVD
	if !cosines.Factorize(&overlap, mat.SVDNone) {
		t.Fatal("no angles")
	}
	least := cosines.Values(nil)[k-1]
	if angle := math.Acos(min(1, least)); !(angle < 1e-3) {
		t.Errorf("largest angle to the principal subspace %g", angle)
	}
}

// KL(C‖q) + H(C) less ln Z, for the clusters of the kmeans preset, is Lloyd's objective over σ²; and no point gains by changing its cluster.
func TestKMeansIsTheTheoremsObjective(t *testing.T) {
	const n, d, k, variance = 200, 5, 4, 1.7
	m := densetest.Clouds(2, n, d, k, 1)
	c, err := Preset("kmeans", k)
	if err != nil {
		t.Fatal(err)
	}
	c.Standardize = false
	r, err := Train(context.Background(), m, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cluster := make([]int, n)
	for i := range n {
		z := make([]float32, k)
		r.Head.logits(z, m.Row(i), 1)
		for c, v := range z {
			if v > z[cluster[i]] {
				cluster[i] = c
			}
		}
	}
	square := func(i, j int) float64 {
		s := 0.0
		for e := range d {
			v := float64(m.Row(i)[e]) - float64(m.Row(j)[e])
			s += v * v
		}
		return s
	}
	objective := func() float64 { // Σ_i Σ_j C_ij ‖x_i−x_j‖²/2σ²
		var size [k]float64
		for _, c := range cluster {
			size[c]++
		}
		total := 0.0
		for i := range n {
			for j := range n {
				if cluster[i] == cluster[j] {
					total += square(i, j) / size[cluster[i]] / (2 * variance)
				}
			}
		}
		return total
	}
	least := objective()
	if lloyd := r.Loss * n / variance; math.Abs(least-lloyd) > 5e-3*lloyd {
		t.Errorf("KL(C‖q) + H(C) − ln Z is %g, Lloyd's objective over σ² %g", least, lloyd)
	}
	for i := 0; i < n; i += 17 {
		own := cluster[i]
		for c := range k {
			cluster[i] = c
			if changed := objective(); changed < least*(1-1e-3) {
				t.Errorf("point %d in cluster %d, not %d: %g, less than %g", i, c, own, changed, least)
			}
		}
		cluster[i] = own
	}
}
