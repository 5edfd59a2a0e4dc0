package assignment

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The pairing of a list has as many items as that of the matrix, and gives every row one column.
func TestSparseAgainstDense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 25).Draw(t, "n")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		cost := make([]int64, n*n)
		var list []Overlap
		for range rapid.IntRange(0, 4*n).Draw(t, "pairs") {
			o := Overlap{int32(r.IntN(n)), int32(r.IntN(n)), int64(r.IntN(6))}
			cost[int(o.Row)*n+int(o.Column)] -= o.Items
			list = append(list, o)
		}
		dense, err := Solve(cost, n, n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := SolveSparse(n, list)
		if err != nil {
			t.Fatal(err)
		}
		total := func(columns []int) (sum int64) {
			for i, j := range columns {
				sum += cost[i*n+j]
			}
			return sum
		}
		seen := slices.Clone(got)
		slices.Sort(seen)
		for j, c := range seen {
			if c != j {
				t.Fatalf("columns %v", got)
			}
		}
		if total(got) != total(dense) {
			t.Fatalf("%d items, want %d", -total(got), -total(dense))
		}
		again, err := SolveSparse(n, list)
		if err != nil || !slices.Equal(again, got) {
			t.Fatalf("a second time %v, at first %v", again, got)
		}
	})
}

// Two noisy partitions into many clusters.
func TestSparseFindsHiddenPairs(t *testing.T) {
	const n, each = 3000, 8
	r := rand.New(rand.NewPCG(1, 2))
	name := r.Perm(n)
	var list []Overlap
	for c := range n {
		for range each {
			to := name[c]
			if r.IntN(4) == 0 {
				to = r.IntN(n)
			}
			list = append(list, Overlap{int32(c), int32(to), 1})
		}
	}
	got, err := SolveSparse(n, list)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for c, j := range got {
		if j == name[c] {
			right++
		}
	}
	if right < n*99/100 {
		t.Errorf("%d of %d rows found their columns", right, n)
	}
}

func TestSparseRefuses(t *testing.T) {
	for _, o := range []Overlap{{-1, 0, 1}, {3, 0, 1}, {0, -1, 1}, {0, 3, 1}, {0, 0, -1}} {
		if _, err := SolveSparse(3, []Overlap{o}); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// BenchmarkSparse pairs two partitions of 100,000 items into 10,000 clusters that share most items, and two that share a quarter.
func BenchmarkSparse(b *testing.B) {
	for name, noise := range map[string]int{"similar": 30, "different": 75} {
		b.Run(name, func(b *testing.B) {
			const n, each = 10_000, 10
			r := rand.New(rand.NewPCG(1, 2))
			var list []Overlap
			for c := range n {
				for range each {
					to := c
					if r.IntN(100) < noise {
						to = r.IntN(n)
					}
					list = append(list, Overlap{int32(c), int32(to), 1})
				}
			}
			for b.Loop() {
				if _, err := SolveSparse(n, list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
