package main

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/features"
	"iconic/internal/bucket"
	"iconic/internal/identity"
	"iconic/report"
	"iconic/run"
)

func newRunCommand(a *app) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run DATA --model M --clusters K --out DIR",
		Short: "Images in, clusters and a report out",
		Long: `Images in, clusters and a report out: 'extract', 'train' and 'report' in one go.

DATA is what 'pipeline extract' takes: a folder of images, with class folders where there are classes, a list of paths, tar
archives, Parquet files, or a binary data set. Features are cached by encoder, preprocessing and content: another run on the same images, with
other settings of the training, encodes nothing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := a.runAll(c.Context(), args[0], &o)
			if err != nil {
				return err
			}
			return a.printSummary(o.out, m)
		},
	}
	o.add(c)
	c.Flags().StringVarP(&o.out, "out", "o", "", "folder to make for the run")
	c.Flags().StringVar(&o.features, "features", "", "folder of the feature store (default: in the user's cache, by data and encoder)")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

// runOptions are those of the three stages.
type runOptions struct {
	encodeOptions
	dataOptions
	storeOptions
	trainOptions
	out, features string
}

func (o *runOptions) add(c *cobra.Command) {
	o.encodeOptions.add(c.Flags())
	o.dataOptions.add(c.Flags())
	o.storeOptions.add(c.Flags())
	o.trainOptions.register(c)
}

// runAll goes from images to a finished run folder.
func (a *app) runAll(ctx context.Context, data string, o *runOptions) (*report.Metrics, error) {
	if err := run.CheckFree(o.out); err != nil && !o.resume {
		return nil, err
	}
	config := extract.Config{Out: o.features}
	o.dataOptions.put(&config, data)
	o.storeOptions.put(&config)
	if err := a.resolveEncoder(ctx, &o.encodeOptions, &config); err != nil {
		return nil, err
	}
	cached := config.Out == ""
	if cached {
		var err error
		if config.Out, err = cachedStore(config); err != nil {
			return nil, err
		}
	}
	if err := config.Validate(); err != nil {
		return nil, usageError{err}
	}
	// What is wrong with the training is found before the hours of encoding.
	trainable := func(items, classes int) error {
		_, _, err := o.config(items, classes)
		return err
	}
	for waiting := false; ; {
		_, err := a.extract(ctx, config, trainable)
		var other *store.EngineError
		switch {
		case err == nil:
		case cached && errors.As(err, &other) && config.Out == other.Dir && !strings.HasSuffix(other.Dir, engineSuffix(other.Now)):
			a.note("the features kept in %s were made with %s: with %s they are computed anew, beside them", other.Dir, other.Was, other.Now)
			config.Out += engineSuffix(other.Now)
			continue
		case cached && errors.Is(err, store.ErrBusy):
			if !waiting {
				a.note("another run encodes the same images: this one waits for its features")
				waiting = true
			}
			if err := pause(ctx, 300*time.Millisecond); err != nil {
				return nil, err
			}
			continue
		default:
			return nil, err
		}
		break
	}
	o.images, o.trainOptions.imageColumn = data, o.dataOptions.imageColumn
	set, err := features.Open(config.Out, "")
	if err != nil {
		return nil, err
	}
	defer set.Close()
	return a.trainSet(ctx, set, o.out, &o.trainOptions)
}

// engineSuffix tells apart the folders of features that differ only in what ran the encoder.
func engineSuffix(e store.Engine) string { return "-" + e.Provider + "-" + e.Runtime }

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// featureInputs is all that the features in the user's cache depend on, but for the images' contents, which the store looks after
// itself, and for what runs the encoder, of which it keeps a folder each.
type featureInputs struct {
	Data       string
	Dataset    dataset.Options
	Encoder    string // SHA-256 of the model and all of its data
	Output     string
	Transform  pixels.Transform
	IgnoreEXIF bool
	Decoder    string // of JPEG files
	Views      int
	Seed       uint64               `json:",omitempty"` // of the augmented views
	Augment    *pixels.Augmentation `json:",omitempty"` // of those, too
	Half       bool
}

// cachedStore is the folder in the user's cache for the features of data under an encoder and its preprocessing.
func cachedStore(c extract.Config) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errors.Join(err, errors.New("name a folder with --features"))
	}
	data := c.Data
	if !bucket.Is(data) {
		if data, err = filepath.Abs(data); err != nil {
			return "", err
		}
	}
	sum, err := encoder.Sum(c.Model)
	if err != nil {
		return "", err
	}
	in := featureInputs{
		Data: data, Dataset: c.Dataset, Encoder: sum, Output: c.Encoder.Output, Transform: c.Transform, IgnoreEXIF: c.IgnoreEXIF,
		Decoder: pixels.JPEGDecoder(), Views: c.Views, Half: c.Half,
	}
	if c.Views > 1 {
		in.Seed, in.Augment = c.Seed, &c.Augment
	}
	key, err := identity.Key("features", in)
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "iconic", "features", path.Base(filepath.ToSlash(strings.TrimSuffix(bucket.Public(data), "?…")))+"-"+key), nil
}
