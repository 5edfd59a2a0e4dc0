package encoder

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"iconic/extract/onnxruntime"
	"iconic/internal/sharedtest"
)

func library(t testing.TB) string {
	t.Helper()
	path, err := onnxruntime.Find(t.Context(), onnxruntime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSameBits is what lets a store be resumed, extended and merged byte for byte: a row's bits depend neither on
// the batch that it was encoded in nor on the number of threads.
func TestSameBits(t *testing.T) {
	model := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
	const n = 5
	pixels := make([]float32, n*3*224*224)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = float32(r.NormFloat64())
	}
	var want []float32
	for _, threads := range []int{1, 2} {
		e, err := Open(model, Options{Library: library(t), Provider: CPU, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, batch := range []int{1, 2, 5} {
			got := make([]float32, n*e.Dim())
			image := len(pixels) / n
			for lo := 0; lo < n; lo += batch {
				hi := min(n, lo+batch)
				if err := e.Encode(context.Background(), got[lo*e.Dim():hi*e.Dim()], pixels[lo*image:hi*image], hi-lo); err != nil {
					t.Fatal(err)
				}
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d threads, batches of %d: other features", threads, batch)
			}
		}
	}
}
