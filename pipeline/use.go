package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/extract/store"
	"iconic/head"
	"iconic/models"
	"iconic/pipeline/classify"
)

// useOptions are the flags of the commands that put a trained run to use.
type useOptions struct {
	modelFlags
	model       string
	names       string
	onnxruntime string
	provider    encoder.Provider
	threads     int
}

func (o *useOptions) add(f *pflag.FlagSet) {
	o.provider = encoder.Auto
	o.modelFlags.add(f)
	f.StringVar(&o.model, "model", "", "encoder of the run, as it was given then (default: where this machine last saw it)")
	f.StringVar(&o.names, "names", "", "CSV file that names clusters, lines as 3,dogs (default: the classes that the run's labels gave them)")
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
}

// addRuntime adds the flags that say how encoders are run.
func addRuntime(f *pflag.FlagSet, library *string, provider *encoder.Provider, threads *int) {
	f.StringVar(library, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or fetched)")
	f.Var(provider, "provider", "what runs the encoder: auto, cpu, cuda, tensorrt, coreml, openvino")
	f.IntVar(threads, "encoder-threads", 0, "threads of the encoder (default: one a processor)")
}

// trained is a run to be used: its head, how its images were treated, and the encoder's file.
type trained struct {
	run      *head.Run
	settings store.Settings
	encoder  string
	names    []string
}

// openTrained reads a run folder and finds the encoder that it was trained on.
func (a *app) openTrained(ctx context.Context, dir string, o *useOptions) (*trained, error) {
	run, err := head.Load(dir)
	if err != nil {
		return nil, err
	}
	t := &trained{run: run}
	if t.settings, err = extract.Settings(run.Config.Encoder); err != nil {
		return nil, fmt.Errorf("run %s: %w; train on a feature store, made by 'pipeline extract' or 'pipeline run', to use the run on new images", dir, err)
	}
	if o.names != "" {
		t.names, err = classify.ReadNames(o.names, run.Config.Training.Clusters)
	} else {
		t.names, err = classify.ClassNames(dir)
	}
	if err != nil {
		return nil, err
	}
	t.encoder, err = a.findEncoder(ctx, t.settings.Encoder, o)
	return t, err
}

// findEncoder gives the ONNX file of an encoder: as the user says, where this machine saw it, or by its name.
func (a *app) findEncoder(ctx context.Context, e store.Encoder, o *useOptions) (string, error) {
	if path, ok := models.Recall("", e.SHA256); ok && o.model == "" {
		return path, nil
	}
	name := o.model
	if name == "" {
		known := e.Name == models.TinyName || slices.ContainsFunc(models.Registry(), func(m models.Encoder) bool { return m.Name == e.Name })
		if !known {
			return "", usagef("the run's encoder %s (SHA-256 %.12s…) is not where this machine saw it last: name its file with --model", e.Name, e.SHA256)
		}
		name = e.Name
	}
	m, err := o.resolve(ctx, a, name)
	if err != nil {
		return "", err
	}
	return m.Path, nil
}

// open starts the encoder.
func (t *trained) open(ctx context.Context, a *app, o *useOptions) (*classify.Model, error) {
	library, err := a.findLibrary(ctx, o.onnxruntime, o.provider)
	if err != nil {
		return nil, err
	}
	images, err := extract.OpenEmbedder(t.run.Config.Encoder, t.encoder, encoder.Options{Library: library, Provider: o.provider, Threads: o.threads})
	if errors.Is(err, extract.ErrOtherEncoder) {
		return nil, usagef("%w: give the run's own with --model, and --image-size, --output and --precision as they were then", err)
	}
	if err != nil {
		return nil, err
	}
	a.note("encoding on: %s (ONNX Runtime %s)", images.Device(), encoder.LibraryVersion())
	return &classify.Model{Run: t.run, Images: images, Names: t.names}, nil
}
