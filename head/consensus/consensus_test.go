package consensus

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
)

// shuffled is l with its clusters in another order.
func shuffled(l *linear.Head, order []int) *linear.Head {
	s := l.Clone()
	for c, from := range order {
		copy(s.Weight[c*l.Dim:(c+1)*l.Dim], l.Weight[from*l.Dim:(from+1)*l.Dim])
		s.Bias[c] = l.Bias[from]
	}
	return s
}

// noisy moves the weights of l a little.
func noisy(r *rand.Rand, l *linear.Head) *linear.Head {
	s := l.Clone()
	for i := range s.Weight {
		s.Weight[i] += float32(0.5 * r.NormFloat64())
	}
	return s
}

// voters is features and three heads over them, made of one.
func voters(make func(r *rand.Rand, l *linear.Head) *linear.Head) (*method.Data, []*linear.Head, *linear.Head) {
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

// Heads that are one but for the order of their clusters agree with each of them.
func TestConsensusOfOneOpinion(t *testing.T) {
	d, heads, l := voters(func(r *rand.Rand, l *linear.Head) *linear.Head { return shuffled(l, r.Perm(l.Clusters)) })
	got, _, err := Distil(context.Background(), d, "consensus", heads, make([]float64, 3))
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
	counts, sure, surely := make([]int, k*k), 0.0, 0.0
	for i := range n {
		a, b := 0, 0
		for c := range k {
			if p[i*k+c] > p[i*k+a] {
				a = c
			}
			if q[i*k+c] > q[i*k+b] {
				b = c
			}
		}
		counts[a*k+b]++
		sure, surely = sure+float64(p[i*k+a])/float64(n), surely+float64(q[i*k+b])/float64(n)
	}
	same := 0
	for a := range k {
		most := 0
		for _, c := range counts[a*k : (a+1)*k] {
			most = max(most, c)
		}
		same += most
	}
	if share := float64(same) / float64(n); share < 0.93 {
		t.Errorf("the consensus puts %.3f of the images where every head does", share)
	}
	if math.Abs(sure-surely) > 0.03 {
		t.Errorf("the heads are confident by %.3f, their consensus by %.3f", sure, surely)
	}
}

// The temperature is the best one: a little more or less of it lies further from the ensemble.
func TestTemperIsTheLeast(t *testing.T) {
	d, heads, l := voters(noisy)
	v := &ensemble{features: d.Features, clusters: 4, heads: heads}
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
			t.Errorf("begun at %g: cross-entropies %.4f, %.4f, %.4f at 0.98, 1 and 1.02 of the scale", sharp, away(0.98), least, away(1.02))
		}
	}
}

// A head whose loss stands out does not count, nor does one without a loss, and where most stand out the least loss decides.
func TestHeadsFarFromTheLeastLossDoNotCount(t *testing.T) {
	d, heads, _ := voters(noisy)
	nan := math.NaN()
	for _, c := range []struct {
		losses []float64
		note   string
		kept   bool // the third head, as it is
	}{
		{[]float64{1, 1.005, 1.009}, "3 of 3 heads are combined", false},
		{[]float64{1.5, 1.005, 1}, "2 of 3 heads are combined", false},
		{[]float64{nan, 1.005, 1}, "2 of 3 heads are combined", false},
		{[]float64{1.5, 1.05, 1}, "the losses of the 3 heads differ too much to combine them: the head of least loss is kept", true},
		{[]float64{nan, nan, 1}, "the losses of the 3 heads differ too much to combine them: the head of least loss is kept", true},
	} {
		d.Run = &train.Run{}
		l, note, err := Distil(context.Background(), d, "consensus", heads, c.losses)
		if err != nil {
			t.Fatal(err)
		}
		if note != c.note || (l == heads[2]) != c.kept {
			t.Errorf("losses %v: %q, the third kept: %t", c.losses, note, l == heads[2])
		}
	}
}
