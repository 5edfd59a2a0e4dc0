package head

import (
	"context"
	"slices"
	"strings"
	"testing"

	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// severalHeads is a method that has found two heads, of which it keeps the one with the lower loss.
type severalHeads struct {
	heads  []*linear.Head
	losses []float64
}

func (m *severalHeads) About() method.About           { return method.About{Name: "several-heads"} }
func (m *severalHeads) Recipe(int) method.Recipe      { return m }
func (m *severalHeads) Settings() setting.List        { return nil }
func (m *severalHeads) Resolve(int) ([]string, error) { return nil, nil }
func (m *severalHeads) Learn(context.Context, *method.Data) (*method.Outcome, error) {
	return &method.Outcome{Head: m.heads[train.Best(m.losses)]}, nil
}

// Warnings about collapse and dead clusters concern the head that is kept, whatever the other has done.
func TestWarningsAreOfTheKeptHead(t *testing.T) {
	const n, d, k = 120, 4, 4
	m := densetest.Clouds(2, n, d, k, 8)
	over := func(clouds int) *linear.Head { // assigns a row to the nearest of the first clouds
		l := &linear.Head{Clusters: k, Dim: d, Weight: make([]float32, k*d), Bias: make([]float32, k)}
		for c := range k {
			if c >= clouds {
				l.Bias[c] = -1e9
				continue
			}
			copy(l.Weight[c*d:], m.Row(c))
			for _, v := range m.Row(c) {
				l.Bias[c] -= v * v / 2
			}
		}
		return l
	}
	for _, c := range []struct {
		name        string
		kept, other int // clouds that the heads know
		want        string
	}{
		{"a good head beside a collapsed one", 4, 1, ""},
		{"a collapsed head beside a good one", 1, 4, "all images are in one cluster"},
		{"a head with dead clusters beside a good one", 3, 4, "1 of 4 clusters is empty: the method distinguished only 3 groups; ask for 3 clusters"},
		{"a good head beside one with dead clusters", 4, 3, ""},
	} {
		for _, losses := range [][]float64{{1, 2}, {2, 1}} { // the head that is kept is the first, or the last
			heads := []*linear.Head{over(c.kept), over(c.other)}
			if losses[0] > losses[1] {
				slices.Reverse(heads)
			}
			r, err := TrainMethod(context.Background(), &severalHeads{heads, losses}, m, Inputs{}, Config{Method: "several-heads", Clusters: k}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Join(r.Warnings, "; "); !strings.Contains(told, c.want) || c.want == "" && told != "" {
				t.Errorf("%s: warnings %q, want %q", c.name, told, c.want)
			}
		}
	}
}

// Empty clusters are told, unless they would have fewer than four images each and are not the majority.
func TestHealth(t *testing.T) {
	for _, c := range []struct {
		images, clusters, used int
		want                   string
	}{
		{240, 100, 6, "94 of 100 clusters are empty: the method distinguished only 6 groups; ask for 6 clusters if there are no more, otherwise choose another"},
		{240, 100, 60, ""},
		{400, 100, 60, "40 of 100 clusters are empty"},
		{240, 100, 1, "all images are in one cluster: the method distinguished no groups"},
		{240, 4, 4, ""},
	} {
		cluster := make([]int, c.images)
		for i := range cluster {
			cluster[i] = i % c.used
		}
		if told := strings.Join(health(cluster, c.clusters, "", "choose another"), "; "); !strings.Contains(told, c.want) || c.want == "" && told != "" {
			t.Errorf("%d of %d clusters of %d images: %q, want %q", c.used, c.clusters, c.images, told, c.want)
		}
	}
}

// The default warns of clusters that free sizes leave empty, and balanced sizes then use more of them.
func TestTheWarningOfEmptyClustersSaysHowTheyWouldBeUsed(t *testing.T) {
	once(t)
	m := densetest.Clouds(4, 400, 8, 12, 1)
	train := func(sizes string) (warnings string, used int) {
		r, err := Train(t.Context(), m, Inputs{}, Config{Method: "direction-mixture", Clusters: 40, Settings: setting.Values{"sizes": sizes}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		clusters, err := r.Head.Argmaxes(t.Context(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(clusters)
		return strings.Join(r.Warnings, "; "), len(slices.Compact(clusters))
	}
	told, free := train("free")
	if !strings.Contains(told, "clusters are empty") || !strings.Contains(told, "otherwise choose balanced sizes") {
		t.Errorf("%d of 40 clusters used: warnings %q", free, told)
	}
	if _, balanced := train("balanced"); balanced <= free {
		t.Errorf("%d clusters are used with balanced sizes, %d with free ones", balanced, free)
	}
}

// Of features with a large common offset, a method that does not standardise them may tell no groups apart: the warning says what helps, and that does.
func TestAWarningOfALargeOffsetSaysToStandardise(t *testing.T) {
	const remedy = "set standardize to true"
	m := densetest.Clouds(4, 240, 8, 4, 5)
	for i := range m.X {
		m.X[i] += 1e5
	}
	c, err := Preset("icon-paper", 4)
	if err != nil {
		t.Fatal(err)
	}
	change(t, &c, "standardize", false)
	told := strings.Join(learn(t, m, c, Options{}).Warnings, " ")
	change(t, &c, "standardize", true)
	if !strings.Contains(told, "all images are in one cluster") || !strings.Contains(told, remedy) {
		t.Errorf("warnings %q", told)
	}
	if told := learn(t, m, c, Options{}).Warnings; len(told) > 0 {
		t.Errorf("standardised: warnings %q", told)
	}
	for i := range m.X {
		m.X[i] -= 1e5
	}
	for _, standardised := range []string{"false", "true"} {
		c := Config{Settings: setting.Values{"standardize": standardised}}
		moments, err := matrix.Measure(t.Context(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, far := range []bool{false, true} {
			if far {
				moments.Mean[3] = 1e4
			}
			if got := (&Result{Config: c}).uncentred(moments); (got != "") != (far && standardised == "false") {
				t.Errorf("standardize %s, far from 0 %v: %q", standardised, far, got)
			}
		}
	}
}
