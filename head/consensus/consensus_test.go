package consensus

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"iconic/head/ensemble"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
)

// shuffled returns l with its clusters in another order.
func shuffled(l *linear.Head, order []int) *linear.Head {
	s := l.Clone()
	for c, from := range order {
		copy(s.Weight[c*l.Dim:(c+1)*l.Dim], l.Weight[from*l.Dim:(from+1)*l.Dim])
		s.Bias[c] = l.Bias[from]
	}
	return s
}

// noisy perturbs the weights of l a little.
func noisy(r *rand.Rand, l *linear.Head) *linear.Head {
	s := l.Clone()
	for i := range s.Weight {
		s.Weight[i] += float32(0.5 * r.NormFloat64())
	}
	return s
}

// opinions returns features and three heads on them, each derived from one head.
func opinions(make func(r *rand.Rand, l *linear.Head) *linear.Head) (*method.Data, []*linear.Head, *linear.Head) {
	m := densetest.Clouds(5, 2000, 8, 4, 1)
	r := rand.New(rand.NewPCG(9, 9))
	l := linear.New(4, 8, r)
	kernel.Scale(l.Weight, 3)
	var heads []*linear.Head
	for range 3 {
		heads = append(heads, make(r, l))
	}
	return &method.Data{Features: m, Clusters: 4, Run: &train.Run{}}, heads, l
}

// Heads that are identical except for the order of their clusters agree with each of them.
func TestConsensusOfOneOpinion(t *testing.T) {
	d, heads, l := opinions(func(r *rand.Rand, l *linear.Head) *linear.Head { return shuffled(l, r.Perm(l.Clusters)) })
	got, err := Distil(context.Background(), d, "consensus", heads, make([]float64, 3))
	if err != nil {
		t.Fatal(err)
	}
	n, k := d.Features.Len(), l.Clusters
	x, p, q := make([]float32, n*l.Dim), make([]float32, n*k), make([]float32, n*k)
	if err := d.Features.Block(x, 0, n); err != nil {
		t.Fatal(err)
	}
	l.Assignments(p, x, n)
	got.Assignments(q, x, n)
	a, sure := densetest.Assigned(p, k)
	b, surely := densetest.Assigned(q, k)
	share, err := partition.Agreement(a, b, k)
	if err != nil {
		t.Fatal(err)
	}
	if share < 0.93 {
		t.Errorf("the consensus assigns %.3f of the images as every head does", share)
	}
	if math.Abs(sure-surely) > 0.03 {
		t.Errorf("the heads have confidence %.3f, their consensus %.3f", sure, surely)
	}
}

// Aligned by their most probable clusters or by all probabilities, heads that differ in the order of their clusters vote alike.
func TestHardAndSoftAlignment(t *testing.T) {
	d, heads, _ := opinions(func(r *rand.Rand, l *linear.Head) *linear.Head { return shuffled(noisy(r, l), r.Perm(l.Clusters)) })
	hard, soft := chosen(d, heads, []int{0, 1, 2}), chosen(d, heads, []int{0, 1, 2})
	for _, align := range []func(context.Context) error{hard.alignHard, soft.alignSoft} {
		if err := align(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	for h := range heads {
		for c := range soft.order[h] {
			name := slices.Index(soft.order[0], hard.order[0][c]) // the soft ensemble's name of the hard one's cluster c
			if hard.order[h][c] != soft.order[h][name] {
				t.Errorf("cluster %d of head %d: %v and %v", c, h, hard.order, soft.order)
			}
		}
	}
	if slices.Equal(soft.order[0], soft.order[1]) && slices.Equal(soft.order[0], soft.order[2]) {
		t.Error("no head has another order: this test shows nothing")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := hard.alignHard(ctx); err == nil {
		t.Error("a cancelled alignment ends without an error")
	}
}

// The temperature is optimal: a slightly higher or lower one is further from the ensemble.
func TestTemperIsTheLeast(t *testing.T) {
	d, heads, l := opinions(noisy)
	v := &voters{features: d.Features, clusters: 4, heads: heads}
	for range heads {
		v.order = append(v.order, []int{0, 1, 2, 3})
	}
	k := l.Clusters
	for _, sharp := range []float32{0.01, 1, 100} {
		l := l.Clone()
		kernel.Scale(l.Weight, sharp)
		if err := v.temper(context.Background(), l); err != nil {
			t.Fatal(err)
		}
		away := func(s float32) float64 { // cross-entropy to the ensemble at a scale of s
			l := l.Clone()
			kernel.Scale(l.Weight, s)
			kernel.Scale(l.Bias, s)
			sum := make([]float64, 1+d.Features.Len()/blockRows)
			err := v.each(context.Background(), func(block, _ int, x, p []float32) {
				q := make([]float32, len(p))
				l.Assignments(q, x, len(p)/k)
				for e, share := range p {
					sum[block] -= float64(share) * math.Log(float64(q[e]))
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			total := 0.0
			for _, s := range sum {
				total += s
			}
			return total
		}
		if least := away(1); away(0.98) <= least || away(1.02) <= least {
			t.Errorf("started at %g: cross-entropies %.4f, %.4f, %.4f at 0.98, 1 and 1.02 of the scale", sharp, away(0.98), least, away(1.02))
		}
	}
}

// A head whose loss is an outlier does not count, nor does one without a loss; if most are outliers, the lowest loss decides.
func TestHeadsFarFromTheLeastLossDoNotCount(t *testing.T) {
	d, heads, _ := opinions(noisy)
	nan := math.NaN()
	for _, c := range []struct {
		losses []float64
		said   string
		voting int // 1: the third head, unchanged
	}{
		{[]float64{1, 1.005, 1.009}, "all 3 heads vote: their losses are within 0.01 nats of the lowest", 3},
		{[]float64{1.5, 1.005, 1}, "heads 2 and 3 of 3 vote: their losses are within 0.01 nats of the lowest", 2},
		{[]float64{nan, 1.005, 1}, "heads 2 and 3 of 3 vote: their losses are within 0.01 nats of the lowest", 2},
		{[]float64{1.5, 1.05, 1}, "the losses of the 3 heads differ too much for a vote: head 3, with the lowest loss, is kept", 1},
		{[]float64{nan, nan, 1}, "the losses of the 3 heads differ too much for a vote: head 3, with the lowest loss, is kept", 1},
	} {
		d.Run = &train.Run{}
		l, err := Distil(context.Background(), d, "consensus", heads, c.losses)
		if err != nil {
			t.Fatal(err)
		}
		vote, err := Vote(context.Background(), d, heads, c.losses)
		if err != nil {
			t.Fatal(err)
		}
		if said := Said(Voters(c.losses), 3); said != c.said || (l == heads[2]) != (c.voting == 1) || vote.Members != c.voting {
			t.Errorf("losses %v: %q, the third kept: %t, %d voting", c.losses, said, l == heads[2], vote.Members)
		}
		if c.voting == 1 && &vote.Weight[0] != &heads[2].Weight[0] {
			t.Errorf("losses %v: the vote of one is not the third head", c.losses)
		}
	}
}

// Heads that are identical except for the order of their clusters vote as each of them does, with the numbers of the head with the lowest loss.
func TestVoteOfOneOpinion(t *testing.T) {
	d, heads, _ := opinions(func(r *rand.Rand, l *linear.Head) *linear.Head { return shuffled(l, r.Perm(l.Clusters)) })
	n, k := d.Features.Len(), d.Clusters
	x, p, q := make([]float32, n*d.Features.Dim()), make([]float32, n*k), make([]float32, n*k)
	if err := d.Features.Block(x, 0, n); err != nil {
		t.Fatal(err)
	}
	for least := range heads {
		losses := []float64{1.001, 1.001, 1.001}
		losses[least] = 1
		vote, err := Vote(context.Background(), d, heads, losses)
		if err != nil {
			t.Fatal(err)
		}
		if vote.Members != 3 || vote.Temperature != 1 {
			t.Errorf("%d heads at a temperature of %g", vote.Members, vote.Temperature)
		}
		heads[least].Assignments(p, x, n)
		vote.Assignments(q, x, n)
		for i := range p {
			if math.Abs(float64(p[i]-q[i])) > 1e-6 {
				t.Fatalf("row %d, cluster %d: head %d says %g, the vote %g", i/k, i%k, least, p[i], q[i])
			}
		}
		if !slices.Equal(vote.Member(least).Weight, heads[least].Weight) || !slices.Equal(vote.Member(least).Bias, heads[least].Bias) {
			t.Errorf("the clusters of head %d, with the lowest loss, have other numbers in the vote", least)
		}
	}
}

// The vote is the mean of what the heads say under names that an exhaustive search finds, and the same on any number of threads.
func TestVoteIsTheMeanUnderTheBestNames(t *testing.T) {
	d, heads, _ := opinions(func(r *rand.Rand, l *linear.Head) *linear.Head { return shuffled(noisy(r, l), r.Perm(l.Clusters)) })
	n, k := d.Features.Len(), d.Clusters
	x := make([]float32, n*d.Features.Dim())
	if err := d.Features.Block(x, 0, n); err != nil {
		t.Fatal(err)
	}
	var one *ensemble.Head
	for _, workers := range []int{1, 2, 3} {
		d.Workers = workers
		vote, err := Vote(context.Background(), d, heads, []float64{1, 1, 1})
		if err != nil {
			t.Fatal(err)
		}
		if one == nil {
			one = vote
		}
		if !slices.Equal(one.Weight, vote.Weight) || !slices.Equal(one.Bias, vote.Bias) {
			t.Errorf("%d threads give another vote", workers)
		}
	}
	lead := make([]float32, n*k)
	heads[0].Assignments(lead, x, n)
	mean, own := append([]float32(nil), lead...), make([]float32, n*k)
	for _, l := range heads[1:] {
		l.Assignments(own, x, n)
		names, most := []int(nil), math.Inf(-1)
		for _, order := range permutations(k) {
			shared := 0.0
			for i := range n {
				for c, from := range order {
					shared += float64(lead[i*k+c]) * float64(own[i*k+from])
				}
			}
			if shared > most {
				names, most = order, shared
			}
		}
		for i := range n {
			for c, from := range names {
				mean[i*k+c] += own[i*k+from]
			}
		}
	}
	got := make([]float32, n*k)
	one.Assignments(got, x, n)
	for i := range got {
		if want := mean[i] / 3; math.Abs(float64(got[i]-want)) > 1e-6 {
			t.Fatalf("row %d, cluster %d: %g, want %g", i/k, i%k, got[i], want)
		}
	}
}

// permutations lists the orders of 0 to n−1.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	return all
}
