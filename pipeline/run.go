package main

import (
	"context"

	"github.com/spf13/cobra"

	"iconic"
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
other settings of the training, in another folder or under other names, encodes nothing.`,
		Example: `  pipeline run photos --model dinov2-small --clusters 20 --out runs/photos
  pipeline run photos --model dinov2-small --clusters auto --out runs/auto
  pipeline run photos --model encoder.onnx --crop 224 --mean 0.5 --std 0.5 \
      --clusters 20 --out runs/mine`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runAll(c.Context(), args[0], &o)
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

// library is the flags as the library takes them, for images of data. done closes what was opened for it.
func (o *runOptions) library(a *app, data string) (all iconic.Options, done func(), err error) {
	e, err := o.encoding(a)
	if err != nil {
		return all, nil, err
	}
	training, done, err := o.training(a, o.out)
	if err != nil {
		return all, nil, err
	}
	all = iconic.Options{Encoding: e, Training: training, Store: o.features}
	o.dataOptions.put(&all.Extraction, data)
	o.storeOptions.put(&all.Extraction)
	o.encodeOptions.put(&all.Extraction)
	return all, done, nil
}

func (a *app) runAll(ctx context.Context, data string, o *runOptions) error {
	all, done, err := o.library(a, data)
	if err != nil {
		return err
	}
	defer done()
	o.cautionTiny(a)
	f, err := iconic.Cluster(ctx, data, all)
	return a.printRun(f, err)
}

// printRun prints what a training made, or gives its error.
func (a *app) printRun(f *run.Finished, err error) error {
	a.endStage()
	if err != nil {
		return err
	}
	if !f.Unchanged {
		a.took(f.Config.Times)
	}
	return a.printSummary(f.Dir, f.Metrics)
}
