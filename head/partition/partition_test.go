package partition

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"iconic/internal/assignment"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func drawPartition(t *rapid.T, n, k int, name string) []int32 {
	return rapid.SliceOfN(rapid.Int32Range(0, int32(k-1)), n, n).Draw(t, name)
}

func renamed(p []int32, names []int) []int32 {
	q := make([]int32, len(p))
	for i, c := range p {
		q[i] = int32(names[c])
	}
	return q
}

// The numbers of clusters do not matter, nor the order of the two partitions; and the matching is the best one.
func TestAgreement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "k")
		a, b := drawPartition(t, n, k, "a"), drawPartition(t, n, k, "b")
		names := rapid.Permutation(intsTo(k)).Draw(t, "names")
		got, err := Agreement(a, b, k)
		if err != nil {
			t.Fatal(err)
		}
		back, _ := Agreement(renamed(b, names), a, k)
		if got != back {
			t.Fatalf("agreement %v in one order and %v in the other, with clusters renumbered", got, back)
		}
		if want := bestOfAll(a, b, k); got != want {
			t.Fatalf("agreement %v, the best of all matchings %v", got, want)
		}
		if own, _ := Agreement(a, renamed(a, names), k); own != 1 {
			t.Fatalf("a partition and its renumbering have agreement %v", own)
		}
	})
}

func bestOfAll(a, b []int32, k int) float64 {
	best := 0
	var try func(names []int, left []int)
	try = func(names, left []int) {
		if len(left) == 0 {
			same := 0
			for i := range a {
				if names[a[i]] == int(b[i]) {
					same++
				}
			}
			best = max(best, same)
			return
		}
		for e, c := range left {
			try(append(slices.Clone(names), c), append(slices.Clone(left[:e]), left[e+1:]...))
		}
	}
	try(nil, intsTo(k))
	return float64(best) / float64(len(a))
}

func intsTo(k int) []int {
	x := make([]int, k)
	for i := range x {
		x[i] = i
	}
	return x
}

// Members that are renumberings of one partition, each with a tenth of their rows elsewhere, vote for that partition.
func TestVoteFindsWhatMembersShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n, k, m = 200, 5, 9
		truth := make([]int32, n)
		for i := range truth {
			truth[i] = int32(i % k)
		}
		var members [][]int32
		for e := range m {
			p := renamed(truth, rapid.Permutation(intsTo(k)).Draw(t, "names"))
			for i := e; i < n; i += m { // each member errs on different rows
				p[i] = (p[i] + 1) % k
			}
			members = append(members, p)
		}
		vote, err := Vote(context.Background(), members, k, 2)
		if err != nil {
			t.Fatal(err)
		}
		if a, _ := Agreement(vote, truth, k); a != 1 {
			t.Fatalf("the vote has agreement %v with the common partition", a)
		}
	})
}

func TestVoteIsTheSameOnAnyNumberOfWorkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 80).Draw(t, "n"), rapid.IntRange(1, 6).Draw(t, "k")
		var members [][]int32
		for range rapid.IntRange(1, 5).Draw(t, "members") {
			members = append(members, drawPartition(t, n, k, "member"))
		}
		one, err := Vote(context.Background(), members, k, 1)
		if err != nil {
			t.Fatal(err)
		}
		if many, err := Vote(context.Background(), members, k, 5); err != nil || !slices.Equal(one, many) {
			t.Fatalf("%v and %v (%v)", one, many, err)
		}
		if len(members) == 1 && !slices.Equal(one, members[0]) {
			t.Fatalf("the vote of one member is %v, not its own %v", one, members[0])
		}
	})
}

// With more clusters than are counted in a matrix, the matching is still the best one.
func TestAgreementOfThousandsOfClusters(t *testing.T) {
	const k, n = mostDense + 60, 4 * (mostDense + 60)
	r := rand.New(rand.NewPCG(4, 4))
	a, b := make([]int32, n), make([]int32, n)
	for i, names := 0, r.Perm(k); i < n; i++ {
		a[i] = int32(i % k)
		if b[i] = int32(names[i%k]); r.IntN(3) == 0 {
			b[i] = int32(r.IntN(k))
		}
	}
	got, err := Agreement(a, b, k)
	if err != nil {
		t.Fatal(err)
	}
	cost := make([]int64, k*k)
	for i, c := range a {
		cost[int(c)*k+int(b[i])]--
	}
	match, err := assignment.Solve(cost, k, k)
	if err != nil {
		t.Fatal(err)
	}
	same := int64(0)
	for c, j := range match {
		same -= cost[c*k+j]
	}
	if want := float64(same) / n; got != want {
		t.Errorf("agreement %v, want %v", got, want)
	}
	share := make([]float64, n)
	if again, err := Agreeing(share, 1, a, b, k); err != nil || again != got {
		t.Fatal(again, err)
	}
	if _, err := Agreeing(share[1:], 1, a, b, k); err == nil {
		t.Error("fewer entries than rows are accepted")
	}
	sum := 0.0
	for _, v := range share {
		sum += v / n
	}
	if math.Abs(sum-got) > 1e-9 {
		t.Errorf("%v of the rows agree, want %v", sum, got)
	}
	vote, err := Vote(context.Background(), [][]int32{a, b, a}, k, 2)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := Agreement(a, vote, k); err != nil || same != 1 {
		t.Errorf("the vote agrees with two equal members of three on %v, %v", same, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		members [][]int32
		want    string
	}{
		"none":         {nil, "at least one"},
		"no rows":      {[][]int32{{}}, "at least one row"},
		"lengths":      {[][]int32{{0, 1}, {0}}, "number 1 has 1 rows"},
		"out of range": {[][]int32{{0, 2}}, "cluster 2: want 0 to 1"},
		"negative":     {[][]int32{{0, -1}}, "cluster -1"},
	} {
		if _, err := Vote(context.Background(), test.members, 2, 1); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Vote(ctx, [][]int32{{0, 1}}, 2, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// ring has rows that each have the next as a neighbour.
type ring [][]int32

func (r ring) Row(i int) []int32 { return r[i] }

func TestInformation(t *testing.T) {
	// Rows 0 and 1 are neighbours, and so are 2 and 3: with a cluster for each pair, one end determines the other, ln 2.
	pairs := ring{{1}, {0}, {3}, {2}}
	for _, c := range []struct {
		name          string
		near          Edges
		cluster       []int32
		want, entropy float64
	}{
		{"a cluster for each pair", pairs, []int32{0, 0, 1, 1}, math.Ln2, math.Ln2},
		{"one cluster", pairs, []int32{0, 0, 0, 0}, 0, 0},
		{"always the other cluster, which is as informative", pairs, []int32{0, 1, 0, 1}, math.Ln2, math.Ln2},
		{"one and three", pairs, []int32{0, 1, 1, 1}, 0.25*math.Log(0.25/(0.25*0.75))*2 + 0.5*math.Log(0.5/(0.75*0.75)), -0.25*math.Log(0.25) - 0.75*math.Log(0.75)},
		{"no edges", ring{nil, nil, nil, nil}, []int32{0, 1, 1, 1}, 0, 0},
	} {
		if got, entropy := Information(c.cluster, c.near, 2); math.Abs(got-c.want) > 1e-12 || math.Abs(entropy-c.entropy) > 1e-12 {
			t.Errorf("%s: %g of %g, want %g of %g", c.name, got, entropy, c.want, c.entropy)
		}
	}
}

// A border through the middle of a large group costs more information than a missed border between two small ones.
func TestInformationTellsSplitsFromMerges(t *testing.T) {
	sizes := []int{60, 30, 6, 6}
	var near ring
	var truth, split []int32
	from := 0
	for c, size := range sizes {
		for i := range size {
			var row []int32
			for step := range 4 { // other rows of the same group, near and far
				row = append(row, int32(from+(i+1+step*7)%size))
			}
			near = append(near, row)
			truth = append(truth, int32(c))
			other := []int32{int32(i % 2), 2, 3, 3}[c] // the large group in halves, both small ones in one
			split = append(split, other)
		}
		from += size
	}
	share := func(cluster []int32) float64 {
		information, entropy := Information(cluster, near, 4)
		return information / entropy
	}
	if right, wrong := share(truth), share(split); wrong >= 0.9*right {
		t.Errorf("neighbours explain %.3f of the true groups, and %.3f of groups of more equal size", right, wrong)
	}
}

func TestPairsAreCountedAlikeByTableAndByOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 30).Draw(t, "rows"), rapid.IntRange(1, 12).Draw(t, "clusters")
		cluster := rapid.SliceOfN(rapid.Int32Range(0, int32(k-1)), n, n).Draw(t, "cluster")
		near := ring(rapid.SliceOfN(rapid.SliceOfN(rapid.Int32Range(0, int32(n-1)), 0, 4), n, n).Draw(t, "near"))
		table := slices.Collect(countInTable(cluster, near, k))
		order := slices.Collect(countByOrder(cluster, near, k, 0))
		if !slices.Equal(table, order) {
			t.Fatalf("table %v, order %v", table, order)
		}
	})
}

// Sizes that fall exponentially to one r-th have the spread (ln r)²/12, as far as whole rows allow; equal ones have none. Rows that each partition
// moves at random change sizes, too, but the spread of two partitions that do so independently stays that of the true sizes.
func TestSpread(t *testing.T) {
	const k = 200
	r := rand.New(rand.NewPCG(5, 9))
	for _, ratio := range []float64{1, 4, 30} {
		var truth []int32
		for c := range k {
			truth = append(truth, slices.Repeat([]int32{int32(c)}, int(600*math.Pow(ratio, -float64(c)/(k-1))))...)
		}
		want := math.Pow(math.Log(ratio), 2) / 12
		if own, err := Spread(truth, truth, k); err != nil || math.Abs(own-want) > 0.02 {
			t.Errorf("sizes that fall to 1/%g: spread %.3f, %v: want %.3f", ratio, own, err, want)
		}
		// Each partition splits a random half of its clusters unevenly with a neighbour, which changes the sizes of both.
		a, b := disturbed(truth, k, r), disturbed(truth, k, r)
		alone, err := Spread(a, a, k)
		if err != nil {
			t.Fatal(err)
		}
		both, err := Spread(renamed(a, r.Perm(k)), b, k)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(both-want) > 0.07 || alone < both+0.04 {
			t.Errorf("sizes that fall to 1/%g: disturbed sizes have the spread %.3f, of which two partitions share %.3f: want %.3f", ratio, alone, both, want)
		}
	}
}

// disturbed moves up to half of the rows of every other cluster to the next, from a random first one.
func disturbed(p []int32, k int, r *rand.Rand) []int32 {
	q, first, share := slices.Clone(p), r.IntN(2), make([]float64, k)
	for c := range share {
		share[c] = 0.45 * r.Float64()
	}
	for i, c := range q {
		if int(c)%2 == first && int(c)+1 < k && r.Float64() < share[c] {
			q[i]++
		}
	}
	return q
}

// The order of the partitions and the numbers of clusters do not matter, and clusters may be empty.
func TestSpreadOfAnyPartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, k := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "k")
		a := drawPartition(t, n, k, "a")
		names := rapid.Permutation(intsTo(k)).Draw(t, "names")
		own, err := Spread(a, a, k)
		if err != nil || own < 0 && own > -1e-12 || math.IsNaN(own) {
			t.Fatalf("spread %v, %v", own, err)
		}
		if other, _ := Spread(renamed(a, names), a, k); math.Abs(other-own) > 1e-12 {
			t.Fatalf("spread %v, and %v with clusters renumbered", own, other)
		}
	})
	if _, err := Spread([]int32{0, 1}, []int32{0, 2}, 2); err == nil {
		t.Error("a cluster out of range is accepted")
	}
}
