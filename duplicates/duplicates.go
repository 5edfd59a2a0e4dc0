package duplicates

import (
	"context"
	"errors"
	"fmt"

	"iconic/extract/dataset"
	"iconic/features"
	"iconic/option"
	"iconic/progress"
	"iconic/report/inspection"
	"iconic/run"
)

// Options say where features and images lie, and how images are compared. The zero value finds what a run or a store has recorded.
type Options struct {
	Features    string // of a run: its feature store or features.npy; "": where the run found it
	Images      string // the data set that the features are of; "": where the run found it, and unknown for a store
	ImageColumn string // of a Parquet data set, where it has to be named
	Raw         bool   // clusters of a run as the training made them, without what was changed by hand

	Exact        bool    // find exact copies only
	FeaturesOnly bool    // do not compare the images themselves
	Correlation  float64 // least correlation of near duplicates' thumbnails, up to 1; 0: inspection.DefaultCorrelation
	Workers      int     // goroutines; 0: all processors

	Hooks progress.Hooks
}

// OptionsError says that the options do not go with each other, or with what is looked through.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its type.
func (e *OptionsError) Unwrap() error { return e.Err }

func refuse(err error) error { return &OptionsError{err} }

func (o *Options) validate() error {
	switch {
	case !(o.Correlation >= 0 && o.Correlation <= 1):
		return refuse(option.Errorf("Correlation", "correlation %g: want a number above 0 and up to 1", o.Correlation))
	case o.Images != "" && (o.FeaturesOnly || o.Exact):
		return refuse(option.Errorf("FeaturesOnly", "images are named that nothing is compared with"))
	}
	return nil
}

// ErrNoImages is Set.Unseen where nobody has recorded where the images lie.
var ErrNoImages = errors.New("it is not known where the images are")

// Set is what duplicates are looked for in.
type Set struct {
	Features *features.Set
	Run      *run.Finished // nil for features that are of no run
	// Unseen says why the features decide alone: ErrNoImages, or that the images cannot be opened where the run found them. It is nil
	// where images are compared, and where the options say that they are not to be.
	Unseen error

	options  Options
	pictures *run.Pictures // nil: none are compared
}

// Open reads a feature store, a features.npy or a finished run folder, and opens the images. Close the set after use. It fails with an
// *OptionsError for options that do not go with it, and with an *option.Error where features or images are not where they should be.
func Open(ctx context.Context, name string, o Options) (_ *Set, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Set{options: o}
	if err := s.openFeatures(name); err != nil {
		return nil, err
	}
	if o.Exact || o.FeaturesOnly {
		return s, nil
	}
	images, options := o.Images, dataset.Options{LabelsFrom: dataset.None, ImageColumn: o.ImageColumn}
	if s.Run != nil {
		images, options = s.Run.ImagesAt(images), s.Run.ImageOptions(o.ImageColumn)
	}
	if images == "" {
		s.Unseen = ErrNoImages
		return s, nil
	}
	s.pictures, err = run.OpenPictures(ctx, images, options, s.Features.Paths)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, errors.Join(err, s.Close())
	case o.Images != "":
		return nil, errors.Join(fmt.Errorf("images: %w", err), s.Close())
	default:
		s.Unseen = fmt.Errorf("the images cannot be opened: %w", err)
	}
	return s, nil
}

// openFeatures opens what the name is of.
func (s *Set) openFeatures(name string) (err error) {
	if !run.Is(name) {
		if s.options.Features != "" {
			return &OptionsError{fmt.Errorf("features are named beside %s, which is no run folder: give the features alone", name)}
		}
		s.Features, err = features.Open(name, "")
		return err
	}
	if s.options.Raw {
		s.Run, err = run.Open(name)
	} else {
		s.Run, err = run.OpenCurated(name, s.options.Hooks)
	}
	if err != nil {
		return err
	}
	if s.Features, err = s.Run.OpenFeatures(s.options.Features); err != nil {
		return option.Errorf("Features", "the features of run %s: %w", name, err)
	}
	return nil
}

// Find looks through the set.
func (s *Set) Find(ctx context.Context) (*run.Inspected, error) {
	var cluster []int
	if s.Run != nil {
		cluster = s.Run.Table.Cluster
	}
	o := inspection.Options{Exact: s.options.Exact, Correlation: s.options.Correlation, Workers: s.options.Workers}
	return run.Inspect(ctx, s.Features, cluster, s.pictures, o, s.options.Hooks)
}

// Close closes the features and the images.
func (s *Set) Close() error {
	err := s.Features.Close()
	if s.pictures != nil {
		err = errors.Join(err, s.pictures.Close())
	}
	return err
}
