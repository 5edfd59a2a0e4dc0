package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
)

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export RUN model.onnx",
		Short: "Encoder and head of a run as one ONNX file",
		Long: `Encoder and head of a run as one ONNX file, which runs in plain ONNX Runtime.

The graph takes "pixels", prepared images (float32, batch×3×height×width), and gives "probabilities" (batch×clusters) and "features".
With --with-preprocessing it takes "images" (uint8, batch×height×width×3, any size) and resizes, crops and normalises them itself, to
exactly the pixels that the extraction makes. The file's metadata name the clusters and say how images are prepared. The file is run
and held against the run's own head before it takes its name: a file that --force replaces stays until then.`,
		Example: `  pipeline export runs/photos model.onnx
  pipeline export runs/photos model.onnx --with-preprocessing`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.export(c.Context(), args[0], args[1], &o)
		},
	}
	o.useOptions.add(c.Flags())
	c.Flags().BoolVar(&o.preprocessing, "with-preprocessing", false, "put resize, crop and normalisation of 8-bit images into the graph")
	c.Flags().BoolVar(&o.force, "force", false, "overwrite an existing file")
	return c
}

type exportOptions struct {
	useOptions
	preprocessing, force bool
}

func (a *app) export(ctx context.Context, dir, file string, o *exportOptions) error {
	if !strings.EqualFold(filepath.Ext(file), ".onnx") {
		return usagef("%s: name the file to write so that it ends in .onnx", file)
	}
	atomicfile.Sweep(filepath.Dir(file))
	if stat, err := os.Stat(file); err == nil && stat.IsDir() {
		return usagef("%s is a folder: choose another name", file)
	} else if err == nil && !o.force {
		return usagef("%s is there already: choose another name, or give --force to write over it", file)
	}
	use, err := o.options(a)
	if err != nil {
		return err
	}
	m, err := classify.Open(ctx, dir, use)
	if err != nil {
		return err
	}
	defer m.Close()
	e, err := m.Export(ctx, file, o.preprocessing)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(e)
	}
	_, err = fmt.Fprintf(a.out, "%s: %s, %d clusters; probabilities within %.1g of the run's on two made-up images\n", file, diskspace.Words(e.Bytes), m.Clusters(), e.Difference)
	return err
}
