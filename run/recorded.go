package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/extract/dataset"
	"iconic/features"
	"iconic/internal/bucket"
)

// A run folder's config.json names the features and the images of its run. Both names are absolute, so that they mean the same from every
// folder; earlier versions recorded them as given, relative to a folder that was not recorded.

// located is the source of a run as recorded in config.json: column is the image column, if one was named.
func located(s features.Source, images, column string) (features.Source, error) {
	var err error
	if s.Store != "" { // features in a program's memory have no location
		if s.Store, err = filepath.Abs(s.Store); err != nil {
			return s, fmt.Errorf("features: %w", err)
		}
	}
	if bucket.Is(images) {
		s.Images, s.ImageColumn = bucket.Public(images), column // signatures are not recorded
	} else if images != "" {
		if s.Images, err = filepath.Abs(images); err != nil {
			return s, fmt.Errorf("images: %w", err)
		}
		s.ImageColumn = column
	}
	return s, nil
}

// places lists where a recorded name may lead: a relative one from the run folder, from its ancestors, and from the working directory. Only
// existing paths are listed.
func places(run, recorded string) []string {
	candidates := []string{recorded}
	if !filepath.IsAbs(recorded) {
		candidates = nil
		if above, err := filepath.Abs(run); err == nil {
			for ; ; above = filepath.Dir(above) {
				candidates = append(candidates, filepath.Join(above, recorded))
				if above == filepath.Dir(above) {
					break
				}
			}
		}
		candidates = append(candidates, recorded)
	}
	return slices.DeleteFunc(candidates, func(name string) bool {
		_, err := os.Stat(name)
		return err != nil
	})
}

// OpenFeatures opens the features on which a run was trained: at given, or as recorded in config.json. Close them after use.
func (f *Finished) OpenFeatures(given string) (*features.Set, error) {
	source := f.Config.Features
	candidates := []string{given}
	if given == "" && source.Store == "" {
		return nil, errors.New("they existed only in the memory of the program that trained on them")
	}
	if given == "" {
		candidates = places(f.Dir, source.Store)
	}
	problem := fmt.Errorf("%s: %w", source.Store, fs.ErrNotExist)
	for i, name := range candidates {
		set, err := features.Open(name, "")
		if err == nil && (set.Source.Key != source.Key || set.Len() != f.Metrics.N) {
			err = errors.Join(fmt.Errorf("%s has different features than those of the training%s", name, resharded(f.Config.Encoder, set.Encoder)), set.Close())
		}
		if err == nil {
			return set, nil
		}
		if i == 0 {
			problem = err
		}
	}
	return nil, problem
}

// ImagesAt is the location of a run's images: given, or as recorded in config.json; "" if unknown.
func (f *Finished) ImagesAt(given string) string {
	recorded := f.Config.Features.Images
	if given != "" || recorded == "" || filepath.IsAbs(recorded) || bucket.Is(recorded) {
		return cmp.Or(given, recorded)
	}
	for _, name := range places(f.Dir, recorded) {
		if mayHold(name, f.Table.Paths) {
			return name
		}
	}
	return recorded
}

// mayHold reports whether a folder has an archive or the beginning of one of the paths: a folder with neither need not be listed, which
// would take long for the root of a file system. Files are left to whoever opens them.
func mayHold(data string, paths []string) bool {
	if stat, err := os.Stat(data); err != nil || !stat.IsDir() {
		return err == nil
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return false
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
		if strings.EqualFold(filepath.Ext(e.Name()), ".tar") {
			return true
		}
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		first, _, _ := strings.Cut(path, "/")
		return names[first]
	})
}

// OpenPictures opens the images of a run by their paths and hashes, as OpenPictures does: at given, or as recorded in config.json. Close them after use. The column is the
// image column of a Parquet data set, "" for the recorded one, and memory as dataset.Options.Memory in OpenPictures. ErrNoImages is in the error's chain if the location is unknown, ErrUnnamed if the
// run has no images.
func (f *Finished) OpenPictures(ctx context.Context, given, column string, memory int64, paths []string, hashes [][16]byte) (*Pictures, error) {
	if f.Unnamed() {
		return nil, ErrUnnamed
	}
	images := f.ImagesAt(given)
	if images == "" && column != "" {
		return nil, fmt.Errorf("image column %q: %w", column, ErrNoImages)
	}
	if images == "" {
		return nil, ErrNoImages
	}
	o := f.ImageOptions(column)
	o.Memory = memory
	return OpenPictures(ctx, images, o, paths, hashes)
}

// ImageOptions are the options with which the images of a run are found again: labels do not matter.
func (f *Finished) ImageOptions(column string) dataset.Options {
	return dataset.Options{LabelsFrom: dataset.None, ImageColumn: cmp.Or(column, f.Config.Features.ImageColumn)}
}

// Unnamed reports whether the run was trained on a matrix, whose rows name no images.
func (f *Finished) Unnamed() bool { return features.Numbered(f.Table.Paths) }

// ErrUnnamed says that there are features without the names of the images that they came from.
var ErrUnnamed = errors.New("the rows of a matrix name no images")

// ErrNoImages says that the location of a run's images was not recorded.
var ErrNoImages = errors.New("the run did not record where its images are")
