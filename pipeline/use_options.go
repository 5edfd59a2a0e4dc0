package main

import (
	"github.com/spf13/pflag"

	"iconic/classify"
	"iconic/extract/encoder"
)

// useOptions are the flags of the commands that use a trained run.
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
	f.StringVar(&o.model, "model", "", "the run's encoder, as given when the run was made (default: its last known location on this machine)")
	f.StringVar(&o.names, "names", "", "CSV file of cluster names, with lines such as 3,dogs (default, also for a cluster without a line: the class of most of its labelled images)")
	addNoCuration(f, &o.noCuration)
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
}

// addNoCuration adds the flag of every command that applies manual changes to clusters.
func addNoCuration(f *pflag.FlagSet, without *bool) {
	f.BoolVar(without, "no-curation", false, "use the clusters as trained, without the changes made in 'pipeline curate'")
}

// addRuntime adds the flags that control how encoders run.
func addRuntime(f *pflag.FlagSet, library *string, provider *encoder.Provider, threads *int) {
	f.StringVar(library, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or a download)")
	f.Var(provider, "provider", "execution provider for the encoder: auto, cpu, cuda, tensorrt, coreml, openvino")
	count(f, threads, "encoder-threads", 0, 0, maxThreads, "encoder threads (default: one per CPU)")
}

// options converts the flags to library options.
func (o *useOptions) options(a *app) (classify.Options, error) {
	shape, err := o.modelFlags.options(a)
	return classify.Options{
		Model: o.model, Shape: shape, Names: o.names, Raw: o.noCuration, Library: o.onnxruntime, Provider: o.provider, Threads: o.threads, Hooks: a.hooks(),
	}, err
}
