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
		Short: "Cluster images and write a report",
		Long: `Cluster images and write a report: 'extract', 'train' and 'report' in one command.

DATA takes the same forms as in 'pipeline extract': a folder of images, optionally with class folders, a list of paths, tar
archives, Parquet files, or a binary data set. Features are cached by encoder, preprocessing and content: another run on the same images
encodes nothing, even with other training settings, in another folder or under other names.`,
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
	c.Flags().StringVarP(&o.out, "out", "o", "", "run folder to create")
	c.Flags().StringVar(&o.features, "features", "", "folder of the feature store (default: in the user's cache, keyed by data and encoder)")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

// runOptions are the options of all three stages.
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

// library converts the flags to library options, for the images in data. done closes the files that it opened.
func (o *runOptions) library(a *app, data string) (all iconic.Options, done func(), err error) {
	e, err := o.encoding(a)
	if err != nil {
		return all, nil, err
	}
	training, closeInputs, err := o.training(a, o.out)
	if err != nil {
		return all, nil, err
	}
	hooks, restore := whileEncoding(o.memory, training.Hooks)
	hooks, end := whilePictures(o.memory, hooks)
	training.Hooks = hooks
	done = func() {
		end()
		restore()
		closeInputs()
	}
	all = iconic.Options{Encoding: e, Training: training, Store: o.features}
	o.dataOptions.put(&all.Extraction, data)
	o.storeOptions.put(&all.Extraction)
	o.encodeOptions.put(&all.Extraction)
	return all, done, nil
}

func (a *app) runAll(ctx context.Context, data string, o *runOptions) error {
	if err := spared(inFolder(o.out, run.Files()...), data, o.model, o.second, o.edges); err != nil {
		return err
	}
	all, done, err := o.library(a, data)
	if err != nil {
		return err
	}
	defer done()
	o.cautionTiny(a)
	f, err := iconic.Cluster(ctx, data, all)
	return a.printRun(f, err)
}

// printRun prints the result of a training, or returns its error.
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
