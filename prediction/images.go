package prediction

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/bucket"
	"iconic/option"
	"iconic/progress"
)

// hooks is the caller's progress.Hooks.
type hooks = progress.Hooks

// Stage is the stage that hooks report; for parts of a store its name is longer.
const Stage = "predict"

// source is a data set, or all single image files together.
type source struct {
	stream  extract.Stream
	several bool // there are other data: an image is named by its path from the working folder

	looks looks // what a watch has found
}

// open sorts the data into feature stores and sources, the image files first, and checks each once.
func (w *work) open(ctx context.Context) (stores []stored, sources []*source, err error) {
	var files []string
	for _, name := range w.options.Data {
		parts, err := storeParts(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		if parts != nil {
			if err := w.options.fitsFeatures(bucket.Public(name), "a feature store"); err != nil {
				return nil, nil, err
			}
			stores = append(stores, stored{name, parts})
			continue
		}
		if stat, err := os.Stat(name); err == nil && !stat.IsDir() && !dataset.Collects(name) {
			files = append(files, name)
			continue
		}
		s := w.source()
		s.stream.Data = name
		if err := w.check(ctx, s.stream); err != nil {
			return nil, nil, err
		}
		sources = append(sources, s)
	}
	if len(files) > 0 {
		if err := w.options.fitsFiles(files[0]); err != nil {
			return nil, nil, err
		}
		s := w.source()
		s.stream.Files = files
		sources = slices.Insert(sources, 0, s)
	}
	for _, s := range sources {
		s.several = len(sources)+len(stores) > 1
	}
	return stores, sources, nil
}

func (w *work) source() *source {
	o := w.options
	return &source{
		stream: extract.Stream{Dataset: o.Dataset, Workers: o.Workers, Memory: o.Memory, Strict: o.Strict, MaxBad: o.MaxBad},
		looks:  newLooks(),
	}
}

// fitsFiles refuses options that apply to data sets.
func (o *Options) fitsFiles(name string) error {
	if len(o.Dataset.Splits) > 0 {
		return refuse(option.Errorf("Splits", "%s is an image file, which has no splits", name))
	}
	return o.fitsNoColumns(name, "an image file")
}

// fitsNoColumns refuses the columns of Parquet files for something else.
func (o *Options) fitsNoColumns(name, what string) error {
	switch {
	case o.Dataset.ImageColumn != "":
		return refuse(option.Errorf("ImageColumn", "%s is %s, which has no columns", name, what))
	case o.Dataset.LabelColumn != "":
		return refuse(option.Errorf("LabelColumn", "%s is %s, which has no columns", name, what))
	}
	return nil
}

// check opens a data set once, to report errors about it or about sorting its files, and its content besides images.
func (w *work) check(ctx context.Context, s extract.Stream) error {
	s.Dataset.Memory = cmp.Or(s.Dataset.Memory, s.Memory)
	set, err := dataset.Open(ctx, s.Data, s.Dataset)
	if w.options.Watch > 0 && errors.Is(err, dataset.ErrNoImages) {
		return nil // they will arrive later
	}
	if err != nil {
		return err
	}
	if note := set.Note(); note != "" {
		w.hooks.Notef("%s", note)
	}
	if err := w.visitedOnce(s.Data, set); err != nil {
		return errors.Join(refuse(err), set.Close())
	}
	if to := w.options.Folders; to != nil {
		_, own := set.File(0)
		switch {
		case set.Raw != nil:
			err = refuse(option.Errorf("Folders", "the images of %s are not files: only those of a folder, a list, tar archives or Parquet files can be sorted", set.Root))
		case to.Link && !own:
			err = refuse(option.Errorf("Folders.Link", "the images of %s are not separate files, so they cannot be linked", set.Root))
		}
	}
	return errors.Join(err, set.Close())
}

// passes visits every image once. Too many unreadable images in one source do not prevent visits to the others.
func (w *work) passes(ctx context.Context, sources []*source) error {
	var errs []error
	for _, s := range sources {
		done, err := w.pass(ctx, s)
		errs = append(errs, err)
		if !done {
			break
		}
	}
	return errors.Join(errs...)
}

// pass visits every image of a source. done is true if it came to the end, whatever it found.
func (w *work) pass(ctx context.Context, s *source) (done bool, err error) {
	p := Pass{}
	begun := time.Now()
	summary, err := w.model.Images.Each(ctx, w.stream(s, &p.LeftOut), extract.Hooks{Progress: w.hooks.Stage(Stage, "images")})
	if summary != nil {
		p.Images, p.Unread, p.Several, p.Dark = summary.Rows, summary.Skipped, summary.Several, summary.Dark
	}
	p.Duration = time.Since(begun)
	if w.options.Passed != nil && (summary != nil || p.LeftOut > 0) {
		w.options.Passed(p)
	}
	return summary != nil, err
}

// stream is a source in its current state; left counts the images that are left out.
func (w *work) stream(s *source, left *int) extract.Stream {
	stream := s.stream
	stream.Visit = func(set *dataset.Set, it store.Item, stamp string, features []float32) error {
		return w.image(s, set, it, stamp, features)
	}
	if w.options.Folders != nil {
		stream.Leave = func(set *dataset.Set, i int) bool {
			leave := w.options.Folders.Holds(set, i)
			if leave {
				*left++
			}
			return leave
		}
	}
	return stream
}

// image visits an image and sorts its file. features are nil for one that could not be read.
func (w *work) image(s *source, set *dataset.Set, it store.Item, stamp string, features []float32) error {
	found := Image{Path: s.named(set, it.Path)}
	if features == nil {
		found.Err = unread(it)
		return w.visit(found)
	}
	if err := w.classify(&found, features); err != nil {
		return err
	}
	if err := w.place(set, it, found.Prediction); err != nil {
		found.Err = fmt.Errorf("not sorted: %w", err)
		w.failed.add(w.options.Folders.Dir, found.Path, err)
	}
	return w.visit(found)
}

func (w *work) classify(found *Image, features []float32) error {
	all, err := w.model.Classify(features, 1)
	if err != nil {
		return fmt.Errorf("%s: %w", found.Path, err)
	}
	found.Prediction = &all[0]
	return nil
}

// place puts an image's file into the folder of its cluster, if files are sorted.
func (w *work) place(set *dataset.Set, it store.Item, p *classify.Prediction) error {
	if w.options.Folders == nil {
		return nil
	}
	return w.options.Folders.Place(set, it, p.Cluster, p.Name)
}

// named is an image's path in the data set or, if there are several data, its path from the working folder.
func (s *source) named(set *dataset.Set, item string) string {
	if !s.several || s.stream.Files != nil {
		return item
	}
	if i, ok := set.Find(item); ok {
		return set.Name(i)
	}
	return path.Join(filepath.ToSlash(set.Root), item)
}

// unread says why an image could not be read. The reason often begins with its kind.
func unread(it store.Item) error {
	if strings.HasPrefix(it.Skipped, it.Kind) {
		return errors.New(it.Skipped)
	}
	return fmt.Errorf("%s: %s", it.Kind, it.Skipped)
}
