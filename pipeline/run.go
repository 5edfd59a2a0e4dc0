package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cespare/xxhash/v2"
	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/head"
	"iconic/report"
)

func newRunCommand(a *app) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run DATA --model M --clusters K --out DIR",
		Short: "Images in, clusters and a report out",
		Long: `Images in, clusters and a report out: 'extract', 'train' and 'report' in one go.

DATA is what 'pipeline extract' takes: a folder of images, with class folders where there are classes, a list of paths, tar
archives, or a binary data set. Features are cached by encoder, preprocessing and content: another run on the same images, with
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
	if err := head.CheckFree(o.out); err != nil && !o.resume {
		return nil, usageError{err}
	}
	config := extract.Config{Out: o.features}
	o.dataOptions.put(&config, data)
	o.storeOptions.put(&config)
	if err := a.resolveEncoder(ctx, &o.encodeOptions, &config); err != nil {
		return nil, err
	}
	if config.Out == "" {
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
		c, err := o.config(classes)
		if err != nil {
			return err
		}
		if err := c.Validate(items); err != nil {
			return usageError{err}
		}
		return nil
	}
	if _, err := a.extract(ctx, config, trainable); err != nil {
		return nil, err
	}
	o.images = data
	return a.trainStore(ctx, config.Out, "", o.out, &o.trainOptions)
}

// cachedStore is the folder in the user's cache for the features of data under an encoder and its preprocessing. Files that
// changed since are found by the store itself.
func cachedStore(c extract.Config) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", errors.Join(err, errors.New("name a folder with --features"))
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return "", err
	}
	sum, err := encoder.Sum(c.Model)
	if err != nil {
		return "", err
	}
	key, err := json.Marshal([]any{data, c.Dataset, sum, c.Transform, c.IgnoreEXIF, c.Views, c.Seed, c.Half})
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "iconic", "features", fmt.Sprintf("%s-%016x", filepath.Base(data), xxhash.Sum64(key))), nil
}
