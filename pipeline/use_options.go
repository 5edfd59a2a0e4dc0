package main

import (
	"github.com/spf13/pflag"

	"iconic/classify"
	"iconic/extract/encoder"
)

// useOptions are the flags of the commands that put a trained run to use.
type useOptions struct {
	modelFlags
	model       string
	names       string
	noCuration  bool
	onnxruntime string
	provider    encoder.Provider
	threads     int
}

func (o *useOptions) add(f *pflag.FlagSet) {
	o.provider = encoder.Auto
	o.modelFlags.add(f)
	f.StringVar(&o.model, "model", "", "the encoder of the run, as it was given when the run was made (default: where this machine last saw it)")
	f.StringVar(&o.names, "names", "", "CSV file that names clusters, lines such as 3,dogs (default: the class that most of a cluster's labelled images have)")
	addNoCuration(f, &o.noCuration)
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
}

// addNoCuration adds the flag of every command that follows what was changed by hand.
func addNoCuration(f *pflag.FlagSet, without *bool) {
	f.BoolVar(without, "no-curation", false, "clusters as the training made them, without what 'pipeline curate' changed")
}

// addRuntime adds the flags that say how encoders are run.
func addRuntime(f *pflag.FlagSet, library *string, provider *encoder.Provider, threads *int) {
	f.StringVar(library, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or fetched)")
	f.Var(provider, "provider", "what runs the encoder: auto, cpu, cuda, tensorrt, coreml, openvino")
	count(f, threads, "encoder-threads", 0, 0, maxThreads, "threads of the encoder (default: one per processor)")
}

// options are the flags as the library takes them.
func (o *useOptions) options(a *app) (classify.Options, error) {
	shape, err := o.modelFlags.options(a)
	return classify.Options{
		Model: o.model, Shape: shape, Names: o.names, Raw: o.noCuration, Library: o.onnxruntime, Provider: o.provider, Threads: o.threads, Hooks: a.hooks(),
	}, err
}
