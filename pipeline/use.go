package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	f.StringVar(&o.names, "names", "", "CSV file that names clusters, lines as 3,dogs (default: the class that most of a cluster's labelled images have)")
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
}

// addRuntime adds the flags that say how encoders are run.
func addRuntime(f *pflag.FlagSet, library *string, provider *encoder.Provider, threads *int) {
	f.StringVar(library, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or fetched)")
	f.Var(provider, "provider", "what runs the encoder: auto, cpu, cuda, tensorrt, coreml, openvino")
	count(f, threads, "encoder-threads", 0, 0, maxThreads, "threads of the encoder (default: one per processor)")
}

// trained is a run to be used: its head, how its images were treated, and the encoder's file.
type trained struct {
	run      *head.Run
	settings store.Settings
	encoder  string
	names    []string

	temporary string // folder that the encoder was made in for want of a cache; "": none
}

// close removes what was made for want of a cache.
func (t *trained) close() error {
	if t.temporary == "" {
		return nil
	}
	return os.RemoveAll(t.temporary)
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
		t.names, err = classify.ClassNames(dir, run.Config.Training.Clusters)
	}
	if err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	if err := t.findEncoder(ctx, a, o); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// findEncoder gives the ONNX file of the run's encoder: as the user says, where this machine saw it, or by its name.
func (t *trained) findEncoder(ctx context.Context, a *app, o *useOptions) error {
	e := t.settings.Encoder
	if path, ok := models.Recall("", e.SHA256); ok && o.model == "" {
		t.encoder = path
		return nil
	}
	registered := slices.ContainsFunc(models.Registry(), func(m models.Encoder) bool { return m.Name == e.Name })
	name := o.model
	if name == "" {
		if e.Name != models.TinyName && !registered {
			return usagef("the run's encoder %s (SHA-256 %.12s…) is not where this machine saw it last: name its file with --model", e.Name, e.SHA256)
		}
		name = e.Name
	}
	cache, problem := "", modelCache()
	if problem != nil {
		if registered && name == e.Name {
			return fmt.Errorf("there is no folder to keep the weights of %s in (%w): set XDG_CACHE_HOME to one that can be written, or give the encoder's file with --model", name, problem)
		}
		var err error
		if t.temporary, err = os.MkdirTemp("", "iconic-encoder-"); err != nil {
			return fmt.Errorf("there is no folder to make the encoder in (%w; %w): set XDG_CACHE_HOME to one that can be written, or give an ONNX file with --model", problem, err)
		}
		cache = t.temporary
	}
	m, err := o.resolveTo(ctx, a, name, "", cache)
	if err != nil {
		return err
	}
	t.encoder = m.Path
	return nil
}

// modelCache says why the user's cache cannot keep models: there is none without a home, and one in a container may not be
// written to. It is nil where all is well.
func modelCache() error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	folder := filepath.Join(cache, "iconic", "models")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".iconic-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
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
