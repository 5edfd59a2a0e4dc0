package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"iconic/features"
	"iconic/head"
	"iconic/head/knn"
	"iconic/internal/identity"
	"iconic/internal/plural"
	"iconic/internal/relay"
	"iconic/progress"
	"iconic/report"
	"iconic/run"
)

// sharedGraph is a neighbour graph of the features of a key.
type sharedGraph struct {
	features string
	made     head.Wanted
	graph    *knn.Graph
}

// sharedBaseline is k-means on the same features with the same clusters and seed, computed by the first job that needs it, or if that fails by
// the next one.
type sharedBaseline struct {
	mutex sync.Mutex
	found *run.Baseline
}

// train makes the unfinished runs, one per processor.
func (s *Sweep) train(ctx context.Context) error {
	left, err := s.unfinished(ctx)
	if err != nil {
		return err
	}
	if done := len(s.Jobs) - len(left); done > 0 {
		s.options.Hooks.Notef("%d of %s %s finished already", done, plural.Of(len(s.Jobs), "run", "runs"), plural.Word(done, "is", "are"))
	}
	if len(left) == 0 {
		return nil
	}
	if err := s.neighbours(ctx, left); err != nil {
		return err
	}
	if n := s.options.Parts; n > 0 { // its own share first, then the others in order
		slices.SortStableFunc(left, func(a, b *Job) int {
			return cmp.Compare((a.number%n-s.options.Part+1+n)%n, (b.number%n-s.options.Part+1+n)%n)
		})
	}
	s.told = len(s.Jobs) - len(left)
	s.tellRuns()
	for told := false; ; told = true {
		if left, err = s.pass(ctx, left); err != nil || len(left) == 0 || s.options.Parts > 0 {
			return err
		}
		if !told {
			s.waiting(len(left))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// waiting notes how many runs are claimed by others.
func (s *Sweep) waiting(runs int) {
	s.options.Hooks.Notef("waiting for %s", plural.Of(runs, "run that another process is making", "runs that other processes are making"))
}

// pass makes every run that it can claim, and returns those claimed by others.
func (s *Sweep) pass(ctx context.Context, jobs []*Job) (left []*Job, err error) {
	err = relay.Run(ctx, func(ctx context.Context, r *relay.Relay) (err error) {
		s.relay = r
		left, err = s.claimed(ctx, jobs)
		return err
	})
	return left, err
}

// claimed is the work of pass.
func (s *Sweep) claimed(ctx context.Context, jobs []*Job) (left []*Job, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(s.options.Workers, len(jobs)))
	for _, j := range jobs {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			busy, err := s.once(ctx, j)
			if busy {
				s.mutex.Lock()
				left = append(left, j)
				s.mutex.Unlock()
			}
			return err
		})
	}
	err = g.Wait()
	slices.SortFunc(left, func(a, b *Job) int { return cmp.Compare(a.number, b.number) })
	return left, err
}

// once makes a run unless it is finished by now. busy is true if another process is making it.
func (s *Sweep) once(ctx context.Context, j *Job) (busy bool, err error) {
	release, err := s.claim(j)
	if release == nil || err != nil {
		return err == nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	there, err := s.finished(j)
	if err != nil {
		return false, err
	}
	if !there {
		switch err := s.run(ctx, j); {
		case errors.Is(err, run.ErrBusy): // a training of its own in the run's folder
			return true, nil
		case err != nil:
			return false, fmt.Errorf("run %s: %w", j.Name, err)
		}
	}
	s.ended(j)
	return false, nil
}

// graph is the shared graph with which a job trains as with its own, nil if there is none yet.
func (s *Sweep) graph(j *Job) *knn.Graph {
	for _, g := range s.graphs {
		if g.features == j.set.Source.Key && g.made.Serves(j.wanted) {
			return g.graph
		}
	}
	return nil
}

// neighbours computes each graph once, beginning with those of most neighbours, which serve other jobs, too.
func (s *Sweep) neighbours(ctx context.Context, jobs []*Job) error {
	sorted := slices.Clone(jobs)
	slices.SortStableFunc(sorted, func(a, b *Job) int { return cmp.Compare(b.wanted.Neighbours, a.wanted.Neighbours) })
	for _, j := range sorted {
		if s.graph(j) != nil {
			continue
		}
		g, err := head.Neighbours(ctx, j.set, j.Config, head.Options{Workers: s.options.Workers, Cache: j.set.Graphs, GraphProgress: s.options.Hooks.Stage("neighbours", "comparisons")})
		if err != nil {
			return fmt.Errorf("%s: %w", j.set.Source.Store, err)
		}
		s.graphs = append(s.graphs, sharedGraph{j.set.Source.Key, j.wanted, g})
	}
	return nil
}

// RunsStage is the stage whose steps are ended runs.
const RunsStage = "runs"

// tellRuns reports the number of ended runs.
func (s *Sweep) tellRuns() {
	s.options.Hooks.At(progress.Step{Stage: RunsStage, Unit: "runs", Done: int64(s.told), Total: int64(len(s.Jobs))})
}

// ended reports a run.
func (s *Sweep) ended(j *Job) {
	s.relay.Do(func() {
		s.told++
		s.tellRuns()
		if s.options.Ended != nil {
			s.options.Ended(j, s.told)
		}
	})
}

// baseline is the k-means baseline, shared by all runs that would compute the same.
func (s *Sweep) baseline(ctx context.Context, set *features.Set, in report.Input) (*run.Baseline, error) {
	key, err := identity.Run{Features: set.Source.Key, Labels: set.Labels, Classes: set.Classes, Training: head.Config{Clusters: in.Clusters, Seed: in.Seed}}.Key()
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	b := s.baselines[key]
	if b == nil {
		b = new(sharedBaseline)
		s.baselines[key] = b
	}
	s.mutex.Unlock()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.found == nil {
		b.found, err = run.KMeans(ctx, set, in, progress.Hooks{})
	}
	return b.found, err
}
