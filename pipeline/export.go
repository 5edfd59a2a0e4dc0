package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/internal/diskspace"
	"iconic/internal/onnxfiles"
	"iconic/models/deploy"
	"iconic/models/onnx"
)

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "export RUN model.onnx",
		Short: "Encoder and head of a run as one ONNX file",
		Long: `Encoder and head of a run as one ONNX file, which runs in plain ONNX Runtime.

The graph takes "pixels", prepared images (float32, batch×3×height×width), and gives "probabilities" (batch×clusters) and "features".
With --with-preprocessing it takes "images" (uint8, batch×height×width×3, any size) and resizes, crops and normalises them itself, to
the very pixels that the extraction makes. The file's metadata name the clusters and say how images are prepared. The file is run
and held against the run's own head before it takes its name: a file that --force replaces stays until then.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.export(c.Context(), args[0], args[1], &o)
		},
	}
	o.useOptions.add(c.Flags())
	c.Flags().BoolVar(&o.preprocessing, "with-preprocessing", false, "put resize, crop and normalisation of 8-bit images into the graph")
	c.Flags().BoolVar(&o.force, "force", false, "write over a file that is there")
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
	if stat, err := os.Stat(file); err == nil && stat.IsDir() {
		return usagef("%s is a folder: choose another name", file)
	} else if err == nil && !o.force {
		return usagef("%s is there already: choose another name, or give --force to write over it", file)
	}
	t, err := a.openTrained(ctx, dir, &o.useOptions)
	if err != nil {
		return err
	}
	m, err := t.open(ctx, a, &o.useOptions)
	if err != nil {
		return err
	}
	defer m.Images.Close()
	model, err := onnx.ReadFile(t.encoder)
	if err != nil {
		return err
	}
	options, err := t.deployment(m.Images, o.preprocessing)
	if err != nil {
		return err
	}
	if err := deploy.Attach(model, options); err != nil {
		return fmt.Errorf("export of run %s: %w", dir, err)
	}
	if err := roomFor(file, t.encoder); err != nil {
		return err
	}
	library, err := a.findLibrary(ctx, o.onnxruntime, o.provider)
	if err != nil {
		return err
	}
	worst := 0.0
	err = onnx.WriteProved(file, model, func(draft string) (err error) {
		if worst, err = t.prove(ctx, m.Images, library, draft, o.preprocessing); err != nil {
			return fmt.Errorf("the model made for %s does not do what the run does, and is not kept: %w", file, err)
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	size, err := onnxfiles.Size(file)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"file": file, "bytes": size, "largest_difference": worst})
	}
	fmt.Fprintf(a.out, "%s: %s, %d clusters; probabilities within %.1g of the run's on two made-up images\n", file, diskspace.Words(size), t.run.Config.Training.Clusters, worst)
	return nil
}

// roomFor fails early where the disk cannot hold what is about as large as the encoder.
func roomFor(file, model string) error {
	need, err := onnxfiles.Size(model)
	if err != nil {
		return err
	}
	free, err := diskspace.Free(filepath.Dir(file))
	if err != nil || free >= need { // where the system does not say, writing will
		return nil
	}
	return fmt.Errorf("the disk of %s has %s free, and the model needs %s: make room, or write it elsewhere", file, diskspace.Words(free), diskspace.Words(need))
}

// deployment is the run's head and settings as the exporter takes them.
func (t *trained) deployment(images *extract.Embedder, preprocessing bool) (deploy.Options, error) {
	l := t.run.Head
	transform := images.Transform
	o := deploy.Options{
		Output: t.settings.Encoder.Output,
		Head:   []deploy.Layer{{In: l.Dim, Out: l.Clusters, Weight: l.Weight, Bias: l.Bias}},
	}
	if preprocessing {
		o.Preprocessing = &deploy.Pixels{Resize: transform.Resize, Crop: transform.Crop, Whole: transform.Whole, Mean: transform.Mean, Std: transform.Std}
	}
	names := make([]string, l.Clusters)
	for c := range names {
		names[c] = strconv.Itoa(c)
		if c < len(t.names) && t.names[c] != "" {
			names[c] = t.names[c]
		}
	}
	for _, entry := range []struct {
		key   string
		value any
	}{
		{"iconic.clusters", names},
		{"iconic.preprocessing", t.settings.Preprocessing},
		{"iconic.encoder", t.settings.Encoder},
		{"iconic.method", t.run.Config.Training.Method},
		{"iconic.version", t.run.Config.Version},
	} {
		text, err := json.Marshal(entry.value)
		if err != nil {
			return o, err
		}
		o.Metadata = append(o.Metadata, onnx.Entry{Key: entry.key, Value: string(text)})
	}
	return o, nil
}

// prove runs the exported file on made-up images and holds it against the run itself; it gives the largest difference.
func (t *trained) prove(ctx context.Context, images *extract.Embedder, library, file string, preprocessing bool) (float64, error) {
	const height, width = 150, 201
	r := rand.New(rand.NewPCG(1, 2))
	n := max(1, images.FixedBatch())
	if images.FixedBatch() == 0 {
		n = 2
	}
	pictures := make([][]uint8, n)
	var all []uint8
	for i := range pictures {
		pictures[i] = make([]uint8, 3*height*width)
		for e := range pictures[i] {
			pictures[i][e] = uint8(128 + 60*math.Sin(float64(e)*float64(i+1)/500) + 40*r.Float64())
		}
		all = append(all, pictures[i]...)
	}
	prepared := make([]float32, n*images.Pixels())
	for i, rgb := range pictures {
		if err := images.PrepareRGB(prepared[i*images.Pixels():(i+1)*images.Pixels()], rgb, width, height); err != nil {
			return 0, err
		}
	}
	features := make([]float32, n*images.Dim())
	if err := images.Encode(ctx, features, prepared, n); err != nil {
		return 0, err
	}
	k := t.run.Config.Training.Clusters
	want := make([]float32, n*k)
	if err := t.run.Probabilities(want, features, n); err != nil {
		return 0, err
	}
	side := int64(images.Transform.Crop)
	input, shape := any(prepared), []int64{int64(n), 3, side, side}
	if preprocessing {
		input, shape = all, []int64{int64(n), height, width, 3}
	}
	got, err := encoder.Once(library, file, input, shape, deploy.ProbabilitiesName)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for i, p := range want {
		worst = max(worst, math.Abs(float64(p-got[0][i])))
	}
	if !(worst <= 1e-3) { // other devices and precisions round otherwise
		return worst, fmt.Errorf("its probabilities differ by up to %g", worst)
	}
	return worst, nil
}
