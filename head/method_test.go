package head

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"iconic/head/icon"
	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

const cloudSeed = 5

// inputs returns all inputs that any method needs, for rows of clouds i mod k: labels, a noisy view, a second set, edges within clouds.
func inputs(m *matrix.Dense, k int) Inputs {
	n := m.Len()
	in := Inputs{Second: densetest.Clouds(77, n, 5, k, 4)}
	in.Views = []Features{&matrix.Dense{Width: m.Width, X: densetest.Clouds(cloudSeed, 2*n, m.Width, k, 5).X[n*m.Width:]}} // the same clouds
	for i := range n {
		in.Labels = append(in.Labels, i%k)
		for _, step := range []int{k, 7 * k, 23 * k} {
			in.Edges = append(in.Edges, icon.Edge{From: i, To: (i + step) % n, Weight: 1})
		}
	}
	return in
}

// Every method with its preset, on well separated clouds: the linear head at the end finds them.
func TestEveryMethodFindsSeparatedClouds(t *testing.T) {
	once(t)
	const n, d, k = 240, 8, 4
	m := densetest.Clouds(cloudSeed, n, d, k, 5)
	for _, one := range methods.All() {
		name := one.About().Name
		t.Run(name, func(t *testing.T) {
			c, err := Preset(name, k)
			if err != nil {
				t.Fatal(err)
			}
			c.Seed = 1
			some(t, &c, "batch", 128)
			some(t, &c, "heads", 8) // a single head may end with two clouds in a cluster
			switch {
			case name == "turtle" || name == "temi":
				some(t, &c, "epochs", 2000) // one small step per epoch
			case name == "tsne-uniform" || name == "tsne-graph":
				some(t, &c, "epochs", 1000) // after 100, k-means on the map divides one cloud and joins two
			case c.Text("epochs") == "0" || len(c.Text("epochs")) > 2:
				some(t, &c, "epochs", 100)
			}
			r, err := Train(context.Background(), m, inputs(m, k), c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if p := purity(t, r.Head, m, k); p < 0.95 {
				t.Errorf("%.3f of the points are in their cloud's cluster", p)
			}
			if r.Representation != nil && len(r.Representation) != n*r.Dimensions {
				t.Errorf("a representation of %d numbers in %d dimensions", len(r.Representation), r.Dimensions)
			}
		})
	}
}

// some changes a setting if the method has it.
func some(t testing.TB, c *Config, name string, value any) {
	t.Helper()
	if _, reads := c.Settings[name]; reads {
		change(t, c, name, value)
	}
}

func TestMethodsSayWhatTheyNeed(t *testing.T) {
	const n, k = 60, 3
	m := densetest.Clouds(5, n, 4, k, 5)
	all := inputs(m, k)
	for _, one := range methods.All() {
		about := one.About()
		if about.Needs == "" {
			continue
		}
		c, err := Preset(about.Name, k)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.ValidateInputs(m, all); err != nil {
			t.Errorf("%s with everything: %v", about.Name, err)
		}
		if _, err := Train(context.Background(), m, Inputs{}, c, Options{}); err == nil || !strings.Contains(err.Error(), "method "+about.Name) {
			t.Errorf("%s with nothing: %v", about.Name, err)
		}
	}
	for name, in := range map[string]Inputs{
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
		err = c.ValidateInputs(m, in)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if name == "a label beyond the clusters" && !strings.Contains(err.Error(), fmt.Sprintf("learns the %d classes of the labels, which do not fit into %d clusters: ask for at least %d", k+1, k, k+1)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, c := range map[string]struct {
		method, name string
		value        any
	}{
		"perplexity 20 of 60 images: want 1 to 19": {"sne", "perplexity", 20},
		"tau-plus 1: want a share":                 {"dcl", "tau-plus", 1},
		"temperature NaN: want a positive number":  {"simclr", "temperature", math.NaN()},
		"freedom -1: want a positive number":       {"t-simclr", "freedom", -1},
		`divergence "euclid": want kl`:             {"pmi", "divergence", "euclid"},
		"walk -1: want 0 to 100":                   {"pmi", "walk", -1},
		"weight-norm true: a linear map has":       {"infonce", "weight-norm", true},
		"with alpha 0: KL(q‖p) is infinite":        {"pmi", "divergence", "reverse-kl"},
		"set alpha above 0, such as to 0.1":        {"variational-bayes", "sides", "learned"},
	} {
		config, err := Preset(c.method, k)
		if err != nil {
			t.Fatal(err)
		}
		change(t, &config, c.name, c.value)
		if err := config.Validate(n); err == nil || !strings.Contains(err.Error(), want) {
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
	change(t, &c, "dimensions", k)
	found := learn(t, m, c, Options{})
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
	for i, v := range found.Representation {
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

// KL(C‖q) + H(C) less ln Z, for the clusters of the kmeans preset, equals Lloyd's objective over σ², and no point gains by changing its
// cluster.
func TestKMeansIsTheTheoremsObjective(t *testing.T) {
	const n, d, k, variance = 200, 5, 4, 1.7
	m := densetest.Clouds(2, n, d, k, 1)
	c, err := Preset("kmeans", k)
	if err != nil {
		t.Fatal(err)
	}
	change(t, &c, "standardize", false)
	r := learn(t, m, c, Options{})
	cluster := make([]int, n)
	for i := range n {
		z := make([]float32, k)
		r.Head.Block(z, m.Row(i), 1)
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

func TestDefaultsShrinkForSmallSets(t *testing.T) {
	for _, c := range []struct {
		method, name string
		n, k         int
		chosen       bool
		want         any
	}{
		{"debiased-infonce-clustering", "neighbours", 2, 2, false, 1},
		{"debiased-infonce-clustering", "neighbours", 3, 2, false, 1},
		{"debiased-infonce-clustering", "neighbours", 6, 2, false, 2},
		{"debiased-infonce-clustering", "neighbours", 6, 2, true, 10},
		{"debiased-infonce-clustering", "neighbours", 22, 2, false, 10},
		{"debiased-infonce-clustering", "neighbours", 600, 10, false, 10},
		{"icon-paper", "neighbours", 6, 2, false, 2},
		{"icon-paper", "neighbours", 8, 2, false, 3},
		{"scan", "neighbours", 600, 20, false, 29},
		{"sne", "perplexity", 10, 2, false, 3.0},
		{"tsne", "perplexity", 4, 2, false, 1.0},
		{"tsne", "perplexity", 90, 2, false, 29.0},
		{"tsne", "perplexity", 91, 2, false, 30.0},
		{"tsne", "perplexity", 10, 2, true, 30.0},
	} {
		config, err := Preset(c.method, c.k)
		if err != nil {
			t.Fatal(err)
		}
		preset := config.Settings[c.name]
		fitted, notes, err := config.Fit(c.n, func(name string) bool { return c.chosen && name == c.name })
		if err != nil || fitted.Settings[c.name] != c.want {
			t.Errorf("%s of %d images in %d clusters: %s %v, %v; want %v", c.method, c.n, c.k, c.name, fitted.Settings[c.name], err, c.want)
		}
		if told := len(notes) == 1 && strings.Contains(notes[0], c.name); told != (c.want != preset) {
			t.Errorf("%s of %d images: notes %q", c.method, c.n, notes)
		}
		if err := fitted.Validate(c.n); err != nil && !c.chosen {
			t.Errorf("%s of %d images: %v", c.method, c.n, err)
		}
	}
	if _, _, err := (Config{Method: "none", Clusters: 2}).Fit(3, func(string) bool { return false }); err == nil {
		t.Error("an unknown method was accepted")
	}
}

func TestEveryMethodTakesAFewImages(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		m := densetest.Clouds(8, n, 6, 2, 0.4)
		in := inputs(m, 2)
		in.Edges = []icon.Edge{{From: 0, To: 1, Weight: 1}}
		for _, one := range methods.All() {
			name := one.About().Name
			c, err := Preset(name, 2)
			if err != nil {
				t.Fatal(err)
			}
			some(t, &c, "epochs", 3)
			c, _, err = c.Fit(n, func(name string) bool { return name == "epochs" })
			if err != nil {
				t.Fatal(err)
			}
			r, err := Train(t.Context(), m, in, c, Options{})
			if err != nil || r.Loss-r.Loss != 0 {
				t.Errorf("%s of %d images: loss %v, %v", name, n, r, err)
			}
		}
	}
}

// Rows of zeros, and one that is the mean of all, as pipelines write for images that could not be encoded: every method accepts them, and
// those that use directions report how many rows have none.
func TestEveryMethodTakesRowsWithoutDirection(t *testing.T) {
	once(t)
	const n, k = 72, 3
	m := densetest.Clouds(8, n, 6, k, 0.4)
	for _, i := range []int{5, 40, 71} {
		clear(m.Row(i))
	}
	mean := m.Row(20)
	clear(mean)
	for i := range n {
		if i != 20 {
			for e, v := range m.Row(i) {
				mean[e] += v / (n - 1)
			}
		}
	}
	in := inputs(m, k)
	for _, one := range methods.All() {
		name := one.About().Name
		r, err := Train(t.Context(), m, in, brief(t, name), Options{})
		if err != nil || r.Loss-r.Loss != 0 {
			t.Errorf("%s: loss %v, %v", name, r, err)
		}
	}
	c, err := Preset("icon-paper", k)
	if err != nil {
		t.Fatal(err)
	}
	some(t, &c, "epochs", 2)
	r, err := Train(t.Context(), m, in, c, Options{})
	if err != nil || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "3 of 72 rows have no direction") }) {
		t.Errorf("notes %v, %v", r, err)
	}
}

// Settings with which a training could learn nothing are refused, naming the setting and the way out; the nearest ones that can learn something are
// not, and their gradient is not 0.
func TestTrainingsThatCanLearnNothingAreRefused(t *testing.T) {
	once(t)
	m, in := tiny()
	for _, one := range methods.All() {
		list := one.Recipe(3).Settings()
		for _, share := range []string{"alpha", "beta"} {
			if _, reads := list.Find(share); reads {
				c := brief(t, one.About().Name)
				change(t, &c, share, 1)
				if err := c.Validate(m.Len()); err == nil || !strings.Contains(err.Error(), share+" 1: ") || !strings.Contains(err.Error(), "set "+share+" below 1") {
					t.Errorf("%s, %s 1: %v", c.Method, share, err)
				}
			}
		}
		if _, reads := list.Find("batch"); !reads {
			continue
		}
		for _, batch := range []int{2, 3, 4} {
			c := brief(t, one.About().Name)
			change(t, &c, "batch", batch, "epochs", 1)
			some(t, &c, "bank", 0)
			r, err := Train(context.Background(), m, in, c, Options{})
			switch alone := batch < 4 && slices.Contains(compared, c.Method); {
			case alone && (err == nil || !strings.Contains(err.Error(), fmt.Sprintf("batch %d: ", batch)) || !strings.Contains(err.Error(), "set batch to at least 4")):
				t.Errorf("%s, batch %d: %v", c.Method, batch, err)
			case !alone && err != nil:
				t.Errorf("%s, batch %d: %v", c.Method, batch, err)
			case !alone && strings.Contains(strings.Join(r.Notes, "\n"), "exactly 0"):
				t.Errorf("%s, batch %d: %q", c.Method, batch, r.Notes)
			}
		}
	}
	c := brief(t, "clip")
	change(t, &c, "batch", 2, "batch-anchors", true)
	if err := c.Validate(m.Len()); err != nil {
		t.Errorf("two anchors, and their partners: %v", err)
	}
	change(t, &c, "sides", "learned", "alpha", 1, "sides", "target")
	if err := c.Validate(m.Len()); err == nil || !strings.Contains(err.Error(), "alpha 1: ") {
		t.Errorf("a uniform target: %v", err)
	}
}

// Sizes that are each in their range, but together need more memory than any machine of a user has, are refused before any work.
func TestTrainingsThatNeedTooMuchMemoryAreRefused(t *testing.T) {
	const n = 100_000
	for _, c := range []struct {
		method   string
		settings []any
		want     string
	}{
		{"moco", []any{"bank", 1 << 20, "dimensions", 1 << 14}, "1048576 representations in the bank, each of 16384 numbers, need too much memory: want at most 1073741824 numbers; set bank or dimensions lower"},
		{"moco", []any{"bank", 1 << 20, "dimensions", 1 << 10}, ""},
		{"dcl", []any{"batch", 100_000}, "all pairs of the 100000 rows of a batch need too much memory: want at most 20000 rows; use a smaller batch"},
		{"dcl", []any{"batch", 20_000}, ""},
		{"xsample", []any{"batch", 20_000, "batch-anchors", true}, "all pairs of the 40000 rows of a batch"},
		{"simclr", []any{"batch", 100_000, "hidden", 1 << 14}, "100000 rows of a batch in the hidden layer, each of 16384 numbers"},
		{"simclr", []any{"dimensions", 1 << 14}, "100000 images' representations, each of 16384 numbers"},
		{"simclr", []any{"batch", 200_000, "dimensions", 8000}, "200000 representations of a batch, each of 8000 numbers"},
		{"simclr", []any{"batch", 200_000}, ""},
		{"simclr", []any{"batch", 8, "hidden", 1 << 14, "dimensions", 1 << 13}, ""},
		{"simclr", []any{"batch", 8, "hidden", 1 << 14, "dimensions", 10_000}, "163840000 weights, with gradients, moments and copies 8 numbers for each, need too much memory: want at most 1073741824 numbers; set hidden or dimensions lower"},
		{"clip", []any{"batch", 8, "hidden", 1 << 14, "dimensions", 1 << 13}, "268435456 weights"},
		{"moco", []any{"batch", 8, "hidden", 1 << 14, "dimensions", 1 << 13, "bank", 1}, "134217728 weights, with gradients, moments and copies 12 numbers"},
	} {
		config, err := Preset(c.method, 3)
		if err != nil {
			t.Fatal(err)
		}
		change(t, &config, c.settings...)
		switch err := config.Validate(n); {
		case c.want == "" && err != nil:
			t.Errorf("%s %v: %v", c.method, c.settings, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %v: %v, want %q", c.method, c.settings, err, c.want)
		}
	}
}

// So are those of features that are too wide for the mapper.
func TestFeaturesTooWideForAMapperAreRefused(t *testing.T) {
	narrow, wide := matrix.NewDense(40, 4), matrix.NewDense(40, 1<<14)
	for _, c := range []struct {
		method   string
		features Features
		second   Features
		settings []any
		refused  bool
	}{
		{"simclr", narrow, nil, []any{"hidden", 1 << 14}, false},
		{"simclr", wide, nil, []any{"hidden", 8000}, false},
		{"simclr", wide, nil, []any{"hidden", 1 << 14}, true},
		{"infonce", wide, nil, []any{"dimensions", 1 << 14}, true},
		{"harmonic", wide, nil, []any{"dimensions", 1 << 14}, true},
		{"clip", narrow, narrow, []any{"hidden", 1 << 14}, false},
		{"clip", narrow, wide, []any{"hidden", 1 << 14}, true},
	} {
		config, err := Preset(c.method, 3)
		if err != nil {
			t.Fatal(err)
		}
		change(t, &config, c.settings...)
		in := Inputs{Second: c.second, Labels: make([]int, 40)}
		const want = "numbers for each, need too much memory"
		if err := config.ValidateInputs(c.features, in); (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s %v: %v", c.method, c.settings, err)
		}
		if _, err := Train(t.Context(), c.features, in, config, Options{}); c.refused && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("a training with %s %v: %v", c.method, c.settings, err)
		}
	}
}

// Every batch that is larger than the set is noted.
func TestBatchesLargerThanTheSetAreNoted(t *testing.T) {
	for _, one := range methods.All() {
		c := PresetOf(one, 3)
		if c.Text("batch") == "" {
			continue
		}
		for batch, notes := range map[int]int{64: 0, 5000: 1} {
			change(t, &c, "batch", batch)
			resolved, got, err := c.Resolve(200)
			if err != nil || len(got) != notes || notes > 0 && !strings.Contains(got[0], "of 5000 rows is larger than the set: using all 200 images") {
				t.Errorf("%s, batch %d: %s, %q, %v", c.Method, batch, resolved.Text("batch"), got, err)
			}
		}
	}
}

// compared are the methods that compare points of a batch with each other.
var compared = []string{"infonce", "simclr", "t-simclr", "moco", "dcl", "vicreg", "triplet", "supcon", "xsample", "cmc", "clip"}

// Kernels that are said to give the same bits train the same heads, by every method: each path is chosen when a process starts, so that others train.
func TestKernelsOfTheSameBitsTrainTheSameHeads(t *testing.T) {
	const asked = "ICONIC_TEST_HEADS"
	if os.Getenv(asked) != "" {
		for _, one := range methods.All() {
			m := densetest.Clouds(4, 150, 21, 5, 2)
			c := brief(t, one.About().Name)
			c.Clusters = 5
			some(t, &c, "batch", 100)
			r, err := Train(t.Context(), m, inputs(m, 5), c, Options{Workers: 1})
			if err != nil {
				t.Fatalf("%s: %v", c.Method, err)
			}
			fmt.Printf("head %s %x %x\n", c.Method, r.Head.Weight, r.Head.Bias)
		}
		return
	}
	if testing.Short() || kernel.Path() != "avx512" || !kernel.SameBits("avx2", "avx512") {
		t.Skipf("trains by every method, and compares AVX2 with AVX-512: this processor has kernels %q", kernel.Path())
	}
	heads := func(path string) (lines []string) {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		command.Env = append(os.Environ(), "ICONIC_KERNEL="+path, asked+"=1")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "head ") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	want, got := heads("avx2"), heads("avx512")
	if len(want) != len(methods.All()) || len(got) != len(want) {
		t.Fatalf("%d and %d heads of %d methods", len(want), len(got), len(methods.All()))
	}
	for i := range want {
		if name, _, _ := strings.Cut(strings.TrimPrefix(want[i], "head "), " "); got[i] != want[i] {
			t.Errorf("%s: the heads differ", name)
		}
	}
}
