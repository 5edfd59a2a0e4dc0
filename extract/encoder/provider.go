package encoder

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Provider names the execution provider that runs the model.
type Provider string

// The providers. Auto takes the first of CUDA and CoreML that loads, or else the processor; any other provider that does not load is an
// error, never a silent fallback to the processor.
const (
	Auto     Provider = "auto"
	CPU      Provider = "cpu"
	CUDA     Provider = "cuda"
	TensorRT Provider = "tensorrt"
	CoreML   Provider = "coreml"
	OpenVINO Provider = "openvino"
)

// Providers lists all of them.
func Providers() []Provider { return []Provider{Auto, CPU, CUDA, TensorRT, CoreML, OpenVINO} }

// Set makes Provider usable as a flag's value.
func (p *Provider) Set(s string) error {
	if err := Provider(s).check(); err != nil {
		return err
	}
	*p = Provider(s)
	return nil
}

// check refuses a provider that does not exist.
func (p Provider) check() error {
	if !slices.Contains(Providers(), p) {
		return fmt.Errorf("provider %q is not one of %s", string(p), joined(Providers()))
	}
	return nil
}

func (p *Provider) String() string { return string(*p) }

// Type is the value's name in a flag's help.
func (p *Provider) Type() string { return "provider" }

func joined(providers []Provider) string {
	var names []string
	for _, p := range providers {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// device names the device on which a provider computes.
func (p Provider) device() string {
	switch p {
	case CUDA:
		return "NVIDIA GPU (CUDA)"
	case TensorRT:
		return "NVIDIA GPU (TensorRT)"
	case CoreML:
		return "Apple CoreML"
	case OpenVINO:
		return "Intel OpenVINO"
	}
	return "processor"
}

// candidates are the providers to try for p, in order.
func (p Provider) candidates() []Provider {
	switch {
	case p != Auto && p != "":
		return []Provider{p}
	case runtime.GOOS == "darwin":
		return []Provider{CoreML, CPU}
	}
	return []Provider{CUDA, CPU}
}

// attach adds the provider to a session's options. It fails if the library does not have the provider, or cannot load what the provider
// needs.
func (p Provider) attach(o *ort.SessionOptions) (err error) {
	switch p {
	case CUDA:
		cuda, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		return errors.Join(o.AppendExecutionProviderCUDA(cuda), cuda.Destroy())
	case TensorRT:
		rt, err := ort.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		return errors.Join(o.AppendExecutionProviderTensorRT(rt), rt.Destroy())
	case CoreML:
		return o.AppendExecutionProviderCoreMLV2(nil)
	case OpenVINO:
		return o.AppendExecutionProviderOpenVINO(nil)
	}
	return nil
}

// Available returns, for each provider except Auto, nil if it loads from the library at path, otherwise the reason.
func Available(path string) (map[Provider]error, error) {
	if err := load(context.Background(), path); err != nil {
		return nil, err
	}
	result := map[Provider]error{}
	for _, p := range Providers()[1:] {
		o, err := ort.NewSessionOptions()
		if err != nil {
			return nil, err
		}
		result[p] = p.attach(o)
		if err := o.Destroy(); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// callers is the number of runs at once: on a GPU, the second's pixels are copied to its memory while the first is computed.
func (p Provider) callers() int {
	if p == CUDA {
		return 2
	}
	return 1
}
