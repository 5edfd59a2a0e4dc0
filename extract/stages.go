package extract

import (
	"cmp"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"iconic/extract/store"
	"iconic/internal/budget"
	"iconic/internal/parallel"
	"iconic/option"
)

// stages is the pipeline of one call of Run or Each. Every goroutine ends when its input is closed or its context is done.
type stages struct {
	*run
	workers int
	memory  *budget.Budget // for files and pictures

	free    chan *job // jobs available for reuse: their number bounds the work in progress
	work    chan *job // to the workers
	ordered chan *job // the same jobs, in order
	spare   chan *batch
	encode  chan *batch
	store   chan *batch

	first chan struct{} // asks the last stage to open the encoder for the first image to encode
	size  chan int      // its answer: the number of images of a full batch
}

// sink receives the output of the stages, in the order of the entries: a store's writer, or a visitor of the features.
type sink interface {
	Known(path string) (store.Known, bool) // what an earlier run knew about a path, which need not be read if its stamp is unchanged
	Has(h store.Hash) bool                 // whether the features of a content exist already
	Skip(it store.Item, stamp string) error
	Append(it store.Item, stamp string, features []float32) error // features are nil if they exist already; they may not be kept
}

// job is one entry on its way to a batch. Its buffers are reused.
type job struct {
	entry  entry
	item   store.Item
	stamp  string
	state  state
	pixels []float32
	done   chan struct{} // receives one value when the job is ready
}

// state is the state of an entry.
type state int

const (
	known   state = iota // its features exist
	decoded              // its pixels are ready
	skipped              // it is bad; item says why
	unread               // likewise, and nothing is known of its content: the file could not be read
)

func (s state) bad() bool { return s == skipped || s == unread }

// batch is a sequence of entries, and the pixels of those to encode.
type batch struct {
	steps    []step
	images   int // images to encode
	pixels   []float32
	features []float32
}

// step is one entry of a batch.
type step struct {
	item  store.Item
	stamp string
	state state
}

// maxSteps bounds the entries of a batch of which few are encoded.
const maxSteps = 4096

func newStages(r *run) (*stages, error) {
	workers := parallel.Workers(r.config.Workers)
	memory := cmp.Or(r.config.Memory, budget.Default())
	memory -= r.set.Share(memory)
	ahead, err := r.config.ahead(workers, memory)
	if err != nil {
		return nil, err
	}
	s := &stages{
		run: r, workers: workers, memory: budget.New(memory - ahead.bytes),
		free: make(chan *job, ahead.jobs), work: make(chan *job, ahead.jobs), ordered: make(chan *job, ahead.jobs),
		spare: make(chan *batch, ahead.batches), encode: make(chan *batch, 1), store: make(chan *batch, 1),
		first: make(chan struct{}), size: make(chan int, 1),
	}
	for range cap(s.free) {
		s.free <- &job{done: make(chan struct{}, 1)}
	}
	for range cap(s.spare) {
		s.spare <- &batch{}
	}
	return s, nil
}

// ahead is the work in progress, and what the views of its images take.
type ahead struct {
	jobs, batches int
	bytes         int64
}

// ahead chooses how much work is in progress at once: up to four jobs for each worker and three batches, of which one is filled, one encoded and
// one stored, but fewer if the prepared views of their images, 3·Crop² floats each, would take more than a quarter of the memory. The other
// images of a batch are not counted: their number is Batch. It fails if too little would be left even with one of both.
func (c *Config) ahead(workers int, memory int64) (ahead, error) {
	const jobs, batches = 4, 3
	image := 12 * int64(c.Views) * int64(c.Transform.Crop) * int64(c.Transform.Crop)
	a := ahead{jobs: jobs * workers, batches: batches}
	if most := memory / 4 / image; int64(a.jobs+a.batches) > most {
		a.batches = int(max(1, min(most/4, batches)))
		a.jobs = int(max(1, min(most-int64(a.batches), int64(a.jobs))))
	}
	if a.bytes = int64(a.jobs+a.batches) * image; memory-a.bytes < min(budget.Least, memory/2) {
		return a, c.tooLittle(image, memory)
	}
	return a, nil
}

// tooLittle is the error for a memory, what is left of c.Memory for images, in which those of so many bytes leave no room for decoding.
func (c *Config) tooLittle(image, memory int64) error {
	what, way := "an image", "a smaller crop"
	if c.Views > 1 {
		what, way = fmt.Sprintf("an image with %d views", c.Views), "fewer views"
	}
	all := cmp.Or(c.Memory, budget.Default())
	enough := 1.05 * float64(2*image+budget.Least) * float64(all) / float64(memory) // more than rounding takes from it
	return option.Errorf("Memory", "%s of %d×%[2]d pixels takes %s, and two at once leave too little of %s for reading and decoding: give %s, or take %s",
		what, c.Transform.Crop, budget.Format(image), budget.Format(all), budget.Format(int64(enough)), way)
}

// start starts all stages but the last, storeBatches.
func (s *stages) start(ctx context.Context, g *errgroup.Group) {
	g.Go(func() error {
		defer close(s.work)
		defer close(s.ordered)
		return s.list(ctx)
	})
	for range s.workers {
		g.Go(func() error { return s.prepare(ctx) })
	}
	g.Go(func() error {
		defer close(s.encode)
		return s.gather(ctx)
	})
	g.Go(func() error {
		defer close(s.store)
		return s.encodeBatches(ctx)
	})
}

// send and receive stop when the context ends.
func send[T any](ctx context.Context, c chan<- T, v T) error {
	select {
	case c <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func receive[T any](ctx context.Context, c <-chan T) (v T, ok bool, err error) {
	select {
	case v, ok = <-c:
		return v, ok, nil
	case <-ctx.Done():
		return v, false, ctx.Err()
	}
}

// list is the first stage: it hands out the entries in order, but gives workers only those that must be read.
func (s *stages) list(ctx context.Context) error {
	for _, e := range s.entries {
		j, _, err := receive(ctx, s.free)
		if err != nil {
			return err
		}
		if j.start(s.run, e) {
			j.done <- struct{}{}
		} else {
			s.set.Ahead(e.listed)
			if err := send(ctx, s.work, j); err != nil {
				return err
			}
		}
		if err := send(ctx, s.ordered, j); err != nil {
			return err
		}
	}
	return nil
}

// start assigns an entry to the job. It reports whether nothing has to be read.
func (j *job) start(r *run, e entry) bool {
	j.entry, j.state = e, known
	if e.kept != nil {
		j.item, j.stamp = *e.kept, ""
		j.item.Gone = true
		if j.item.Label >= 0 {
			j.item.Label = r.label[j.item.Label]
		}
		return true
	}
	listed := &r.set.Items[e.listed]
	j.stamp = r.set.Stamp(e.listed)
	j.item = store.Item{Path: listed.Path, Label: listed.Label, Split: listed.Split, Size: listed.Size}
	before, ok := r.sink.Known(listed.Path)
	if ok && r.set.Unchanged(e.listed, before.Stamp) {
		j.item.Hash, j.item.Size, j.item.Several, j.item.Dark = before.Hash, before.Size, before.Several, before.Dark
		return true
	}
	return false
}

// prepare is the second stage, run by each worker.
func (s *stages) prepare(ctx context.Context) error {
	var r room
	for {
		j, ok, err := receive(ctx, s.work)
		if err != nil || !ok {
			return err
		}
		if err := s.read(ctx, j, &r); err != nil {
			return err
		}
		r.drop()
		j.done <- struct{}{}
	}
}

// gather is the third stage: it collects jobs, in order, into batches.
func (s *stages) gather(ctx context.Context) error {
	var (
		b         *batch
		err       error
		size      = 0                     // images of a full batch; 0: the encoder is not open yet
		scheduled = map[store.Hash]bool{} // contents on their way to the store
	)
	for {
		j, ok, err := receive(ctx, s.ordered)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if _, _, err := receive(ctx, j.done); err != nil {
			return err
		}
		if b == nil {
			if b, _, err = receive(ctx, s.spare); err != nil {
				return err
			}
			b.clear(scheduled)
		}
		if j.state == decoded && s.once && (scheduled[j.item.Hash] || s.sink.Has(j.item.Hash)) {
			j.state = known
		}
		if j.state == decoded {
			if size == 0 {
				if err := send(ctx, s.first, struct{}{}); err != nil {
					return err
				}
				if size, _, err = receive(ctx, s.size); err != nil {
					return err
				}
			}
			if s.once {
				scheduled[j.item.Hash] = true
			}
			b.add(j.pixels, size)
		}
		if s.config.Strict && j.state.bad() {
			return option.Errorf("Strict", "%s: %s (%s)", j.item.Path, j.item.Kind, j.item.Skipped)
		}
		b.steps = append(b.steps, step{j.item, j.stamp, j.state})
		s.free <- j // never blocks: the channel holds all jobs
		if b.images > 0 && b.images == size || len(b.steps) == maxSteps {
			if err := send(ctx, s.encode, b); err != nil {
				return err
			}
			b = nil
		}
	}
	if b != nil {
		err = send(ctx, s.encode, b)
	}
	return err
}

// openForBatches opens the encoder and returns the number of images in a batch.
func (s *stages) openForBatches(ctx context.Context) (int, error) {
	if err := s.open(ctx); err != nil {
		return 0, err
	}
	if s.writer != nil {
		if err := s.writer.MadeOn(s.engine()); err != nil {
			return 0, err
		}
	}
	size, err := s.batch(ctx, len(s.entries)*s.config.Views)
	return max(1, size/s.config.Views), err
}

// clear empties a batch for reuse. Its contents, now in the store, are no longer scheduled.
func (b *batch) clear(scheduled map[store.Hash]bool) {
	for _, step := range b.steps {
		delete(scheduled, step.item.Hash)
	}
	b.steps, b.images = b.steps[:0], 0
}

// add copies the pixels of all views of one image; size is the number of images of a full batch.
func (b *batch) add(pixels []float32, size int) {
	if len(b.pixels) < size*len(pixels) {
		b.pixels = make([]float32, size*len(pixels))
	}
	copy(b.pixels[b.images*len(pixels):], pixels)
	b.images++
}

// encodeBatches is the fourth stage.
func (s *stages) encodeBatches(ctx context.Context) error {
	views, image := s.config.Views, 3*s.config.Transform.Crop*s.config.Transform.Crop
	for {
		b, ok, err := receive(ctx, s.encode)
		if err != nil || !ok {
			return err
		}
		if n := b.images * views; n > 0 {
			if cap(b.features) < n*s.dim {
				b.features = make([]float32, n*s.dim)
			}
			b.features = b.features[:n*s.dim]
			if err := s.encoder.Encode(ctx, b.features, b.pixels[:n*image], n); err != nil {
				return err
			}
			if err := s.finite(b); err != nil {
				return err
			}
		}
		if err := send(ctx, s.store, b); err != nil {
			return err
		}
	}
}

// finite refuses features that are not finite, or that float16 cannot hold, before any of a batch are stored.
func (s *stages) finite(b *batch) error {
	const mostHalf = 65504
	row := s.config.Views * s.dim
	for i, v := range b.features {
		finite := v-v == 0
		if finite && !(s.config.Half && (v > mostHalf || v < -mostHalf)) {
			continue
		}
		image := i / row
		path := ""
		for _, step := range b.steps {
			if step.state != decoded {
				continue
			}
			if image == 0 {
				path = step.item.Path
				break
			}
			image--
		}
		if finite {
			return fmt.Errorf("%s: feature %d is %g, which float16 cannot hold: keep features as float32", path, i%row, v)
		}
		return fmt.Errorf("%s: the encoder gives features that are not finite (number %d is %v) with model %s on %s: use its weights in float32, and the provider cpu", path, i%row, v, s.config.Model, s.encoder.Device())
	}
	return nil
}

// storeBatches is the last stage. It also opens the encoder when gather asks for it: the caller's functions are called on its goroutine.
func (s *stages) storeBatches(ctx context.Context) error {
	done := 0
	for {
		select {
		case <-s.first:
			size, err := s.openForBatches(ctx)
			if err != nil {
				return err
			}
			s.size <- size // never blocks: it is asked once
		case b, ok := <-s.store:
			if !ok {
				return nil
			}
			if err := s.storeBatch(b); err != nil {
				return err
			}
			done += len(b.steps)
			if s.hooks.Progress != nil {
				s.hooks.Progress(done, len(s.entries))
			}
			s.spare <- b // never blocks: the channel holds all batches
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// storeBatch passes the entries of a batch to the sink.
func (s *stages) storeBatch(b *batch) (err error) {
	row := s.config.Views * s.dim
	image := 0
	for i := range b.steps {
		step := &b.steps[i]
		switch step.state {
		case skipped, unread:
			err = s.skip(step)
		case known:
			err = s.sink.Append(step.item, step.stamp, nil)
		case decoded:
			err = s.sink.Append(step.item, step.stamp, b.features[image*row:(image+1)*row])
			image++
			s.summary.Encoded++
		}
		if err != nil {
			return err
		}
		if step.item.Several && !step.item.Gone {
			s.summary.Several++
		}
		if step.item.Dark && !step.item.Gone {
			s.summary.Dark++
		}
	}
	return nil
}

// skip counts a bad image. If its file could not be read, the features that the store has of it are kept, as for an image that is gone: the
// file may return, or become readable.
func (s *stages) skip(bad *step) error {
	it := bad.item
	s.summary.Skip(it.Kind, it.Path, it.Skipped)
	if bad.state == unread && s.writer != nil {
		if before, ok := s.writer.Known(it.Path); ok {
			s.summary.Unread++
			it.Hash, it.Size, it.Several, it.Dark, it.Kind, it.Skipped, it.Gone = before.Hash, before.Size, before.Several, before.Dark, "", "", true
			return s.writer.Append(it, "", nil) // without a stamp, so that the next run reads it
		}
	}
	return s.sink.Skip(it, bad.stamp)
}
