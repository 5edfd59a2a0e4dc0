//go:build unix

package extract

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/internal/sharedtest"
)

// BenchmarkAgainstBareONNXRuntime encodes the same photographs through the pipeline and from prepared tensors, alternately, with the same
// model, batch and threads. docs/performance.md quotes what it logs; the ratio reported is the median over the rounds.
func BenchmarkAgainstBareONNXRuntime(b *testing.B) {
	photos := sharedtest.Path(b, "data", "photos")
	model := sharedtest.Path(b, "models", "vit_tiny_patch16_224_cls.onnx")
	const images, batch = 64, 8
	data := b.TempDir()
	all, err := filepath.Glob(filepath.Join(photos, "*", "*"))
	if err != nil || len(all) < images {
		b.Fatalf("%d photographs, %v", len(all), err)
	}
	for i, name := range all[:images] {
		if err := os.Symlink(name, filepath.Join(data, fmt.Sprintf("%03d.jpeg", i))); err != nil {
			b.Fatal(err)
		}
	}
	c := config(b, data, "")
	c.Model, c.Batch, c.ShardRows, c.Workers = model, batch, 1024, 0
	c.Encoder = encoder.Options{Provider: encoder.CPU}
	c.Transform = pixels.Transform{Resize: 248, Crop: 224, Mean: c.Transform.Mean, Std: c.Transform.Std}
	library, err := library()
	if err != nil {
		b.Fatal(err)
	}
	e, err := encoder.Open(b.Context(), model, encoder.Options{Library: library, Provider: encoder.CPU, Size: 224})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	input, features := make([]float32, batch*3*224*224), make([]float32, batch*e.Dim())
	bare := func() float64 {
		start := time.Now()
		for range images / batch {
			if err := e.Encode(b.Context(), features, input, batch); err != nil {
				b.Fatal(err)
			}
		}
		return images / time.Since(start).Seconds()
	}
	through := func(round int) float64 {
		c.Out = filepath.Join(b.TempDir(), fmt.Sprint(round))
		var first time.Time
		last := 0
		if _, err := Run(b.Context(), c, Hooks{Progress: func(done, _ int) { // from the first batch to the last
			if first.IsZero() {
				first, last = time.Now(), done
			}
		}}); err != nil {
			b.Fatal(err)
		}
		return float64(images-last) / time.Since(first).Seconds()
	}
	bare()
	var ratios []float64
	for round := 0; b.Loop(); round++ {
		before := processorTime(b)
		alone := bare()
		between := processorTime(b)
		p := through(round)
		after := processorTime(b)
		ratios = append(ratios, p/alone)
		b.Logf("bare %.1f images/s (%.0f ms of a processor each), pipeline %.1f (%.0f ms): %.2f", alone,
			1000*(between-before).Seconds()/images, p, 1000*(after-between).Seconds()/images, p/alone)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
}

// processorTime is the processor time used by this process.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
