package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/extract/store/mirror"
	"iconic/internal/bucket"
	"iconic/option"
)

// Run updates the store to the data set. However it ends, finished rows are kept, and the next Run resumes there. It fails, with the store
// complete, if more than MaxBad of the images are bad; the summary is valid in that case.
func Run(ctx context.Context, c Config, h Hooks) (_ *Summary, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	set, err := h.list(ctx, c.Data, c.Dataset, c.Memory)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	if c.Strict || c.Prune {
		if err := set.Whole(); err != nil {
			return nil, err
		}
	}
	listing := set.Items
	part := c.part(set)
	r := &run{config: c, hooks: h, set: set, dir: c.folder(), summary: &Summary{Store: c.folder(), Items: len(set.Items), Ignored: set.Ignored}}
	defer r.close()
	var kept *mirror.Mirror // local copy of a store in a bucket
	if bucket.Is(c.Out) {
		r.summary.Store = bucket.Public(c.folder())
		if kept, err = mirror.Open(ctx, c.folder()); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, kept.Close()) }()
		r.dir = kept.Dir
	}
	settings, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	if r.writer, err = store.Begin(r.dir, settings, part); err != nil {
		return nil, err
	}
	begun := true
	defer func() {
		if begun {
			_ = r.writer.Close() // keeps the finished rows if it can; another error, or a hook that panics, is the reason for ending
		}
	}()
	if kept != nil {
		r.writer.Kept = kept.Keep
	}
	if err := r.fill(ctx, listing); err != nil {
		return nil, err
	}
	begun = false // Commit closes it
	if r.summary.Changed, err = r.writer.Commit(); err != nil {
		return nil, r.explain(err)
	}
	if kept != nil {
		if err := kept.Push(); err != nil {
			return nil, err
		}
	}
	r.summary.Rows, r.summary.Duplicates = r.writer.Rows(), r.writer.Duplicates
	r.summary.Already, r.summary.Borrowed = r.writer.Already-r.summary.Gone-r.summary.Moved-r.summary.Unread, r.writer.Borrowed
	return r.summary, r.summary.Judge(c.MaxBad)
}

// fill brings the rows of the open store up to date with the listed images, before Commit.
func (r *run) fill(ctx context.Context, listing []dataset.Item) error {
	for _, what := range r.writer.Damaged {
		r.hooks.note("damaged, to be encoded again: %s", what)
	}
	if rows := r.writer.ShardRows(); r.config.ShardRows != 0 && rows != r.config.ShardRows {
		r.hooks.note("%s keeps its shards of %d rows", r.config.folder(), rows)
	}
	r.sink, r.once = r.writer, true
	r.plan(listing)
	if err := r.space(); err != nil {
		return err
	}
	if err := r.borrow(ctx); err != nil {
		return err
	}
	return r.explain(r.all(ctx))
}

// list opens a data set with a number of bytes for its labels, unless the hook refuses it.
func (h Hooks) list(ctx context.Context, data string, o dataset.Options, memory int64) (*dataset.Set, error) {
	o.Memory = cmp.Or(o.Memory, memory)
	set, err := dataset.Open(ctx, data, o)
	if err != nil {
		return nil, err
	}
	if note := set.Note(); note != "" {
		h.note("%s", note)
	}
	if h.Listed == nil {
		return set, nil
	}
	if err := h.Listed(set); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

// explain names the folder whose disk became full.
func (r *run) explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("the disk of %s is full: %w", r.dir, syscall.ENOSPC)
	}
	return err
}

// run is the state of one call of Run or Each.
type run struct {
	config  Config
	hooks   Hooks
	set     *dataset.Set
	dir     string        // folder of the store
	writer  *store.Writer // of Run; nil in Each
	sink    sink
	once    bool // each content is encoded only once
	entries []entry
	label   []int // new label of each of the old store's classes
	summary *Summary

	encoder *turns // nil until it is needed
	dim     int
}

// close releases the encoder.
func (r *run) close() {
	if r.encoder != nil {
		_ = r.encoder.Close() // all its results have been used
	}
}

// settings collects everything that determines the features. The model is opened for its dimension only if no store made with it records
// the dimension.
func (r *run) settings(ctx context.Context) (store.Settings, error) {
	s, err := r.config.Settings()
	if err != nil {
		return s, err
	}
	r.summary.SHA256 = s.Encoder.SHA256
	if s.Dim = store.DimOf(r.dir, s.Encoder); s.Dim == 0 {
		if err := r.open(ctx); err != nil {
			return s, err
		}
		s.Dim = r.encoder.Dim()
	}
	r.dim = s.Dim
	return s, nil
}

// open opens the encoder and notes its device.
func (r *run) open(ctx context.Context) (err error) {
	if r.encoder != nil {
		return nil
	}
	c := &r.config
	o := c.Encoder
	if o.Library, err = c.Library(); err != nil {
		return err
	}
	o.Size, o.Batch = c.Transform.Crop, c.Batch
	e, err := encoder.Open(ctx, c.Model, o)
	if err != nil {
		return err
	}
	height, width := e.InputSize()
	if height != width {
		return errors.Join(fmt.Errorf("model %s takes images of %d×%d pixels, and images are prepared as squares: export it for a square size", c.Model, width, height), e.Close())
	}
	if height != c.Transform.Crop {
		return errors.Join(option.Errorf("Crop", "model %s takes images of %d×%d pixels, not %d×%[4]d", c.Model, width, height, c.Transform.Crop), e.Close())
	}
	r.encoder = inTurns(e)
	r.summary.Device = e.Device()
	r.hooks.note("encoding on: %s (ONNX Runtime %s); JPEG files are decoded by %s", e.Device(), encoder.LibraryVersion(), pixels.JPEGDecoder())
	return nil
}

// batch is the number of images to encode at once, if about n are to be encoded.
func (r *run) batch(ctx context.Context, n int) (size int, err error) {
	r.summary.Mixes = r.encoder.Mixes
	if remark := r.encoder.Remark(); remark != "" {
		r.hooks.warn("%s", remark)
	}
	r.summary.Batch, err = r.encoder.Batch(ctx, n)
	return r.summary.Batch, err
}

// all sends every entry through the stages, of which the last runs on the calling goroutine: it calls the caller's functions. If one of these panics or
// ends the goroutine, the other stages end first.
func (r *run) all(ctx context.Context) error {
	start := time.Now()
	defer func() { r.summary.Seconds = time.Since(start).Seconds() }()
	ctx, cancel := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	defer func() {
		cancel()
		_ = g.Wait() // returned below, unless a function does not come back
	}()
	s, err := newStages(r)
	if err != nil {
		return err
	}
	s.start(ctx, g)
	err = s.storeBatches(ctx)
	g.Go(func() error { return err }) // counts if it came before those of the other stages
	return g.Wait()
}
