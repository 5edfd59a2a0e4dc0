package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"iconic/classify"
	"iconic/extract"
	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
)

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export RUN model.onnx",
		Short: "Export encoder and head of a run as one ONNX file",
		Long: `Export encoder and head of a run as one ONNX file, which runs in plain ONNX Runtime.

The graph takes "pixels", preprocessed images (float32, batch×3×height×width), and returns "probabilities" (batch×clusters) and "features".
With --with-preprocessing it takes "images" (uint8, batch×height×width×3, any size) and resizes, crops and normalises them itself, to
exactly the same pixels as extraction. An encoder that takes a fixed number of images at once, or whose features depend on the others in a
batch, limits the file, and the output says so. The file's metadata contain the cluster names and the preprocessing. Before the file gets its final
name, it is run and compared with the run's own head; until then a file that --force replaces is kept.

With --head-only the graph takes "features" (float32, batch×dimensions), as the run's encoder computes them. This is the only kind for a run on a plain
matrix.`,
		Example: `  pipeline export runs/photos model.onnx
  pipeline export runs/photos model.onnx --with-preprocessing
  pipeline export runs/matrix head.onnx --head-only`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if o.headOnly {
				a.idle(c.Flags(), "the encoder is not exported", encoderFlags...)
			}
			return a.export(c.Context(), args[0], args[1], &o)
		},
	}
	o.useOptions.add(c.Flags())
	c.Flags().BoolVar(&o.preprocessing, "with-preprocessing", false, "include resizing, cropping and normalisation of 8-bit images in the graph")
	c.Flags().BoolVar(&o.headOnly, "head-only", false, "export the head without the encoder: features in, probabilities out")
	c.Flags().BoolVar(&o.force, "force", false, "overwrite an existing file")
	return c
}

type exportOptions struct {
	useOptions
	preprocessing, headOnly, force bool
}

// encoderFlags are those that say what the run's encoder is.
var encoderFlags = []string{"model", "precision", "image-size", "output", "attention-heads", "from", "encoder-threads"}

func (a *app) export(ctx context.Context, dir, file string, o *exportOptions) error {
	if err := writableModel(file, o.force, o.model, o.names); err != nil {
		return err
	}
	atomicfile.Sweep(filepath.Dir(file))
	use, err := o.options(a)
	if err != nil {
		return err
	}
	if o.headOnly {
		return a.exportHead(ctx, dir, file, use)
	}
	m, err := classify.Open(ctx, dir, use)
	if errors.Is(err, extract.ErrPlain) {
		return usagef("%w, or export its head with --head-only", err)
	}
	if err != nil {
		return err
	}
	defer m.Close()
	e, err := m.Export(ctx, file, o.preprocessing)
	if err != nil {
		return err
	}
	images, limit := "two synthetic images, together and one at a time", ""
	switch {
	case e.Batch == 1:
		images, limit = "a synthetic image", "; it takes one image at a time"
	case e.Batch > 1:
		images, limit = fmt.Sprintf("%d synthetic images", e.Images), fmt.Sprintf("; it takes exactly %d images at a time, as its encoder does", e.Batch)
	}
	return a.exported(e, m.Clusters(), images+limit)
}

func (a *app) exportHead(ctx context.Context, dir, file string, use classify.Options) error {
	found, err := classify.Read(dir, use)
	if err != nil {
		return err
	}
	m := found.Features()
	defer m.Close()
	e, err := m.ExportHead(ctx, file)
	if err != nil {
		return err
	}
	return a.exported(e, m.Clusters(), fmt.Sprintf("%d synthetic rows of features", e.Images))
}

// exported says what was written, and on which inputs it was compared with the run.
func (a *app) exported(e *classify.Exported, clusters int, inputs string) error {
	if a.json {
		return a.printJSON(e)
	}
	_, err := fmt.Fprintf(a.out, "%s: %s, %d clusters; probabilities within %.1g of the run's on %s\n", plain(e.File), diskspace.Words(e.Bytes), clusters, e.Difference, inputs)
	return err
}
