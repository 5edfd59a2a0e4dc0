package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"iconic/head/linear"
	"iconic/head/optim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// valley is ½ Σ x² for several learners; at step broken, learner 1 fails.
type valley struct {
	learners []*Learner[float64]
	broken   int
	loss     float64 // its loss then
	gradient float64
}

func newValley(learners int) *valley {
	v := &valley{broken: -1}
	for range learners {
		v.learners = append(v.learners, &Learner[float64]{Parameters: [][]float64{{1, -2}}, Gradients: [][]float64{{0, 0}}, Optimiser: &optim.SGD[float64]{}})
	}
	return v
}

func (v *valley) Learners() []*Learner[float64] { return v.learners }
func (v *valley) Propose(*Batch) error          { return nil }
func (v *valley) Kept() []Tensor                { return nil }

func (v *valley) Gradient(_ context.Context, b *Batch, h int) (float64, error) {
	x, loss := v.learners[h].Parameters[0], 0.0
	for i, e := range x {
		v.learners[h].Gradients[0][i] = e
		loss += e * e / 2
	}
	if h == 1 && b.Epoch*3+b.Step == v.broken {
		v.learners[h].Gradients[0][0] = v.gradient
		return v.loss, nil
	}
	return loss, nil
}

// A number that stops being finite is found in its step, whatever it is, and reported with its cause.
func TestNotFiniteIsFoundInItsStep(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name           string
		loss, gradient float64
		rate           float64
		want           string
	}{
		{"the loss", nan, 1, 0.1, "epoch 2, step 2, head 2 of 2: the loss is not finite (NaN): lower the learning rate"},
		{"an infinite loss", math.Inf(1), 1, 0.1, "the loss is not finite (+Inf)"},
		{"the gradient", 1, nan, 0.1, "epoch 2, step 2, head 2 of 2: the gradient is not finite"},
		{"the step", 1, 1e300, 1e300, "the weights are not finite after a step at a learning rate of 1e+300"},
	} {
		v := newValley(2)
		v.broken, v.loss, v.gradient = 4, c.loss, c.gradient
		rate := c.rate
		if rate > 1 { // fail at once, so that no earlier step does
			v.broken = 0
		}
		err := Train(context.Background(), &Run{}, "valley", v, Plan{Epochs: 3, Steps: 3, Rate: rate})
		if !errors.Is(err, linear.ErrNotFinite) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// The functions of a run are called where Train was called: there a panic in one can be recovered, and no goroutine stays behind.
func TestFunctionsThatPanicCanBeRecovered(t *testing.T) {
	leave := func() { panic("left") }
	for name, r := range map[string]*Run{
		"Progress": {Progress: func(int, int, float64) { leave() }},
		"Epoch":    {Epoch: func(Epoch) error { leave(); return nil }},
		"Save":     {Save: func(*State, bool) error { leave(); return nil }},
	} {
		func() {
			defer func() {
				if got := recover(); got != "left" {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			err := Train(t.Context(), r, "phase", newValley(1), Plan{Epochs: 4, Steps: 5})
			t.Errorf("%s: returned %v", name, err)
		}()
		goleak.VerifyNone(t)
	}
}

// The lowest loss is never NaN.
func TestBestIsNeverNaN(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		losses []float64
		want   int
	}{{[]float64{nan, 1}, 1}, {[]float64{1, nan}, 0}, {[]float64{2, 1, 1}, 1}, {[]float64{nan, nan}, 0}} {
		if got := Best(c.losses); got != c.want {
			t.Errorf("%v: %d, want %d", c.losses, got, c.want)
		}
	}
}

// A state of another training is refused before any step.
func TestAStateOfAnotherTrainingIsRefused(t *testing.T) {
	var kept *State
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &Run{
		Progress: func(step, _ int, _ float64) {
			if step == 4 {
				cancel()
			}
		},
		Save: func(s *State, now bool) error {
			if now {
				kept = s
			}
			return nil
		},
	}
	plan := Plan{Epochs: 3, Steps: 3, Rate: 0.1}
	if err := Train(ctx, r, "valley", newValley(2), plan); !errors.Is(err, context.Canceled) || kept == nil {
		t.Fatalf("%v, kept %v", err, kept)
	}
	longer := plan
	longer.Epochs = 4
	for name, train := range map[string]func(r *Run) error{
		"another name":    func(r *Run) error { return Train(context.Background(), r, "hill", newValley(2), plan) },
		"other steps":     func(r *Run) error { return Train(context.Background(), r, "valley", newValley(2), longer) },
		"another learner": func(r *Run) error { return Train(context.Background(), r, "valley", newValley(8), plan) },
		"other parameters": func(r *Run) error {
			v := newValley(2)
			v.learners[1].Parameters[0] = []float64{1}
			return Train(context.Background(), r, "valley", v, plan)
		},
	} {
		if err := train(&Run{Resume: kept}); err == nil || !strings.Contains(err.Error(), "another training") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Train(context.Background(), &Run{Resume: kept}, "valley", newValley(2), plan); err != nil {
		t.Error(err)
	}
}

// A stage's result is saved, and used from a state without computing it again; an interrupted stage saves the results of earlier ones.
func TestStages(t *testing.T) {
	stages := func(r *Run, computed *int, stop bool) (sum int64, err error) {
		for _, name := range []string{"first", "second"} {
			found, err := r.Stage(Stage{Name: name, Parts: 2, Compute: func() ([]Tensor, error) {
				if stop && name == "second" {
					return nil, context.Canceled
				}
				*computed++
				done := r.Parts("part of "+name, 2)
				done()
				done()
				return []Tensor{{Name: "x", Int64: []int64{int64(*computed)}}}, nil
			}})
			if err != nil {
				return 0, err
			}
			sum = 10*sum + found[0].Int64[0]
		}
		return sum, Train(context.Background(), r, "valley", newValley(1), Plan{Epochs: 1, Steps: 3, Rate: 0.1, Unrecorded: true})
	}
	var kept *State
	var told []int
	var begun []string
	r := &Run{Begun: func(stage string) { begun = append(begun, stage) }, Progress: func(done, total int, _ float64) { told = append(told, done, total) }, Save: func(s *State, now bool) error {
		if now {
			kept = &State{Phases: append([]Phase(nil), s.Phases...), History: []Epoch{{Epoch: 1}}}
		}
		return nil
	}}
	computed := 0
	if _, err := stages(r, &computed, true); !errors.Is(err, context.Canceled) || kept == nil || len(kept.Phases) != 1 {
		t.Fatalf("interrupted: %v, kept %+v", err, kept)
	}
	told, begun = nil, nil
	r.Resume, r.state, r.taken = kept, State{}, 0
	sum, err := stages(r, &computed, false)
	if err != nil || sum != 12 || computed != 2 {
		t.Errorf("resumed: %d after %d computations, %v", sum, computed, err)
	}
	// Steps are those of the stage that began last: a start of k-means may take as long as a thousand steps of a training.
	if want := []int{0, 2, 1, 2, 2, 2, 1, 3, 2, 3, 3, 3}; !slices.Equal(told, want) || !slices.Equal(begun, []string{"part of second", "valley"}) {
		t.Errorf("progress %v of %v, want %v", told, begun, want)
	}
	if len(r.History()) != 1 {
		t.Errorf("history %v: want that of the state, without unrecorded epochs", r.History())
	}
	if _, err := (&Run{Resume: kept}).Stage(Stage{Name: "other", Parts: 2}); err == nil || !strings.Contains(err.Error(), "another training") {
		t.Errorf("a state of another stage: %v", err)
	}
}

// An epoch that gains too little is the last at its learning rate; a resumed training ends with the same bits, wherever it stopped.
func TestEpochsThatGainLittleAreLeftOut(t *testing.T) {
	plan := Plan{Epochs: 12, Steps: 3, Rate: 0.5, Schedule: optim.Schedule{Kind: "step", Parts: 3, Factor: 0.5}, LeastGain: 0.02}
	run := func(resume *State, stop int) (*valley, *Run, *State) {
		v, r := newValley(2), &Run{Resume: resume}
		var kept *State
		saves := 0
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r.Save = func(s *State, _ bool) error {
			copied := State{History: slices.Clone(s.History), Notes: slices.Clone(s.Notes)}
			for _, p := range s.Phases {
				whole := Phase{Name: p.Name, Step: p.Step, Steps: p.Steps}
				for _, x := range p.Tensors {
					whole.Tensors = append(whole.Tensors, Tensor{x.Name, slices.Clone(x.Float32), slices.Clone(x.Float64), slices.Clone(x.Int64)})
				}
				copied.Phases = append(copied.Phases, whole)
			}
			kept = &copied
			if saves++; saves == stop {
				cancel()
			}
			return nil
		}
		if err := Train(ctx, r, "valley", v, plan); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return v, r, kept
	}
	v, r, _ := run(nil, 0)
	// The first rate halves x in a step: ½·5·(1 + ¼ + 1/16)/3 in the first epoch, 1/64 of that in the second, almost nothing in the third.
	var epochs []int
	for _, e := range r.History() {
		epochs = append(epochs, e.Epoch)
		if e.Step != 3*e.Epoch {
			t.Errorf("%d steps to the end of epoch %d of 3 steps", e.Step, e.Epoch)
		}
	}
	if !slices.Equal(epochs, []int{1, 2, 3, 5, 9}) || len(r.Notes) != 3 ||
		r.Notes[0] != "valley: in epoch 3 of 12 the loss fell by 0.0168, less than 0.02: skipping the remaining 1 at that learning rate" {
		t.Errorf("epochs %v, notes %q", epochs, r.Notes)
	}
	for stop := range len(epochs) - 1 {
		_, _, kept := run(nil, stop+1)
		again, resumed, _ := run(kept, 0)
		if !slices.Equal(resumed.Notes, r.Notes) {
			t.Errorf("resumed after epoch %d of its history, its notes are %q, want %q", epochs[stop], resumed.Notes, r.Notes)
		}
		for h := range v.learners {
			if !slices.Equal(v.learners[h].Parameters[0], again.learners[h].Parameters[0]) {
				t.Errorf("resumed after epoch %d of its history, learner %d ends with a different result", epochs[stop], h)
			}
		}
	}
	plan.LeastGain = 0
	if _, r, _ = run(nil, 0); len(r.History()) != 12 {
		t.Errorf("without a least gain %d of 12 epochs are taken", len(r.History()))
	}
}

// flat is a valley whose gradient is 0 in all steps but some.
type flat struct {
	*valley
	steep func(step, learner int) bool
}

func (f *flat) Gradient(ctx context.Context, b *Batch, h int) (float64, error) {
	loss, err := f.valley.Gradient(ctx, b, h)
	if !f.steep(b.Epoch*3+b.Step, h) {
		clear(f.learners[h].Gradients[0])
	}
	return loss, err
}

// A phase in which no learner ever had a gradient other than 0 is noted, and no other, wherever it is interrupted.
func TestAPhaseThatLearnsNothingIsNoted(t *testing.T) {
	type phase struct {
		steep func(step, learner int) bool
		notes int
	}
	phases := map[string]phase{
		"never":                            {func(int, int) bool { return false }, 1},
		"always":                           {func(int, int) bool { return true }, 0},
		"in the first step of one learner": {func(step, h int) bool { return step == 0 && h == 1 }, 0},
		"in the last step":                 {func(step, _ int) bool { return step == 8 }, 0},
	}
	for name, c := range phases {
		for stop := range 3 { // 0: not interrupted
			r := &Run{}
			for {
				ctx, cancel := context.WithCancel(context.Background())
				v, saves := newValley(2), 0
				for _, l := range v.learners {
					l.Optimiser = &optim.Adam[float64]{}
				}
				var kept State
				r.Save = func(s *State, _ bool) error {
					kept = *s
					if saves++; saves == stop {
						cancel()
					}
					return nil
				}
				err := Train(ctx, r, "flat", &flat{v, c.steep}, Plan{Epochs: 3, Steps: 3, Rate: 0.1})
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				stop, r = 0, &Run{Resume: &kept}
			}
			if len(r.Notes) != c.notes || c.notes > 0 && !strings.Contains(r.Notes[0], "flat: the gradient was exactly 0 in every step") {
				t.Errorf("%s: notes %q, want %d", name, r.Notes, c.notes)
			}
		}
	}
}
