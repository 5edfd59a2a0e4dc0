package clustercount

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clouds returns rows around centres; if groups is positive, the centres lie around that many centres of their own.
func clouds(t testing.TB, seed uint64, d, groups int, apart float64, sizes ...int) matrix.Features {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 3))
	gauss := func(scale float64, around []float64) []float64 {
		x := make([]float64, d)
		for e := range x {
			x[e] = scale * r.NormFloat64()
			if around != nil {
				x[e] += around[e]
			}
		}
		return x
	}
	var far [][]float64
	for range groups {
		far = append(far, gauss(3*apart, nil))
	}
	x := &matrix.Dense{Width: d}
	for c, size := range sizes {
		var around []float64
		if groups > 0 {
			around = far[c%groups]
		}
		centre := gauss(apart, around)
		for range size {
			for _, v := range gauss(1, centre) {
				x.X = append(x.X, float32(v))
			}
		}
	}
	return x
}

func repeated(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

func TestCloudsAreCounted(t *testing.T) {
	for name, sizes := range map[string][]int{
		"two": {150, 150}, "three of other sizes": {200, 60, 120}, "seven": repeated(7, 60), "twelve": repeated(12, 40),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Suggest(context.Background(), clouds(t, 1, 24, 0, 1.2, sizes...), Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			if s.Clusters != len(sizes) || s.From > len(sizes) || s.To < len(sizes) {
				t.Errorf("%d clusters, between %d and %d, instead of %d", s.Clusters, s.From, s.To, len(sizes))
			}
			if sentence := s.Sentence(); strings.Contains(sentence, "no clusters at all") {
				t.Errorf("doubt about clear clusters: %s", sentence)
			}
		})
	}
}

func TestWithoutClustersTheSentenceSaysSo(t *testing.T) {
	s, err := Suggest(context.Background(), clouds(t, 2, 24, 0, 0, 400), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if sentence := s.Sentence(); !strings.Contains(sentence, "the data may have no clusters at all") {
		t.Errorf("one cloud: %s", sentence)
	}
}

func TestTheSameNumberOnAnyThreads(t *testing.T) {
	f := clouds(t, 4, 16, 0, 1, repeated(5, 50)...)
	var first *Suggestion
	for _, workers := range []int{1, 2, 3} {
		s, err := Suggest(context.Background(), f, Options{Seed: 7, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		}
		if diff := cmp.Diff(first, s, cmpopts.IgnoreUnexported(Point{})); diff != "" {
			t.Errorf("%d threads:\n%s", workers, diff)
		}
	}
}

func TestTinySetsAndThoseThatAreTooSmall(t *testing.T) {
	for _, n := range []int{3, 4, 5, 9, 17} {
		s, err := Suggest(context.Background(), clouds(t, 5, 8, 0, 2, repeated(n, 1)...), Options{})
		if err != nil {
			t.Errorf("%d rows: %v", n, err)
			continue
		}
		if s.Clusters < 2 || s.Clusters >= n {
			t.Errorf("%d clusters of %d rows", s.Clusters, n)
		}
	}
	if _, err := Suggest(context.Background(), clouds(t, 5, 8, 0, 2, 1, 1), Options{}); err == nil || !strings.Contains(err.Error(), "give the number") {
		t.Errorf("two rows: %v", err)
	}
}

// Numbers are compared if at least two are below the number of rows, and there are two columns to separate.
func TestNumbersThatCannotBeCompared(t *testing.T) {
	rows := clouds(t, 5, 4, 0, 2, repeated(20, 1)...)
	for _, c := range []struct {
		name     string
		columns  int
		numbers  []int
		compared int
		refused  bool // other than as incomparable
	}{
		{"two below the rows", 4, []int{10, 5}, 2, false},
		{"one of three is not", 4, []int{5, 20, 10}, 2, false},
		{"one of two is not", 4, []int{10, 20}, 0, false},
		{"twice the same", 4, []int{10, 10}, 0, false},
		{"none", 4, nil, 0, false},
		{"one column", 1, []int{2, 3}, 0, false},
		{"one cluster", 4, []int{1, 2}, 0, true},
	} {
		columns := make([]int, c.columns)
		for e := range columns {
			columns[e] = e
		}
		found, err := Compare(t.Context(), &matrix.Columns{Features: rows, Columns: columns}, c.numbers, Options{Workers: 1})
		switch {
		case c.compared > 0 && (err != nil || len(found.Curve) != c.compared):
			t.Errorf("%s: %v, %v", c.name, found, err)
		case c.compared == 0 && (err == nil || errors.Is(err, ErrIncomparable) == c.refused):
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Suggest(ctx, clouds(t, 6, 16, 0, 1, repeated(5, 50)...), Options{Progress: func(done, total int) {
		if done > total {
			t.Errorf("%d of %d", done, total)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestGridRisesByAFifthToTheMost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := Most(rapid.IntRange(3, 1_000_000).Draw(t, "rows"))
		grid := Grid(most)
		if grid[0] != 2 || grid[len(grid)-1] > most {
			t.Fatalf("grid %v up to %d", grid, most)
		}
		for i, k := range grid[1:] {
			if k <= grid[i] || float64(k) > ratio*float64(grid[i])+1 {
				t.Fatalf("%d follows %d", k, grid[i])
			}
		}
	})
}

// curve has one score per number, equal in all splits except for the given noise.
func curve(noise float64, scores map[int]float64) []Point {
	var c []Point
	for k := range 400 {
		if s, there := scores[k]; there {
			c = append(c, Point{Clusters: k, Score: s, Agreement: 0.8, scores: []float64{s + noise*float64(k%3-1), s - noise*float64(k%3-1)}})
		}
	}
	return c
}

func TestConclusions(t *testing.T) {
	for _, c := range []struct {
		name   string
		scores map[int]float64
		noise  float64
		want   Suggestion
	}{
		{"a clear maximum", map[int]float64{2: 0.3, 4: 0.5, 8: 0.9, 12: 0.6, 20: 0.4}, 0, Suggestion{Clusters: 8, From: 8, To: 8}},
		{"a plateau", map[int]float64{8: 0.5, 10: 0.9, 12: 0.92, 14: 0.91, 20: 0.5}, 0.02, Suggestion{Clusters: 12, From: 10, To: 14}},
		{"two scales", map[int]float64{5: 0.7, 10: 0.9, 20: 0.6, 50: 0.8, 100: 1, 200: 0.7}, 0, Suggestion{Clusters: 100, From: 100, To: 100, Also: []int{10}}},
		{"the lower of two scales", map[int]float64{5: 0.7, 10: 1, 20: 0.6, 50: 0.8, 100: 0.9, 200: 0.7}, 0, Suggestion{Clusters: 10, From: 10, To: 10, Also: []int{100}}},
		{"a dent is no valley", map[int]float64{10: 0.9, 20: 0.89, 40: 0.95, 80: 0.5}, 0, Suggestion{Clusters: 40, From: 40, To: 40}},
		{"one number", map[int]float64{2: 0.1}, 0, Suggestion{Clusters: 2, From: 2, To: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := conclude(curve(c.noise, c.scores))
			if diff := cmp.Diff(c.want, *got, cmpopts.IgnoreFields(Suggestion{}, "Curve")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSentences(t *testing.T) {
	s := Suggestion{
		Clusters: 100, From: 90, To: 130, Also: []int{10, 20}, Rows: 20000, Of: 50000, Most: 2500, Chance: 0.1,
		Curve: []Point{{Clusters: 100, Agreement: 0.754}},
	}
	for _, part := range []string{"between 90 and 130 clusters; 100 chosen", "75 % of the images", "10 and 20 would also be natural", "20000 of 50000 images"} {
		if sentence := s.Sentence(); !strings.Contains(sentence, part) {
			t.Errorf("%q is not in: %s", part, sentence)
		}
	}
	if sentence := s.Sentence(); strings.Contains(sentence, "columns") {
		t.Errorf("doubt about any number of columns: %s", sentence)
	}
	s.Most, s.Chance, s.Columns = 100, 0.7, 3
	for _, part := range []string{"there may be more", "no clusters at all", "halves of only 3 columns"} {
		if sentence := s.Sentence(); !strings.Contains(sentence, part) {
			t.Errorf("%q is not in: %s", part, sentence)
		}
	}
}
