package assignment

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/sharedtest"
)

// total sums the costs of a pairing and checks that the pairing is valid.
func total[T Number](t testing.TB, cost []T, rows, cols int, match []int) (sum T) {
	t.Helper()
	if len(match) != rows {
		t.Fatalf("%d rows matched, want %d", len(match), rows)
	}
	used := make([]bool, cols)
	pairs := 0
	for i, j := range match {
		if j == Unmatched {
			continue
		}
		if j < 0 || j >= cols || used[j] {
			t.Fatalf("row %d has column %d, which is taken or does not exist: %v", i, j, match)
		}
		used[j] = true
		sum += cost[i*cols+j]
		pairs++
	}
	if pairs != min(rows, cols) {
		t.Fatalf("%d pairs of %d × %d: %v", pairs, rows, cols, match)
	}
	return sum
}

// bruteForce tries every pairing, rows in order, columns ascending and "none" last, and keeps the first best one. It defines what Solve
// returns.
func bruteForce[T Number](cost []T, rows, cols int) []int {
	var best []int
	var least T
	match := unmatched(rows)
	used := make([]bool, cols)
	var try func(i, skips int, sum T)
	try = func(i, skips int, sum T) {
		if i == rows {
			if best == nil || sum < least {
				best, least = slices.Clone(match), sum
			}
			return
		}
		for j := range cols {
			if !used[j] {
				used[j], match[i] = true, j
				try(i+1, skips, sum+cost[i*cols+j])
				used[j], match[i] = false, Unmatched
			}
		}
		if skips > 0 {
			try(i+1, skips-1, sum)
		}
	}
	try(0, max(0, rows-cols), 0)
	return best
}

func TestSolveAgreesWithBruteForceOnTies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows, cols := rapid.IntRange(1, 6).Draw(rt, "rows"), rapid.IntRange(1, 6).Draw(rt, "cols")
		span := rapid.IntRange(0, 4).Draw(rt, "span") // small: many ties
		cost := rapid.SliceOfN(rapid.IntRange(-span, span), rows*cols, rows*cols).Draw(rt, "cost")
		got, err := Solve(cost, rows, cols)
		if err != nil {
			rt.Fatal(err)
		}
		if want := bruteForce(cost, rows, cols); !slices.Equal(got, want) {
			rt.Fatalf("got %v, want %v", got, want)
		}
		real := make([]float64, len(cost))
		for k, c := range cost {
			real[k] = float64(c)
		}
		if same, err := Solve(real, rows, cols); err != nil || !slices.Equal(got, same) {
			rt.Fatalf("float64 costs give %v, %v; integers %v", same, err, got)
		}
	})
}

func TestSolveFindsTheLeastFractionalTotal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rows, cols := rapid.IntRange(1, 6).Draw(rt, "rows"), rapid.IntRange(1, 6).Draw(rt, "cols")
		cost := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), rows*cols, rows*cols).Draw(rt, "cost")
		got, err := Solve(cost, rows, cols)
		if err != nil {
			rt.Fatal(err)
		}
		want := total(t, cost, rows, cols, bruteForce(cost, rows, cols))
		if sum := total(t, cost, rows, cols, got); math.Abs(sum-want) > 1e-9 {
			rt.Fatalf("total %v, want %v", sum, want)
		}
	})
}

// TestSolveAgreesWithItsTransposeOnLargerProblems: both orientations reach the same total by different paths.
func TestSolveAgreesWithItsTransposeOnLargerProblems(t *testing.T) {
	for _, shape := range []struct {
		name       string
		rows, cols int
		span       int64
	}{
		{"square with many ties", 120, 120, 5},
		{"square with few ties", 120, 120, 1 << 40},
		{"wide", 60, 200, 50},
		{"tall", 200, 60, 50},
		{"one row", 1, 300, 9},
		{"all equal", 90, 90, 1},
	} {
		t.Run(shape.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(shape.rows)))
			cost := make([]int64, shape.rows*shape.cols)
			for k := range cost {
				cost[k] = r.Int64N(shape.span)
			}
			a, err := Solve(cost, shape.rows, shape.cols)
			if err != nil {
				t.Fatal(err)
			}
			flipped := transposed(cost, shape.rows, shape.cols)
			b, err := Solve(flipped, shape.cols, shape.rows)
			if err != nil {
				t.Fatal(err)
			}
			x, y := total(t, cost, shape.rows, shape.cols, a), total(t, flipped, shape.cols, shape.rows, b)
			if x != y {
				t.Fatalf("totals %d and %d", x, y)
			}
		})
	}
}

func TestSolveAgreesWithTheReference(t *testing.T) {
	raw, err := os.ReadFile(sharedtest.Path(t, "vectors", "assignment.json"))
	if err != nil {
		t.Fatal(err)
	}
	var problems []struct {
		Cost  [][]float64 `json:"cost"`
		Total float64     `json:"min_total"`
	}
	if err := json.Unmarshal(raw, &problems); err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		rows, cols := len(p.Cost), len(p.Cost[0])
		cost := slices.Concat(p.Cost...)
		match, err := Solve(cost, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		if got := total(t, cost, rows, cols, match); math.Abs(got-p.Total) > 1e-9 {
			t.Errorf("%d × %d: total %v, want %v", rows, cols, got, p.Total)
		}
	}
}

func TestSolveOfNothing(t *testing.T) {
	for _, shape := range [][2]int{{0, 0}, {0, 3}, {3, 0}} {
		match, err := Solve([]int{}, shape[0], shape[1])
		if err != nil || len(match) != shape[0] || slices.ContainsFunc(match, func(j int) bool { return j != Unmatched }) {
			t.Errorf("%v: %v, %v", shape, match, err)
		}
	}
}

func TestSolveRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		cost       []float64
		rows, cols int
		want       string
	}{
		"a length that is not rows·cols": {[]float64{1, 2, 3}, 2, 2, "3 costs, want 2 rows × 2 columns"},
		"a negative shape":               {nil, -1, 0, "-1 rows"},
		"NaN":                            {[]float64{1, 2, math.NaN(), 4}, 2, 2, "cost NaN of row 1, column 0"},
		"infinity":                       {[]float64{1, math.Inf(1), 3, 4}, 2, 2, "cost +Inf of row 0, column 1"},
		"minus infinity":                 {[]float64{math.Inf(-1)}, 1, 1, "cost -Inf of row 0, column 0"},
		"sums that would overflow":       {[]float64{math.MaxFloat64}, 1, 1, "want a number of size at most"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Solve(c.cost, c.rows, c.cols); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v does not contain %q", err, c.want)
			}
		})
	}
	if _, err := Solve([]int{math.MinInt}, 1, 1); err == nil {
		t.Error("an integer cost whose sums overflow was accepted")
	}
}

// The benchmark is bound by memory bandwidth: every augmentation walks over rows of the cost matrix.
func BenchmarkSolve(b *testing.B) {
	const n = 5000
	for _, c := range []struct {
		name string
		draw func(r *rand.Rand) float64
	}{
		{"uniform", func(r *rand.Rand) float64 { return r.Float64() }},
		{"ten values", func(r *rand.Rand) float64 { return float64(r.IntN(10)) }},
		{"counts", func(r *rand.Rand) float64 { return -float64(max(0, r.IntN(100)-97)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			cost := make([]float64, n*n)
			for k := range cost {
				cost[k] = c.draw(r)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Solve(cost, n, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
