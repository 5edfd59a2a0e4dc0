package encoder

import (
	"context"

	"iconic/extract/onnxruntime"
	"iconic/progress"
)

// NeedsCUDA reports whether the provider is only in builds of ONNX Runtime for NVIDIA's GPUs.
func (p Provider) NeedsCUDA() bool { return p == CUDA || p == TensorRT }

// FindLibrary finds the ONNX Runtime library in which the provider is, or downloads it: see onnxruntime.Find. The path is a file, or the folder
// that contains it; "": it is searched for. It fails on a provider that does not exist.
func (p Provider) FindLibrary(ctx context.Context, path string, h progress.Hooks) (string, error) {
	if err := p.check(); err != nil && p != "" {
		return "", err
	}
	return onnxruntime.Find(ctx, onnxruntime.Options{
		Path: path, CUDA: p.NeedsCUDA(), Note: h.Note,
		Progress: func(done, total int64) { h.Bytes("ONNX Runtime", done, total) },
	})
}
