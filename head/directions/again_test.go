package directions

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/train"
	"iconic/matrix"
)

func TestRepeats(t *testing.T) {
	for _, c := range []struct {
		rows, clusters int
		want           bool
	}{
		{50_000, few, false}, {50_000, few + 1, true}, {50_000, mostSpectral, true}, {50_000, mostSpectral + 1, false}, {100, 25, true}, {99, 25, false},
	} {
		s := &search{options: Options{Clusters: c.clusters}, z: shape{c.rows, 8}}
		if got := s.repeats(); got != c.want {
			t.Errorf("%d rows, %d clusters: %v", c.rows, c.clusters, got)
		}
	}
}

// streaked are clouds that are wide along some directions, the same in all, which neighbours show only in part.
func streaked(seed uint64, clouds, rows int) (*matrix.Dense, []int32) {
	const d, wide, spread, apart = 24, 8, 3, 1.1
	r := rand.New(rand.NewPCG(seed, 7))
	centres := make([][]float64, clouds)
	for c := range centres {
		centres[c] = make([]float64, d)
		step(r, centres[c], apart)
	}
	z := matrix.NewDense(clouds*rows, d)
	truth := make([]int32, clouds*rows)
	for i := range truth {
		truth[i] = int32(i % clouds)
		for e, m := range centres[truth[i]] {
			noise := r.NormFloat64()
			if e < wide {
				noise *= spread
			}
			z.X[i*d+e] = float32(m + noise)
		}
	}
	return z, truth
}

// learnt returns the clusters of a search with its head, the search, and the share of the rows that are in their class's cluster.
func learnt(t *testing.T, z *matrix.Dense, truth []int32, clusters, workers int, run *train.Run) ([]int, float64) {
	t.Helper()
	data := &method.Data{Features: z, Raw: z, Graph: near(t, z), Clusters: clusters, Seed: 3, Workers: workers, Run: run}
	out, err := mixtures{}.Recipe(clusters).(*Recipe).Learn(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	own, err := out.Head.Argmaxes(context.Background(), z, 2)
	if err != nil {
		t.Fatal(err)
	}
	return own, agreement(t, partition.Of(own), truth, clusters)
}

// The second pass finds classes better than the first, in which neighbours alone tell what varies within classes.
func TestTheSecondPassFindsMore(t *testing.T) {
	const clusters = few + 4
	if testing.Short() {
		t.Skip("searches six times; the goroutines are those of other tests")
	}
	var first, second float64
	for seed := range uint64(3) {
		z, truth := streaked(seed, clusters, 30)
		f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: clusters, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		first += agreement(t, f.Cluster, truth, clusters) / 3
		if err := f.again(context.Background()); err != nil {
			t.Fatal(err)
		}
		second += agreement(t, f.Cluster, truth, clusters) / 3
	}
	if second < first+0.02 {
		t.Errorf("%.3f of the rows are in their class's cluster after the first pass, %.3f after the second", first, second)
	}
}

// A training of two passes has the same bits on any number of workers, and from every state that it saved; its progress ends at the total.
func TestTwoPassesResume(t *testing.T) {
	const clusters = few + 4
	z, truth := streaked(1, clusters, 20)
	var states []train.State
	last, whole := 0, 0
	keep := func(s *train.State, _ bool) error {
		kept := *s
		kept.Phases, kept.History = slices.Clone(s.Phases), slices.Clone(s.History)
		if len(states) == 0 || len(states[len(states)-1].Phases) < len(kept.Phases) {
			states = append(states, kept)
		}
		return nil
	}
	want, _ := learnt(t, z, truth, clusters, 1, &train.Run{Save: keep, Progress: func(done, total int, _ float64) { last, whole = done, total }})
	if last != whole || whole == 0 {
		t.Errorf("progress ends at %d of %d", last, whole)
	}
	if got, _ := learnt(t, z, truth, clusters, 3, &train.Run{}); !slices.Equal(got, want) {
		t.Error("three workers find other clusters than one")
	}
	for s := range states {
		if testing.Short() && s%3 != 0 {
			continue
		}
		phase := states[s].Phases[len(states[s].Phases)-1]
		if phase.Step < phase.Steps {
			continue // its tensors are those of a training in progress, valid only during the call
		}
		if got, _ := learnt(t, z, truth, clusters, 2, &train.Run{Resume: &states[s]}); !slices.Equal(got, want) {
			t.Errorf("resumed after phase %d, %s, other clusters are found", len(states[s].Phases), phase.Name)
		}
	}
	if len(states) < 4 {
		t.Errorf("%d states were saved", len(states))
	}
}
