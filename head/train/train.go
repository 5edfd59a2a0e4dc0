package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"iconic/head/linear"
	"iconic/head/optim"
)

// Task defines what a training learns, over float32 or float64.
type Task[T optim.Float] interface {
	// Learners returns the learners, which learn from the same batches, always in the same order and with the same slices.
	Learners() []*Learner[T]
	// Propose fills in the rows of step b.Step of epoch b.Epoch, and their features. It runs ahead of the steps, on another goroutine, so
	// it may read only what does not change.
	Propose(b *Batch) error
	// Gradient returns the loss of a learner on a batch and leaves its gradients in the learner. Learner 0 comes first in every step.
	Gradient(ctx context.Context, b *Batch, learner int) (loss float64, err error)
	// Kept is the state besides the learners that steps change, for a checkpoint, always with the same slices. It may be nil.
	Kept() []Tensor
}

// Assigner is a task whose learners assign clusters: the history records how many clusters the last batch uses.
type Assigner interface {
	Usage(learner int) (clustersUsed int, largestShare float64)
}

// Learner is a set of parameters with its own optimiser.
type Learner[T optim.Float] struct {
	Parameters [][]T
	Gradients  [][]T              // in the order of Parameters
	Optimiser  optim.Optimiser[T] // with its moments
	Average    [][]T              // moving average of Parameters; nil: none
	Decay      float64            // decay of that average
	Loss       float64            // mean over the last epoch; set by Train
}

// Batch is the input of one step.
type Batch struct {
	Epoch, Step int       // from 0; Step counts within the epoch
	Last        bool      // the last step of its epoch
	Rows        []int32   // rows of the features
	X           []float32 // their values, row after row
	Other       []float32 // values of a second set, if a task has one
}

// Plan determines how long and how fast a task is trained.
type Plan struct {
	Epochs, Steps int     // and steps per epoch, both ≥ 1
	Rate          float64 // the base learning rate
	Schedule      optim.Schedule
	Quiet         bool // neither history nor progress, for a phase that only completes a method
	Unrecorded    bool // no history: its losses are not comparable with earlier ones
	// LeastGain is the smallest fall of the lowest loss in an epoch, in nats: after a smaller one, the remaining epochs at the same
	// learning rate are skipped. 0 skips none.
	LeastGain float64
}

// Run is one training of a method: its phases in order, its observers, and the state to resume from.
type Run struct {
	// Progress is called after every step, from one goroutine at a time, with the steps done of the stage that Begun has named last, the number
	// of steps of that stage, and the mean loss of the epoch so far, or NaN if there is none. Steps of different stages take very different times.
	Progress func(step, steps int, loss float64)
	// Begun, if set, receives the name of each stage of the work as it begins, from one goroutine at a time.
	Begun func(stage string)
	// Epoch, if set, receives every line of history.
	Epoch func(Epoch) error
	// Save, if set, is passed the state, valid only during the call, after every epoch, and finally, with now set, if a training is
	// interrupted. Without now it may skip a state.
	Save func(s *State, now bool) error
	// Resume is the state to continue from; nil: start from the beginning.
	Resume *State

	// Notes are the notes of phases, in sentences, those of before an interruption too.
	Notes []string

	state State
	taken int // steps of completed phases that are not quiet
	epoch int // epochs of completed phases
}

// Begin reports that a stage of work begins.
func (r *Run) Begin(stage string) {
	if r.Begun != nil {
		r.Begun(stage)
	}
}

// note adds a note of a phase, in a sentence, which is saved with the state.
func (r *Run) note(format string, values ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, values...))
	r.state.Notes = r.Notes
}

// History returns the lines so far.
func (r *Run) History() []Epoch { return r.state.History }

// Record adds a line to the history, for methods whose steps are not those of a task.
func (r *Run) Record(line Epoch) error {
	r.state.History = append(r.state.History, line)
	if r.Epoch != nil {
		return r.Epoch(line)
	}
	return nil
}

// Parts begins a stage of so many parts, and returns the function to call after each of them, from any goroutine.
func (r *Run) Parts(stage string, parts int) (done func()) {
	r.Begin(stage)
	var mutex sync.Mutex
	step := 0
	tell := func() {
		if r.Progress != nil {
			r.Progress(step, parts, math.NaN())
		}
	}
	tell()
	return func() {
		mutex.Lock()
		defer mutex.Unlock()
		step++
		tell()
	}
}

// Stage is a phase that computes in one piece and has no steps; its result is saved once it has ended.
type Stage struct {
	Name    string
	Parts   int // steps that it counts for in the history and in a saved state
	Compute func() ([]Tensor, error)
}

// Stage runs a stage, or, if the run's state has its result, returns that. The result must not be changed. An interrupted stage starts
// again; the results of earlier phases are saved.
func (r *Run) Stage(s Stage) ([]Tensor, error) {
	at := len(r.state.Phases)
	if r.Resume != nil && len(r.Resume.Phases) > at {
		kept := r.Resume.Phases[at]
		if kept.Name != s.Name || kept.Steps != s.Parts || kept.Step != s.Parts {
			return nil, fmt.Errorf("%w: its %d of %d parts of phase %q do not match phase %q of %d", ErrOtherState, kept.Step, kept.Steps, kept.Name, s.Name, s.Parts)
		}
		r.history()
		r.state.Phases = append(r.state.Phases, kept)
		r.taken += s.Parts
		return kept.Tensors, nil
	}
	found, err := s.Compute()
	if err != nil {
		if r.Save != nil && at > 0 && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			err = errors.Join(err, r.save(true))
		}
		return nil, err
	}
	r.state.Phases = append(r.state.Phases, Phase{Name: s.Name, Step: s.Parts, Steps: s.Parts, Tensors: found})
	r.taken += s.Parts
	if r.Save != nil {
		err = r.save(false)
	}
	return found, err
}

// save passes on the state.
func (r *Run) save(now bool) error {
	r.state.Kernels = Kernels(r.Resume)
	return r.Save(&r.state, now)
}

// history takes over the history and the notes of the state that a run resumes from, before its first phase.
func (r *Run) history() {
	if len(r.state.Phases) == 0 {
		r.state.History = append(r.state.History, r.Resume.History...)
		r.Notes = append(r.Notes, r.Resume.Notes...)
		r.state.Notes = r.Notes
	}
}

// Train runs a task through a phase of a run: from the start, from the run's saved state, or, if that phase had ended, directly to its end.
// It fails in the step in which a loss or a parameter stops being finite, and with ctx's error when ctx ends between two steps.
func Train[T optim.Float](ctx context.Context, r *Run, name string, t Task[T], p Plan) error {
	l := &loop[T]{run: r, task: t, plan: p, learners: t.Learners(), sums: make([]float64, len(t.Learners())), losses: make([]float64, len(t.Learners()))}
	if err := l.begin(name); err != nil {
		return err
	}
	if l.phase().Step < l.phase().Steps {
		r.Begin(name)
	}
	for l.phase().Step < l.phase().Steps {
		if err := l.steps(ctx); err != nil && !errors.Is(err, errAhead) {
			return err
		}
	}
	l.end()
	return nil
}

// loop is one phase in progress.
type loop[T optim.Float] struct {
	run          *Run
	task         Task[T]
	plan         Plan
	learners     []*Learner[T]
	at           int       // index of the phase in the run's state
	sums, losses []float64 // per learner: sum over this epoch so far, and mean of the last epoch
	moved        bool      // a gradient has had a number other than 0
}

func (l *loop[T]) phase() *Phase { return &l.run.state.Phases[l.at] }

// begin opens the phase, and restores its saved state if there is one.
func (l *loop[T]) begin(name string) error {
	r := l.run
	l.at = len(r.state.Phases)
	total := l.plan.Epochs * l.plan.Steps
	resumed := r.Resume != nil && len(r.Resume.Phases) > l.at
	if resumed {
		r.history()
	}
	r.state.Phases = append(r.state.Phases, Phase{Name: name, Steps: total})
	if !resumed {
		return nil
	}
	kept := r.Resume.Phases[l.at]
	if kept.Name != name || kept.Steps != total || kept.Step < 0 || kept.Step > total {
		return fmt.Errorf("%w: its %d of %d steps of phase %q do not match %d steps of phase %q", ErrOtherState, kept.Step, kept.Steps, kept.Name, total, name)
	}
	l.phase().Step = kept.Step
	if err := restore(name, l.tensors(), kept.Tensors); err != nil {
		return err
	}
	for h, one := range l.learners {
		one.Loss = l.losses[h]
	}
	l.moved = kept.Step > 0 && l.hasMoved()
	return nil
}

// hasMoved reports whether a restored phase has had a gradient other than 0, as the moments of its optimisers tell. Without moments it may have had.
func (l *loop[T]) hasMoved() bool {
	for _, one := range l.learners {
		moments, _ := one.Optimiser.State(one.Parameters)
		if len(moments) == 0 || !zero(moments) {
			return true
		}
	}
	return false
}

// tensors returns the numbers in a checkpoint of the phase: all of them while it is in progress, and at its end those that are used later.
func (l *loop[T]) tensors() []Tensor {
	var list []Tensor
	ended := l.phase().Step == l.phase().Steps
	for h, one := range l.learners {
		prefix := strconv.Itoa(h) + "."
		add := func(what string, parts [][]T) {
			for i, x := range parts {
				list = append(list, tensor(prefix+what+strconv.Itoa(i), x))
			}
		}
		add("parameter", one.Parameters)
		add("average", one.Average)
		if !ended {
			moments, counts := one.Optimiser.State(one.Parameters)
			add("moment", moments)
			list = append(list, Tensor{Name: prefix + "steps", Int64: counts})
		}
	}
	list = append(list, Tensor{Name: "losses", Float64: l.losses})
	if !ended {
		list = append(list, Tensor{Name: "sums", Float64: l.sums})
	}
	return append(list, l.task.Kept()...)
}

// steps runs the remaining steps, on this goroutine, and proposes their batches on another, which ends first if a function of the run does not come back.
func (l *loop[T]) steps(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		_ = group.Wait() // returned below, unless a function does not come back
	}()
	loaded, free := make(chan *Batch), make(chan *Batch, 2)
	for range cap(free) {
		free <- new(Batch)
	}
	first := l.phase().Step
	group.Go(func() error { return l.load(ctx, first, free, loaded) }) // ends with the last batch or ctx
	err := l.each(ctx, first, free, loaded)
	group.Go(func() error { return err }) // counts if it came before that of load
	return group.Wait()
}

// each runs the steps with the batches that load proposes.
func (l *loop[T]) each(ctx context.Context, first int, free chan<- *Batch, loaded <-chan *Batch) error {
	for step := first; step < l.phase().Steps; step++ {
		var b *Batch
		select {
		case b = <-loaded:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), l.save(true))
		}
		if err := l.step(ctx, b, step); err != nil {
			return err
		}
		free <- b
		if l.phase().Step > step+1 {
			return errAhead
		}
		if ctx.Err() != nil && step+1 < l.phase().Steps {
			return errors.Join(ctx.Err(), l.save(true))
		}
	}
	return nil
}

// errAhead ends the steps at a learning rate that are skipped: the prefetched batches are discarded.
var errAhead = errors.New("the training continues at a later step")

// load proposes batches ahead of the steps.
func (l *loop[T]) load(ctx context.Context, first int, free <-chan *Batch, loaded chan<- *Batch) error {
	for step := first; step < l.plan.Epochs*l.plan.Steps; step++ {
		var b *Batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		b.Epoch, b.Step = step/l.plan.Steps, step%l.plan.Steps
		b.Last = b.Step == l.plan.Steps-1
		if err := l.task.Propose(b); err != nil {
			return fmt.Errorf("features of a batch: %w", err)
		}
		select {
		case loaded <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// step runs one step of every learner. ctx is checked only between steps.
func (l *loop[T]) step(ctx context.Context, b *Batch, step int) error {
	whole := context.WithoutCancel(ctx)
	if b.Step == 0 {
		clear(l.sums)
	}
	rate := l.plan.Rate * l.plan.Schedule.At(step, l.phase().Steps)
	for h, one := range l.learners {
		loss, err := l.task.Gradient(whole, b, h)
		if err == nil && loss-loss != 0 {
			err = fmt.Errorf("the loss is %w (%v): lower the learning rate, or check the features", linear.ErrNotFinite, loss)
		}
		if err == nil {
			l.sums[h] += loss
			l.moved = l.moved || !zero(one.Gradients)
			one.Optimiser.Step(one.Parameters, one.Gradients, rate)
			err = one.check(rate)
		}
		if err != nil {
			return fmt.Errorf("epoch %d, step %d%s: %w", b.Epoch+1, b.Step+1, l.which(h), err)
		}
		if one.Average != nil {
			optim.Average(one.Average, one.Parameters, one.Decay)
		}
	}
	l.phase().Step = step + 1
	l.tell(l.sums[0] / float64(b.Step+1))
	if !b.Last {
		return nil
	}
	before := l.losses[Best(l.losses)]
	for h, one := range l.learners {
		one.Loss = l.sums[h] / float64(l.plan.Steps)
		l.losses[h] = one.Loss
	}
	if err := l.record(b.Epoch, rate); err != nil {
		return err
	}
	if b.Epoch > 0 {
		l.skip(b.Epoch, before-l.losses[Best(l.losses)])
	}
	if p := l.phase(); p.Step == p.Steps && !l.moved {
		l.run.note("%s: the gradient was exactly 0 in every step, so nothing has been learned; check the settings, and whether the features differ", p.Name)
	}
	return l.save(false)
}

// skip skips the remaining epochs at a learning rate once an epoch has gained too little: the next step is the first of the first epoch at
// another rate, or there is none.
func (l *loop[T]) skip(epoch int, gain float64) {
	p := l.phase()
	if l.plan.LeastGain == 0 || gain >= l.plan.LeastGain || p.Step >= p.Steps {
		return
	}
	next := p.Steps
	if l.plan.Schedule.Kind == "step" {
		part := p.Step * l.plan.Schedule.Parts / p.Steps // part of the next step
		if (p.Step-1)*l.plan.Schedule.Parts/p.Steps < part {
			return // the rate changes now
		}
		next = ((part+1)*p.Steps + l.plan.Schedule.Parts - 1) / l.plan.Schedule.Parts
		next = min(p.Steps, (next+l.plan.Steps-1)/l.plan.Steps*l.plan.Steps)
	}
	if next == p.Step {
		return
	}
	l.run.note("%s: in epoch %d of %d the loss fell by %.4f, less than %g: skipping the remaining %d at that learning rate",
		p.Name, epoch+1, l.plan.Epochs, gain, l.plan.LeastGain, (next-p.Step)/l.plan.Steps)
	p.Step = next
	l.tell(l.losses[0])
}

// tell reports the steps done of the phase, which is a stage.
func (l *loop[T]) tell(loss float64) {
	if l.run.Progress != nil && !l.plan.Quiet {
		l.run.Progress(l.phase().Step, l.phase().Steps, loss)
	}
}

// which names a learner if there are several.
func (l *loop[T]) which(h int) string {
	if len(l.learners) == 1 {
		return ""
	}
	return fmt.Sprintf(", head %d of %d", h+1, len(l.learners))
}

// check fails if a step has made a parameter NaN or infinite, and names the cause.
func (one *Learner[T]) check(rate float64) error {
	if finite(one.Parameters) {
		return nil
	}
	if !finite(one.Gradients) {
		return fmt.Errorf("the gradient is %w: lower the learning rate, or check the features", linear.ErrNotFinite)
	}
	return fmt.Errorf("the weights are %w after a step at a learning rate of %g: lower it", linear.ErrNotFinite, rate)
}

// finite reports whether all numbers are: 0·x is NaN for those that are not.
func finite[T optim.Float](parts [][]T) bool {
	var sum T
	for _, x := range parts {
		for _, v := range x {
			sum += 0 * v
		}
	}
	return sum == 0
}

// zero reports whether all numbers are 0.
func zero[T optim.Float](parts [][]T) bool {
	for _, x := range parts {
		if slices.ContainsFunc(x, func(v T) bool { return v != 0 }) {
			return false
		}
	}
	return true
}

// record adds the epoch's line to the history.
func (l *loop[T]) record(epoch int, rate float64) error {
	if l.plan.Quiet || l.plan.Unrecorded {
		return nil
	}
	best := Best(l.losses)
	line := Epoch{Epoch: l.run.epoch + epoch + 1, Step: l.run.taken + l.phase().Step, Loss: l.losses[best], LearningRate: rate}
	if a, ok := l.task.(Assigner); ok {
		line.ClustersUsed, line.LargestShare = a.Usage(best)
	}
	return l.run.Record(line)
}

// save passes the state to Save.
func (l *loop[T]) save(now bool) error {
	if l.run.Save == nil {
		return nil
	}
	l.phase().Tensors = l.tensors()
	return l.run.save(now)
}

// end closes the phase. Its result is copied, because later phases may continue with the same parameters.
func (l *loop[T]) end() {
	l.phase().Tensors = nil
	for _, t := range l.tensors() {
		l.phase().Tensors = append(l.phase().Tensors, Tensor{t.Name, slices.Clone(t.Float32), slices.Clone(t.Float64), slices.Clone(t.Int64)})
	}
	if !l.plan.Quiet {
		l.run.taken += l.phase().Steps
	}
	if !l.plan.Quiet && !l.plan.Unrecorded {
		l.run.epoch += l.plan.Epochs
	}
}

// Best is the index of the lowest loss, ties to the first; a NaN is never the lowest.
func Best(losses []float64) int {
	best, at := math.Inf(1), 0
	for i, v := range losses {
		if v < best {
			best, at = v, i
		}
	}
	return at
}
