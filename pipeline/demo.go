package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/extract/encoder"
	"iconic/extract/synthetic"
	"iconic/internal/atomicfile"
	"iconic/models"
	"iconic/run"
)

const (
	demoPerClass = 60
	demoSize     = 64 // pixels on a side
	demoSeed     = 1
	demoMark     = ".iconic-demo" // says that a folder is the demo's to write over
)

func newDemoCommand(a *app) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole pipeline on generated pictures (no input needed)",
		Long: `Run the whole pipeline on generated pictures (no input needed).

Draws labelled pictures, encodes them with the tiny built-in encoder, trains a head without looking at the labels, and writes a
report. The same command gives the same numbers again.

The built-in encoder was itself trained with labels, on other pictures drawn in the same way. So the demo's accuracy shows that the
program works from pictures to report; it doesn't measure what unsupervised clustering reaches on pictures of yours.`,
		Example: `  pipeline demo
  pipeline demo --method simclr --out demo-simclr`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.runDemo(c.Context(), &o) },
	}
	o.model, o.provider = models.TinyName, encoder.Auto
	o.registerSettings(c)
	addRuntime(c.Flags(), &o.onnxruntime, &o.provider, &o.encodeOptions.threads)
	c.Flags().StringVarP(&o.out, "out", "o", "iconic-demo", "folder for pictures, features and the run")
	return c
}

func (a *app) runDemo(ctx context.Context, o *runOptions) error {
	folder := o.out
	if err := claimDemoFolder(folder); err != nil {
		return err
	}
	pictures := filepath.Join(folder, "pictures")
	if err := synthetic.Write(ctx, pictures, demoPerClass, demoSize, demoSeed); err != nil {
		return err
	}
	o.features, o.out = filepath.Join(folder, "features"), filepath.Join(folder, "run")
	if err := os.RemoveAll(o.out); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	m, err := a.runAll(ctx, pictures, o)
	if err != nil {
		return err
	}
	if err := a.printSummary(o.out, m); err != nil {
		return err
	}
	a.note("%s", models.TinyCaution)
	a.note("open %s in a browser", filepath.Join(o.out, run.PageFile))
	return nil
}

// claimDemoFolder makes the folder, or makes sure that an earlier demo did.
func claimDemoFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0:
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		return atomicfile.WriteBytes(filepath.Join(folder, demoMark), nil)
	case err != nil:
		return fmt.Errorf("demo: %w", err)
	}
	if _, err := os.Stat(filepath.Join(folder, demoMark)); err != nil {
		return usagef("folder %s holds other files: choose an empty one with --out", folder)
	}
	return nil
}
