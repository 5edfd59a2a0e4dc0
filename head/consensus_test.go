package head

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"iconic/internal/kernel"
)

// shuffled is l with its clusters in another order.
func shuffled(l *Linear, order []int) *Linear {
	s := l.clone()
	for c, from := range order {
		copy(s.Weight[c*l.Dim:(c+1)*l.Dim], l.Weight[from*l.Dim:(from+1)*l.Dim])
		s.Bias[c] = l.Bias[from]
	}
	return s
}

// noisy moves the weights of l a little.
func noisy(r *rand.Rand, l *Linear) *Linear {
	s := l.clone()
	for i := range s.Weight {
		s.Weight[i] += float32(0.5 * r.NormFloat64())
	}
	return s
}

// voters is a training of which only the vote is left to do, over heads that are made of one.
func voters(t *testing.T, head func(r *rand.Rand, l *Linear) *Linear) (*training, *Linear) {
	t.Helper()
	m := clouds(5, 2000, 8, 4, 1)
	config := small(4)
	config.Consensus, config.Heads = true, 3
	config, _ = config.Resolve(m.Len())
	tr, err := prepare(context.Background(), m, config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 9))
	l := newLinear(4, 8, r)
	kernel.Scale(l.Weight, 3)
	tr.state = &State{}
	for range 3 {
		tr.state.Heads = append(tr.state.Heads, &Trainee{Linear: head(r, l)})
	}
	return tr, l
}

// Heads that are one but for the order of their clusters say what one of them says.
func TestConsensusOfOneOpinion(t *testing.T) {
	tr, l := voters(t, func(r *rand.Rand, l *Linear) *Linear { return shuffled(l, r.Perm(l.Clusters)) })
	got, err := tr.consensus(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	n, k := tr.features.Len(), l.Clusters
	x, p, q := make([]float32, n*l.Dim), make([]float32, n*k), make([]float32, n*k)
	if err := tr.features.Block(x, 0, n); err != nil {
		t.Fatal(err)
	}
	l.probabilities(p, x, n)
	got.probabilities(q, x, n)
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
		t.Errorf("the heads are sure by %.3f, their consensus by %.3f", sure, surely)
	}
}

// The temperature is the best one: a little more or less of it lies further from the vote.
func TestTemperIsTheLeast(t *testing.T) {
	tr, l := voters(t, noisy)
	v := &vote{training: tr}
	for _, trainee := range tr.state.Heads {
		v.heads = append(v.heads, trainee.Linear)
		v.order = append(v.order, []int{0, 1, 2, 3})
	}
	k := l.Clusters
	for _, sharp := range []float32{0.01, 1, 100} {
		l := l.clone()
		kernel.Scale(l.Weight, sharp)
		if err := v.temper(context.Background(), l); err != nil {
			t.Fatal(err)
		}
		away := func(s float32) float64 { // cross-entropy to the vote at a scale of s
			l := l.clone()
			kernel.Scale(l.Weight, s)
			kernel.Scale(l.Bias, s)
			sum := make([]float64, 1+tr.features.Len()/voteRows)
			err := v.each(context.Background(), func(block, _ int, x, p []float32) {
				q := make([]float32, len(p))
				l.probabilities(q, x, len(p)/k)
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

// Where few heads are trained one is refined instead, and the recipes that are not the tool's own keep a head as it is.
func TestWhichHeadsVote(t *testing.T) {
	for _, c := range []struct{ clusters, heads, refine int }{{2, 8, 0}, {10, 8, 0}, {100, 8, 0}, {101, 4, 0}, {200, 4, 0}, {201, 1, 2}, {1000, 1, 2}} {
		if d := Default(c.clusters); d.Heads != c.heads || d.Refine != c.refine || !d.Consensus {
			t.Errorf("%d clusters: %d heads, refined %d times, consensus %t; want %d and %d", c.clusters, d.Heads, d.Refine, d.Consensus, c.heads, c.refine)
		}
	}
	for _, m := range Methods() {
		if c := m.preset(100); c.Consensus != (m.Name == MethodDefault) {
			t.Errorf("%s: consensus %t", m.Name, c.Consensus)
		}
	}
}

// A head whose loss stands out has no say, and where most do the least loss decides.
func TestHeadsFarFromTheLeastLossDoNotVote(t *testing.T) {
	tr, _ := voters(t, noisy)
	for _, c := range []struct {
		losses  [3]float64
		verdict string
	}{
		{[3]float64{1, 1.005, 1.009}, "3 of 3 heads voted"},
		{[3]float64{1.5, 1.005, 1}, "2 of 3 heads voted"},
		{[3]float64{1.5, 1.05, 1}, "the losses of 3 heads lie too far apart for a vote: the least one is kept"},
	} {
		for h, loss := range c.losses {
			tr.state.Heads[h].Loss = loss
		}
		l, err := tr.consensus(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if tr.verdict != c.verdict {
			t.Errorf("losses %v: %q, want %q", c.losses, tr.verdict, c.verdict)
		}
		if kept := l == tr.state.Heads[2].Linear; kept != (c.losses[1] > 1.01) {
			t.Errorf("losses %v: the head of least loss was kept: %t", c.losses, kept)
		}
	}
}
