package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/bucket"
	"iconic/internal/budget"
	"iconic/internal/placing"
	"iconic/sorting"
)

func newPredictCommand(a *app) *cobra.Command {
	var o predictOptions
	c := &cobra.Command{
		Use:   "predict RUN DATA…",
		Short: "Sort new images into the clusters of a trained run",
		Long: `Sort new images into the clusters of a trained run.

RUN is the folder of a finished run; it knows its encoder and how images are prepared for it. DATA is an image file, or anything that
'pipeline extract' takes; there may be several. Standard output gets one line per image as it is read: CSV, or with --json a JSON
object. DATA may also be a feature store, or the folder of its parts; then nothing is encoded. An image is marked none_of_these if it
lies farther from its nearest training image than 95 % of the training images do from theirs. An image that cannot be read has the reason
in the last column.

--copy-to and --link-to also sort the files into one folder per cluster. The originals stay where and as they are, and nothing is
overwritten. --watch goes on with images that come later, until it is interrupted.`,
		Example: `  pipeline predict out photo.jpg
  pipeline predict out holiday/*.jpg scans --json
  pipeline predict out inbox --copy-to sorted --watch`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.predict(c.Context(), args[0], args[1:], &o)
		},
	}
	o.useOptions.add(c.Flags())
	o.dataOptions.add(c.Flags())
	f := c.Flags()
	count(f, &o.workers, "decode-threads", 0, 0, maxThreads, "threads that read and decode images (default: one per processor)")
	count(f, &o.batch, "batch-images", 0, 0, maxBatch, "images that the encoder gets at once (default: found by a short probe)")
	addMemory(f, &o.memory)
	f.StringVar(&o.copyTo, "copy-to", "", "copy the files into this folder, one subfolder per cluster")
	f.StringVar(&o.linkTo, "link-to", "", "link the files into this folder by symbolic links, one subfolder per cluster")
	addCSVSafe(f, &o.csvSafe)
	f.BoolVar(&o.watch, "watch", false, "go on with images that come later, until interrupted")
	f.DurationVar(&o.every, "every", 2*time.Second, "how often --watch looks for new images")
	return c
}

type predictOptions struct {
	useOptions
	dataOptions
	workers, batch int
	memory         budget.Size
	copyTo, linkTo string
	csvSafe, watch bool
	every          time.Duration
	besides        bool // there are feature stores, too
}

func (o *predictOptions) validate(a *app, data []string) error {
	switch {
	case o.copyTo != "" && o.linkTo != "":
		return usagef("--copy-to and --link-to exclude each other: give one")
	case !(o.maxBad >= 0 && o.maxBad <= 100):
		return usagef("max-bad %g: want a percentage from 0 to 100", o.maxBad)
	case o.every < 10*time.Millisecond:
		return usagef("every %s: want 10 ms or more", o.every)
	case o.csvSafe && a.json:
		return usagef("--csv-safe is for CSV, and --json writes none: leave one out")
	}
	for _, to := range []string{o.copyTo, o.linkTo} {
		for _, from := range data {
			if to != "" && !bucket.Is(from) && placing.Within(to, from) {
				return usagef("%s lies in %s: the sorted files would be taken for new images; choose a folder elsewhere", to, from)
			}
		}
	}
	return nil
}

func (a *app) predict(ctx context.Context, dir string, data []string, o *predictOptions) error {
	if err := o.validate(a, data); err != nil {
		return err
	}
	stores, images, err := storesAmong(ctx, data)
	if err != nil {
		return err
	}
	if len(stores) > 0 {
		if err := o.validateStores(stores[0].name); err != nil {
			return err
		}
		found, err := classify.Read(dir, classify.Options{Names: o.names})
		if err != nil {
			return err
		}
		p := &prediction{app: a, model: &classify.Model{Run: found.Run, Names: found.Names}, lines: a.predictionLines(o.csvSafe), settings: found.Settings}
		if err := p.passStores(ctx, stores, len(data) > 1); err != nil || len(images) == 0 {
			p.lines.end()
			return err
		}
		o.besides = true
		return a.predictImages(ctx, dir, images, o, p.lines)
	}
	return a.predictImages(ctx, dir, images, o, a.predictionLines(o.csvSafe))
}

// validateStores refuses what a feature store cannot have.
func (o *predictOptions) validateStores(name string) error {
	switch {
	case o.copyTo != "" || o.linkTo != "":
		return usagef("%s is a feature store, which holds no files: --copy-to and --link-to want images", name)
	case o.watch:
		return usagef("%s is a feature store: --watch is for images", name)
	case len(o.splits) > 0 || o.imageColumn != "" || o.labelColumn != "":
		return usagef("%s is a feature store, of which all images are told: --split, --image-column and --label-column are for images", name)
	}
	return nil
}

// predictImages tells of images, which are read and encoded.
func (a *app) predictImages(ctx context.Context, dir string, data []string, o *predictOptions, lines *predictionLines) (err error) {
	use, err := o.options(a)
	if err != nil {
		return err
	}
	found, err := classify.Find(ctx, dir, use)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	sources, err := o.sources(ctx, a, data) // what is wrong with DATA is told before the encoder is fetched
	if err != nil {
		return err
	}
	defer budget.SetRuntimeLimit(cmp.Or(int64(o.memory), budget.Default()))()
	m, err := found.Start(ctx)
	if err != nil {
		return err
	}
	p := &prediction{app: a, model: m, lines: lines, sorted: o.folders(), watched: o.watch}
	if o.watch {
		err = p.follow(ctx, sources, o.every)
	} else {
		err = p.passes(ctx, sources)
	}
	p.lines.end()
	return errors.Join(err, p.unsorted(), m.Images.Close())
}

// folders is nil where files are not to be sorted.
func (o *predictOptions) folders() *sorting.Folders {
	if o.copyTo == "" && o.linkTo == "" {
		return nil
	}
	return &sorting.Folders{Dir: cmp.Or(o.copyTo, o.linkTo), Link: o.linkTo != ""}
}

// source is one DATA of the command, or all that are single image files together.
type source struct {
	stream  extract.Stream
	several bool // it is not the only DATA: its images are told by the names of their files

	seen     map[string]string // stamp of each image that was told of
	doubtful map[string]string // stamp of each bad image that may still be being written
	away     bool              // it was not there when it was last looked for
}

// sources sorts DATA into image files and collections, and looks at the latter.
func (o *predictOptions) sources(ctx context.Context, a *app, data []string) ([]*source, error) {
	var files []string
	var all []*source
	stream := func() extract.Stream {
		return extract.Stream{
			Dataset: o.dataOptions.dataset(), Workers: o.workers, Batch: o.batch, Memory: int64(o.memory),
			Strict: o.strict, MaxBad: o.maxBad / 100,
		}
	}
	for _, name := range data {
		if stat, err := os.Stat(name); err == nil && !stat.IsDir() && !dataset.Collects(name) {
			files = append(files, name)
			continue
		}
		s := stream()
		s.Data = name
		if err := o.check(ctx, a, s); err != nil {
			return nil, err
		}
		all = append(all, &source{stream: s})
	}
	if len(files) > 0 {
		if len(o.splits) > 0 {
			return nil, usagef("--split is for data sets that have splits; %s is an image file", files[0])
		}
		if o.imageColumn != "" || o.labelColumn != "" {
			return nil, usagef("--image-column and --label-column are for Parquet files; %s is an image file", files[0])
		}
		s := stream()
		s.Files = files
		all = slices.Insert(all, 0, &source{stream: s})
	}
	for _, s := range all {
		s.several = len(all) > 1 || o.besides
		s.seen, s.doubtful = map[string]string{}, map[string]string{}
	}
	return all, nil
}

// check opens a data set once, to tell what is wrong with it or with sorting its files, and what of it is passed over.
func (o *predictOptions) check(ctx context.Context, a *app, s extract.Stream) error {
	set, err := dataset.Open(ctx, s.Data, s.Dataset)
	if o.watch && errors.Is(err, dataset.ErrNoImages) {
		return nil // they are to come
	}
	if err != nil {
		return err
	}
	if note := set.Note(); note != "" {
		a.note("%s", note)
	}
	if set.Raw != nil && (o.copyTo != "" || o.linkTo != "") {
		err = usagef("the images of %s are no files: --copy-to and --link-to want a folder, a list, tar archives or Parquet files", set.Root)
	}
	if _, own := set.File(0); !own && o.linkTo != "" && err == nil {
		err = usagef("the images of %s are no files of their own: --link-to wants those, use --copy-to", set.Root)
	}
	return errors.Join(err, set.Close())
}

// prediction is one call of the command.
type prediction struct {
	app      *app
	model    *classify.Model
	settings store.Settings // of the run's features
	lines    *predictionLines
	sorted   *sorting.Folders // nil: files are not sorted
	watched  bool

	failed  int    // files that could not be sorted
	example string // the first of them, and why
}

// passes tells of every image once. Too many bad images in one source do not keep the others from being told of.
func (p *prediction) passes(ctx context.Context, sources []*source) error {
	var errs []error
	for _, s := range sources {
		done, err := p.pass(ctx, s)
		errs = append(errs, err)
		if !done {
			break
		}
	}
	return errors.Join(errs...)
}

// pass tells of every image of a source. It is done if it came to the end, whatever it found there.
func (p *prediction) pass(ctx context.Context, s *source) (done bool, err error) {
	left := 0
	summary, err := p.model.Images.Each(ctx, p.stream(s, &left), extract.Hooks{Progress: p.app.hooks().Stage("predict", "images")})
	p.app.endStage()
	if left > 0 {
		p.app.warn("%d images lie in %s, where files are sorted to, and were left out", left, p.sorted.Dir)
	}
	if summary == nil {
		return false, err
	}
	for _, k := range summary.Skipped {
		p.app.warn("%d not read: %s", k.Count, badExample(k.Kind, k.Example, k.Reason))
	}
	p.app.note("%d images in %.1f s (%.1f images/s)", summary.Rows, summary.Seconds, float64(summary.Rows)/summary.Seconds)
	return true, err
}

// stream is a source as it is to be read now; left counts the images that are left out.
func (p *prediction) stream(s *source, left *int) extract.Stream {
	stream := s.stream
	stream.Visit = func(set *dataset.Set, it store.Item, stamp string, features []float32) error {
		return p.visit(s, set, it, stamp, features)
	}
	if p.sorted != nil {
		stream.Leave = func(set *dataset.Set, i int) bool {
			leave := p.sorted.Holds(set, i)
			if leave {
				*left++
			}
			return leave
		}
	}
	return stream
}

// follow passes over the data again and again, until interrupted: that is its regular end. A folder that is not there for a
// while, because a disk is mounted anew or a name is changed, is waited for.
func (p *prediction) follow(ctx context.Context, sources []*source, every time.Duration) error {
	for {
		for _, s := range sources {
			if err := p.look(ctx, s); err != nil || ctx.Err() != nil {
				return err
			}
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}

// look is one pass of follow over a source.
func (p *prediction) look(ctx context.Context, s *source) error {
	s.stream.Seen, s.stream.MaxBad = s.seen, 1
	left := 0
	summary, err := p.model.Images.Each(ctx, p.stream(s, &left), extract.Hooks{})
	var unlisted *extract.ListingError
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, dataset.ErrNoImages):
		s.away = false
		return nil
	case errors.As(err, &unlisted):
		if !s.away {
			p.app.warn("%v; waiting for it to come back", err)
		}
		s.away = true
		return nil
	case err != nil:
		return err
	}
	if s.away {
		p.app.note("%s is there again", bucket.Public(s.stream.Data))
	}
	s.away = false
	if summary.Batch > 0 && s.stream.Batch == 0 {
		s.stream.Batch = summary.Batch // one probe is enough
	}
	return nil
}

// visit writes the line of an image and puts its file where it belongs.
func (p *prediction) visit(s *source, set *dataset.Set, it store.Item, stamp string, features []float32) error {
	name := s.named(set, it.Path)
	if features == nil {
		// A file that is just being written looks broken, until it is looked at again.
		if p.watched && s.doubtful[it.Path] != stamp {
			s.doubtful[it.Path] = stamp
			return nil
		}
		s.seen[it.Path] = stamp
		return p.lines.bad(name, badReason(it.Kind, it.Skipped))
	}
	all, err := p.model.Classify(features, 1)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.watched {
		s.seen[it.Path] = stamp
		delete(s.doubtful, it.Path)
	}
	reason := ""
	if p.sorted != nil {
		if err := p.sorted.Place(set, it.Path, all[0].Cluster, all[0].Name); err != nil { // it has its line, and the others get theirs
			reason = "not sorted: " + err.Error()
			p.failed++
			if p.example == "" {
				p.example = fmt.Sprintf("%s: %v", name, err)
			}
		}
	}
	return p.lines.good(name, all[0], reason)
}

// unsorted says at the end how many files could not be sorted.
func (p *prediction) unsorted() error {
	if p.failed == 0 {
		return nil
	}
	return fmt.Errorf("%d files could not be sorted into %s, each with the reason in its line (such as %s)", p.failed, p.sorted.Dir, p.example)
}

// named is how an image is told: by its path in the data set, or where there are several by one that leads to it from here.
func (s *source) named(set *dataset.Set, item string) string {
	if !s.several || s.stream.Files != nil {
		return item
	}
	if i, ok := set.Find(item); ok {
		return set.Name(i)
	}
	return path.Join(filepath.ToSlash(set.Root), item)
}
