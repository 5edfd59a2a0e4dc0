package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic"
	"iconic/extract/encoder"
	"iconic/models"
)

func newDemoCommand(a *app) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole pipeline on generated images (no input needed)",
		Long: `Run the whole pipeline on generated images (no input needed).

The demo generates labelled images, encodes them with the tiny built-in encoder, trains a head without looking at the labels, and writes a
report. Repeating the command gives the same numbers.

The built-in encoder was itself trained partly with labels, on other images from the same generator. So the demo's accuracy shows that the
program works end to end; it doesn't measure what unsupervised clustering achieves on your images.`,
		Example: `  pipeline demo
  pipeline demo --method simclr --out demo-simclr`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runDemo(c.Context(), &o) },
	}
	o.model, o.provider = models.TinyName, encoder.Auto
	o.registerSettings(c)
	addRuntime(c.Flags(), &o.onnxruntime, &o.provider, &o.encodeOptions.threads)
	c.Flags().Lookup("seed").Usage = "seed for all random numbers of the training; the images are always the same"
	c.Flags().StringVarP(&o.out, "out", "o", "iconic-demo", "folder for images, features and the run")
	return c
}

func (a *app) runDemo(ctx context.Context, o *runOptions) error {
	folder := o.out
	o.out = filepath.Join(folder, "run")
	all, done, err := o.library(a, "")
	if err != nil {
		return err
	}
	defer done()
	f, err := iconic.Demo(ctx, folder, all)
	if err := a.printRun(f, err); err != nil {
		return err
	}
	a.note("%s", models.TinyCaution)
	a.note("open %s in a browser", f.Page())
	return nil
}
