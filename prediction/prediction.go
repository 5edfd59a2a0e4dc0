package prediction

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/internal/atomicfile"
	"iconic/internal/budget"
	"iconic/internal/plural"
	"iconic/option"
	"iconic/sorting"
)

// Options say what is assigned to clusters, and how. Only Data is required.
type Options struct {
	// Data are image files, data sets, feature stores, and folders of a store's parts. Stores come first, then image files, then data sets;
	// otherwise they are visited in the given order. For a run whose features were given as a plain matrix they are such matrices (features.Open) instead,
	// and an Image is a row. Data that are given twice, and images that a data set shares with other data, are refused.
	Data    []string
	Model   classify.Options // encoder and names of clusters; its Hooks report progress, notes and warnings
	Dataset dataset.Options  // how data sets are interpreted

	Workers int     // goroutines that read and decode images; 0: one per processor
	Memory  int64   // bytes for reading and decoding; 0: half of what the machine or its control group has
	Strict  bool    // stop at the first image that cannot be read, or in a feature store, that could not be read when it was made
	MaxBad  float64 // share of images, 0 to 1, that may be unreadable; with more, Run fails after visiting all of them. A Watch takes no share: it does not end.

	Folders *sorting.Folders // puts the files into one folder per cluster, into which none were put by other clusters or names; nil: files are not sorted
	Watch   time.Duration    // look for new images this often, until the context ends; files must have been unchanged for as long; 0: visit each image once

	Passed    func(Pass) // called after each data set, and once after the image files; not called while watching
	Unencoded func()     // called if all data are features, so that the encoder and the other options of encoding have no effect; may be nil
}

// Image is an image that was visited.
type Image struct {
	// Path is the image's path in its data set. If there are several data, it begins with the name of the image's data set.
	Path       string
	Prediction *classify.Prediction // nil: the image could not be read
	Err        error                // why the image could not be read, or why its file could not be put into its folder
}

// Pass summarises one visit to a data set, or to the image files of Options.Data together.
type Pass struct {
	Images   int               // images that have a prediction
	Unread   []extract.Skipped // images that could not be read, by kind, the most frequent first
	Several  int               // images whose files have further pages or frames, which are not used
	Dark     int               // images with 16-bit samples that use at most 16 of 256 levels, as those of 10 or 12 bits do
	LeftOut  int               // images in Options.Folders itself, which were not visited
	Duration time.Duration
}

// LeftOutNote says of how many images Pass.LeftOut counts that they are in the folder to sort into, dir.
func LeftOutNote(n int, dir string) string {
	return fmt.Sprintf("%s in %s, the folder to sort into, and left out", plural.Of(n, "image is", "images are"), dir)
}

// OptionsError says that the options do not fit the data or each other. An *option.Error in its chain names the field.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its type.
func (e *OptionsError) Unwrap() error { return e.Err }

func refuse(err error) error { return &OptionsError{err} }

// PlaceError says that files could not be put into their folders. All images have been visited nevertheless.
type PlaceError struct {
	Files int    // files that could not be placed
	Dir   string // parent of the clusters' folders
	Path  string // path of the first such image
	Err   error  // its reason
}

func (e *PlaceError) Error() string {
	return fmt.Sprintf("%s could not be sorted into %s (such as %s: %v)", plural.Of(e.Files, "file", "files"), e.Dir, e.Path, e.Err)
}

// add counts a file.
func (e *PlaceError) add(dir, path string, err error) {
	if e.Files == 0 {
		*e = PlaceError{Dir: dir, Path: path, Err: err}
	}
	e.Files++
}

// Unwrap returns the first reason.
func (e *PlaceError) Unwrap() error { return e.Err }

// validate checks what can be checked without opening the data.
func (o *Options) validate() error {
	switch {
	case len(o.Data) == 0:
		return refuse(option.Errorf("Data", "there is no data"))
	case extract.CheckMaxBad(o.MaxBad) != nil:
		return refuse(extract.CheckMaxBad(o.MaxBad))
	case o.Watch < 0:
		return refuse(option.Errorf("Watch", "looking for new images every %s: want more than 0", o.Watch))
	case o.Watch > 0 && o.MaxBad > 0:
		return refuse(option.Errorf("MaxBad", "the share of unreadable images is known once all have been visited, and watching goes on for more"))
	case o.Folders != nil && o.Folders.Dir == "":
		return refuse(option.Errorf("Folders.Dir", "the folder to sort into has no name"))
	}
	if o.Folders != nil {
		if err := atomicfile.CheckFolder(o.Folders.Dir); err != nil {
			return refuse(option.Errorf("Folders.Dir", "nothing can be sorted into %s: %w", o.Folders.Dir, err))
		}
		for _, from := range o.Data {
			if err := sorting.CheckOutside(o.Folders.Dir, from); err != nil {
				return refuse(option.Errorf("Folders.Dir", "%w", err))
			}
		}
	}
	if err := givenOnce(o.Data); err != nil {
		return refuse(err)
	}
	return budget.Check(o.Memory)
}

// Run assigns every image of the data to a cluster of the run in folder dir, and calls visit with each, one at a time, on the calling goroutine. An error
// of visit ends it. If a data set has more unreadable images than MaxBad allows, it visits the other data before it fails; the same applies to files
// that could not be put into their folders (*PlaceError), or that have changed since they were classified (sorting.ErrChanged).
//
// With Watch it returns nil once ctx ends. A file is visited when it has stayed the same from one look to the next, or for as long as Watch before the first that
// finds it, so that half of one that is being written does not count; objects in buckets appear as a whole. One that cannot be put into its folder is told in a
// warning, visited with the reason, tried again in later looks, and visited again once that succeeds; the *PlaceError is about those left at the end.
func Run(ctx context.Context, dir string, o Options, visit func(Image) error) (err error) {
	if visit == nil {
		return refuse(errors.New("there is no function to visit the images with"))
	}
	if err := o.validate(); err != nil {
		return err
	}
	found, err := classify.Read(dir, o.Model)
	if err != nil {
		return err
	}
	if o.Folders, err = claimed(o.Folders, found); err != nil {
		return errors.Join(err, found.Close())
	}
	w := &work{options: o, hooks: o.Model.Hooks, visit: visit}
	if o.Folders != nil && o.Folders.Warnf == nil {
		o.Folders.Warnf = w.hooks.Warnf
	}
	w.model = found.Features()
	defer func() { err = errors.Join(err, w.model.Close()) }()
	for _, name := range o.Data {
		if err := found.Run.Accepts(name); err != nil {
			return refuse(err)
		}
	}
	if found.Run.Config.Plain() {
		return w.matrices(ctx)
	}
	stores, sources, err := w.open(ctx) // errors in the data are found before an encoder is downloaded
	if err != nil {
		return err
	}
	w.unencoded(len(sources) == 0)
	if err := w.passStores(ctx, stores, found.Settings); err != nil {
		return err
	}
	return errors.Join(append(w.bad, w.visitSources(ctx, found, sources))...)
}

// unencoded tells the caller that no data are encoded, if that is so.
func (w *work) unencoded(so bool) {
	if so && w.options.Unencoded != nil {
		w.options.Unencoded()
	}
}

// matrices visits the rows of matrices, the only data of a run on a plain matrix.
func (w *work) matrices(ctx context.Context) error {
	for _, name := range w.options.Data {
		if err := w.options.fitsFeatures(name, "a matrix of features"); err != nil {
			return err
		}
	}
	w.unencoded(true)
	if err := w.passMatrices(ctx, w.options.Data); err != nil {
		return err
	}
	return errors.Join(w.bad...)
}

// claimed is a folder to sort into that takes images by the clusters of the run only. It fails if images were sorted into it by others.
func claimed(to *sorting.Folders, found *classify.Found) (*sorting.Folders, error) {
	if to == nil {
		return nil, nil
	}
	key, err := found.Key()
	if err != nil {
		return nil, err
	}
	own := &sorting.Folders{Dir: to.Dir, Link: to.Link, Warnf: to.Warnf, Clusters: &sorting.Clusters{Key: key, Names: found.Names}}
	if own.Clusters.Names == nil {
		own.Clusters.Names = make([]string, found.Run.Config.Training.Clusters)
	}
	err = own.Check()
	if errors.Is(err, sorting.ErrOtherClusters) || errors.Is(err, sorting.ErrUnknownClusters) {
		err = refuse(option.Errorf("Folders.Dir", "%w", err))
	}
	return own, err
}

// visitSources visits the images of all data but feature stores, with the encoder.
func (w *work) visitSources(ctx context.Context, found *classify.Found, sources []*source) error {
	if len(sources) == 0 {
		return nil
	}
	m, err := found.Start(ctx)
	if err != nil {
		return err
	}
	w.model = m
	if w.options.Watch > 0 {
		err = w.watch(ctx, sources)
	} else {
		err = w.passes(ctx, sources)
	}
	return errors.Join(err, w.unplaced(sources))
}

// ErrUnfinished is in the chain of the error for parts of a feature store that are missing or not finished.
var ErrUnfinished = errors.New("not finished")

// errEnough ends Run when the loop over Images ends.
var errEnough = errors.New("enough images were seen")

// Images is Run as an iterator. An error comes last, with an empty Image.
func Images(ctx context.Context, dir string, o Options) iter.Seq2[Image, error] {
	return func(yield func(Image, error) bool) {
		err := Run(ctx, dir, o, func(i Image) error {
			if !yield(i, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(Image{}, err)
		}
	}
}

// work is the state of one call of Run.
type work struct {
	options Options
	hooks   hooks
	model   *classify.Model
	visit   func(Image) error

	failed PlaceError // Files is 0 while every file could be put into its folder
	bad    []error    // of feature stores and matrices with too many images that are bad
}

// unplaced is the error about files that could not be put into their folders.
func (w *work) unplaced(sources []*source) error {
	e := w.failed
	for _, s := range sources {
		s.looks.unplaced(w.options.Folders, &e)
	}
	if e.Files == 0 {
		return nil
	}
	return &e
}
