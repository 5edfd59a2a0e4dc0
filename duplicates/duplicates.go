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

// Options say where features and images are, and how images are compared. The zero value uses what a run or a store has recorded.
type Options struct {
	Features    string // of a run: its feature store or features.npy; "": as recorded in the run
	Images      string // data set of the features; "": as recorded in the run, unknown for a store
	ImageColumn string // image column of a Parquet data set, if it has to be named
	Raw         bool   // use the clusters of a run as trained, ignoring any curation

	Exact        bool    // find exact copies only, by the hashes of the files: no near duplicates, and no outliers
	FeaturesOnly bool    // do not compare the images themselves
	Correlation  float64 // least correlation of near duplicates' thumbnails, up to 1; 0: inspection.DefaultCorrelation
	Workers      int     // goroutines; 0: all processors

	Hooks progress.Hooks
}

// OptionsError says that the options contradict each other, or do not apply to the input.
type OptionsError struct{ Err error }

func (e *OptionsError) Error() string { return e.Err.Error() }

// Unwrap returns the error without its type.
func (e *OptionsError) Unwrap() error { return e.Err }

func refuse(err error) error { return &OptionsError{err} }

func (o *Options) validate() error {
	switch {
	case !(o.Correlation >= 0 && o.Correlation <= 1):
		return refuse(option.Errorf("Correlation", "correlation %g: want a number above 0 and up to 1", o.Correlation))
	case (o.Images != "" || o.ImageColumn != "") && (o.FeaturesOnly || o.Exact):
		return refuse(option.Errorf("FeaturesOnly", "images are given, but the options compare none"))
	}
	return nil
}

// ErrNoImages is Set.Unseen if the location of the images was not recorded.
var ErrNoImages = errors.New("the location of the images is unknown")

// Set is the set in which duplicates are searched.
type Set struct {
	Features *features.Set
	Run      *run.Finished // nil for features without a run
	// Unseen says why only the features are compared: ErrNoImages, run.ErrUnnamed (in its chain) for a matrix, or that the images cannot be opened at the recorded location. It is nil
	// if images are compared, and if the options exclude them.
	Unseen error

	// LeftOut is the number of images that were left out of the run by hand: Features are without them.
	LeftOut int

	options  Options
	cluster  []int         // of each image; nil without a run
	pictures *run.Pictures // nil: none are compared
}

// Open reads a feature store, a features.npy or a finished run folder, and opens the images. Close the set after use. It fails with an
// *OptionsError for options that do not apply, and with an *option.Error if features or images are not where they should be.
func Open(ctx context.Context, name string, o Options) (_ *Set, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &Set{options: o}
	if err := s.openFeatures(name); err != nil {
		return nil, err
	}
	if o.Exact && s.Features.Hashes == nil {
		return nil, errors.Join(refuse(option.Errorf("Exact", "exact copies are found by the hashes of image files, of which %s has none", name)), s.Close())
	}
	if o.Exact || o.FeaturesOnly {
		return s, nil
	}
	if (o.Images != "" || o.ImageColumn != "") && s.Features.Unnamed {
		return nil, errors.Join(refuse(fmt.Errorf("the rows of %s do not say to which images they belong: leave out the images and their column, or give a store made from the images", name)), s.Close())
	}
	if s.Features.Unnamed {
		s.Unseen = run.ErrUnnamed
		return s, nil
	}
	images, options := o.Images, dataset.Options{LabelsFrom: dataset.None, ImageColumn: o.ImageColumn}
	if s.Run != nil {
		images, options = s.Run.ImagesAt(images), s.Run.ImageOptions(o.ImageColumn)
	}
	switch {
	case images == "" && o.ImageColumn != "":
		return nil, errors.Join(fmt.Errorf("image column %q: %w", o.ImageColumn, ErrNoImages), s.Close())
	case images == "":
		s.Unseen = ErrNoImages
		return s, nil
	}
	s.pictures, err = run.OpenPictures(ctx, images, options, s.Features.Paths, s.Features.Hashes)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, errors.Join(err, s.Close())
	case o.Images != "" || o.ImageColumn != "":
		return nil, errors.Join(fmt.Errorf("images: %w", err), s.Close())
	default:
		s.Unseen = fmt.Errorf("the images cannot be opened: %w", err)
	}
	return s, nil
}

// openFeatures opens the features with the given name.
func (s *Set) openFeatures(name string) (err error) {
	if !run.Is(name) {
		if s.options.Features != "" {
			return &OptionsError{fmt.Errorf("features are given in addition to %s, which is not a run folder: give only the features", name)}
		}
		if s.options.Raw {
			return refuse(option.Errorf("Raw", "%s is not a run folder, so it has no changes made by hand that could be ignored", name))
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
	set, err := s.Run.OpenFeatures(s.options.Features)
	if err != nil {
		return option.Errorf("Features", "the features of run %s: %w", name, err)
	}
	s.Features, s.cluster = s.Run.Kept(set)
	s.LeftOut = set.Len() - s.Features.Len()
	if s.Features.Len() == 0 {
		return errors.Join(refuse(fmt.Errorf("all images of %s %w: there is nothing to search", name, run.ErrNoneLeft)), s.Close())
	}
	return nil
}

// Find searches the set.
func (s *Set) Find(ctx context.Context) (*run.Inspected, error) {
	o := inspection.Options{Exact: s.options.Exact, Correlation: s.options.Correlation, Workers: s.options.Workers}
	return run.Inspect(ctx, s.Features, s.cluster, s.pictures, o, s.options.Hooks)
}

// Close closes the features and the images.
func (s *Set) Close() error {
	err := s.Features.Close()
	if s.pictures != nil {
		err = errors.Join(err, s.pictures.Close())
	}
	return err
}
