package encoder

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iconic/extract/onnxruntime"
	"iconic/internal/onnxtest"
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

// TestSameBits checks what allows a store to be resumed, extended and merged byte for byte: a row's bits depend neither on the batch in
// which it was encoded nor on the number of threads.
func TestSameBits(t *testing.T) {
	model := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
	const n = 9
	pixels := make([]float32, n*3*224*224)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range pixels {
		pixels[i] = float32(r.NormFloat64())
	}
	var want []float32
	for _, threads := range []int{1, 2} {
		e, err := Open(t.Context(), model, Options{Library: library(t), Provider: CPU, Threads: threads})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, batch := range []int{1, 2, 5, n} {
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
				t.Errorf("%d threads, batches of %d: different features", threads, batch)
			}
		}
	}
}

// An image has the same features alone and among others, whatever the model does with its batch.
func TestCompanyDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pixels := make([]float32, 5*3*16*16)
	for i := range pixels {
		pixels[i] = float32(r.NormFloat64())
	}
	for _, c := range []struct {
		name   string
		batch  int64
		common bool
	}{{"any batch", -1, false}, {"any batch, divided by its largest feature", -1, true}, {"four images", 4, false}, {"four images, divided by their largest feature", 4, true}, {"one image", 1, true}} {
		t.Run(c.name, func(t *testing.T) {
			m := onnxtest.Pooling(16, 8)
			m.Input[0], m.Common = c.batch, c.common
			e, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Provider: CPU, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if want := c.common && c.batch != 1; e.Mixes != want {
				t.Errorf("Mixes is %t, want %t", e.Mixes, want)
			}
			together, alone := make([]float32, 5*e.Dim()), make([]float32, 5*e.Dim())
			if err := e.Encode(t.Context(), together, pixels, 5); err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				if err := e.Encode(t.Context(), alone[i*e.Dim():(i+1)*e.Dim()], pixels[i*768:(i+1)*768], 1); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(together, alone) {
				t.Error("features depend on the other images")
			}
		})
	}
}

func TestAModelThatIsNoEncoderIsRefusedInOneSentence(t *testing.T) {
	good := onnxtest.Output{Name: "features"}
	text := filepath.Join(t.TempDir(), "text.onnx")
	empty := filepath.Join(t.TempDir(), "empty.onnx")
	for name, content := range map[string]string{text: "this is not a model but a text of some length", empty: ""} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, file string
		model      onnxtest.Model
		options    Options
		want       string
	}{
		{name: "no file", file: "missing.onnx", want: "no such file"},
		{name: "text", file: text, want: "not an ONNX file"},
		{name: "an empty file", file: empty, want: "not an ONNX file"},
		{name: "a folder", file: t.TempDir(), want: "not an ONNX file"},
		{name: "grey images", model: onnxtest.Model{Input: onnxtest.Dims{-1, 1, 16, 16}, Outputs: []onnxtest.Output{{Name: "features", Free: true}}}, want: "is not N×3×H×W"},
		{name: "two inputs", model: onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, 16}, Inputs: 2, Outputs: []onnxtest.Output{good}}, want: "2 inputs"},
		{name: "an image for an output", model: onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, 16}, Outputs: []onnxtest.Output{{Name: "features", Raw: true}}}, want: "is not N×D"},
		{name: "two outputs", model: onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, 16}, Outputs: []onnxtest.Output{good, {Name: "other"}}}, want: "choose one"},
		{name: "a missing output", model: onnxtest.Pooling(16, 8), options: Options{Output: "x"}, want: `no output "x"`},
		{name: "a free size", model: onnxtest.Model{Input: onnxtest.Dims{-1, 3, -1, -1}, Outputs: []onnxtest.Output{{Name: "features", Free: true}}}, want: "leaves the image size free: give one"},
		{name: "another size than one side's", model: half, options: Options{Size: 24}, want: "takes squares of 16×16 pixels only, not 24×24"},
		{name: "a provider that does not load", model: onnxtest.Pooling(16, 8), options: Options{Provider: OpenVINO}, want: "provider openvino"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.file == "" {
				c.file = c.model.Write(t)
			}
			c.options.Library = library(t)
			e, err := Open(t.Context(), c.file, c.options)
			if err == nil {
				e.Close()
				t.Fatal("the model was opened")
			}
			if s := err.Error(); !strings.Contains(s, c.want) || !strings.Contains(s, c.file) || strings.Contains(s, "\n") {
				t.Errorf("error %q, want one line with %q and the file", s, c.want)
			}
		})
	}
}

// half leaves the width of its images free.
var half = onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, -1}, Outputs: []onnxtest.Output{{Name: "features", Free: true}}}

func TestEncodesWhatTheModelSays(t *testing.T) {
	for _, c := range []struct {
		name    string
		model   onnxtest.Model
		options Options
		fixed   int
	}{
		{"a free batch", onnxtest.Pooling(16, 8), Options{}, 0},
		{"a fixed batch", onnxtest.Model{Input: onnxtest.Dims{4, 3, 16, 16}, Outputs: []onnxtest.Output{{Name: "features"}}}, Options{}, 4},
		{"a free size", onnxtest.Model{Input: onnxtest.Dims{-1, 3, -1, -1}, Outputs: []onnxtest.Output{{Name: "features", Free: true}}}, Options{Size: 16}, 0},
		{"a free width", half, Options{}, 0},
		{"a free width, with the size of the other side", half, Options{Size: 16}, 0},
		{"one output of two", onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, 16}, Outputs: []onnxtest.Output{{Name: "other", Raw: true}, {Name: "features"}}}, Options{Output: "features"}, 0},
		{"a vector with dimensions of one after it", onnxtest.Model{Input: onnxtest.Dims{-1, 3, 16, 16}, Cell: 16, Outputs: []onnxtest.Output{{Name: "features", Raw: true}}}, Options{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Library = library(t)
			c.options.Threads = 1
			e, err := Open(t.Context(), c.model.Write(t), c.options)
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if h, w := e.InputSize(); h != 16 || w != 16 || e.FixedBatch() != c.fixed {
				t.Errorf("size %d×%d, batch %d", w, h, e.FixedBatch())
			}
			for _, n := range []int{1, 3, 4, 6} {
				pixels := make([]float32, n*3*16*16)
				for i := range pixels {
					pixels[i] = float32(i / 256) // each plane has its own value
				}
				got := make([]float32, n*e.Dim())
				if err := e.Encode(t.Context(), got, pixels, n); err != nil {
					t.Fatal(err)
				}
				for i, v := range got {
					if want := float32(i / (e.Dim() / 3)); v != want {
						t.Fatalf("%d images: feature %d is %g, want %g", n, i, v, want)
					}
				}
			}
			for _, n := range []int{1, 0, -1, 1 << 62, math.MinInt} {
				if err := e.Encode(t.Context(), nil, nil, n); err == nil {
					t.Errorf("wrong lengths were accepted for %d images", n)
				}
			}
			if b, err := e.Batch(t.Context(), 1<<10); err != nil || b < 1 || c.fixed > 0 && b != c.fixed {
				t.Errorf("batch %d, %v", b, err)
			}
		})
	}
}

// An encoder that was not opened, or that is closed, says so.
func TestAnEncoderThatIsNotOpenIsRefused(t *testing.T) {
	closed, err := Open(t.Context(), onnxtest.Pooling(16, 8).Write(t), Options{Library: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]*Encoder{"none": {}, "closed": closed} {
		if err := e.Encode(t.Context(), make([]float32, e.Dim()), make([]float32, 3*e.height*e.width), 1); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: encode: %v", name, err)
		}
		if _, err := e.Independent(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: independent: %v", name, err)
		}
		if n, err := e.Batch(t.Context(), 3); err == nil && n < 1 {
			t.Errorf("%s: batches of %d", name, n)
		}
		if err := e.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func TestEncodeEndsWithItsContext(t *testing.T) {
	e, err := Open(t.Context(), onnxtest.Pooling(16, 8).Write(t), Options{Library: library(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Encode(ctx, make([]float32, e.Dim()), make([]float32, 3*16*16), 1); err != context.Canceled { //nolint:errorlint // the context's own, without the model
		t.Errorf("error %v", err)
	}
}

// A run that would not end does so with its context, and the next one is not affected.
func TestARunEndsWithItsContext(t *testing.T) {
	m := onnxtest.Pooling(16, 8)
	m.Endless = true
	e, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Provider: CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	x, y := make([]float32, 3*16*16), make([]float32, e.Dim())
	x[0] = 2 * onnxtest.EndlessSum
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := e.Encode(ctx, y, x, 1); err != context.DeadlineExceeded { //nolint:errorlint // as above
			t.Errorf("an endless run: %v", err)
		}
		cancel()
		if err := e.Encode(t.Context(), y, slices.Repeat([]float32{3}, len(x)), 1); err != nil || y[0] != 3 {
			t.Errorf("afterwards: %v, %v", y, err)
		}
	}
	if _, err := Once(t.Context(), library(t), e.name, x, []int64{1, 3, 16, 16}, "none"); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an output that does not exist: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Once(ctx, library(t), e.name, x, []int64{1, 3, 16, 16}, "features"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an endless run of any model: %v", err)
	}
	if _, err := Open(ctx, e.name, Options{Library: library(t), Provider: CPU}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("opened after the end of the context: %v", err)
	}
}

// A model that gives the same image different features each time is refused: its features would depend on the run.
func TestARandomModelIsRefused(t *testing.T) {
	for _, batch := range []int64{-1, 1, 4} {
		m := onnxtest.Pooling(16, 8)
		m.Input[0], m.Random = batch, true
		name := m.Write(t)
		_, err := Open(t.Context(), name, Options{Library: library(t), Provider: CPU})
		if err == nil || !strings.Contains(err.Error(), name+" gives the same image different features each time") || !strings.Contains(err.Error(), "evaluation mode") {
			t.Errorf("batches of %d: %v", batch, err)
		}
	}
}

// A graph may take one image at a time though it declares any number: it is found out, and used so.
func TestAModelOfSingleImages(t *testing.T) {
	m := onnxtest.Pooling(16, 8)
	m.Single = true
	e, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Provider: CPU, Batch: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if !e.Single || e.Mixes || e.FixedBatch() != 1 || !strings.Contains(e.Remark(), "one image at a time") {
		t.Errorf("single %t, mixes %t, batches of %d, %q", e.Single, e.Mixes, e.FixedBatch(), e.Remark())
	}
	if size, err := e.Batch(t.Context(), 5000); err != nil || size != 1 {
		t.Errorf("batches of %d (%v)", size, err)
	}
	x, y := slices.Concat(slices.Repeat([]float32{1}, 3*16*16), slices.Repeat([]float32{2}, 3*16*16)), make([]float32, 2*e.Dim())
	if err := e.Encode(t.Context(), y, x, 2); err != nil || y[0] != 1 || y[len(y)-1] != 2 {
		t.Errorf("features %v (%v)", y, err)
	}
}

// Whether features depend on the batch is a property of the model, and does not hang on the number of images of a run.
func TestIndependenceIsTheModels(t *testing.T) {
	for _, c := range []struct {
		name           string
		images         int64
		slight, common bool
		want           bool
	}{
		{"any batch", -1, false, false, true}, {"four images", 4, false, false, true},
		{"any batch, slightly", -1, true, false, false}, {"four images, slightly", 4, true, false, false}, {"one image, slightly", 1, true, false, true},
		{"any batch, divided by its largest feature", -1, false, true, false},
	} {
		m := onnxtest.Pooling(16, 8)
		m.Input[0], m.Slight, m.Common = c.images, c.slight, c.common
		name := m.Write(t)
		for _, batch := range []int{0, 1, 2, 8} {
			e, err := Open(t.Context(), name, Options{Library: library(t), Provider: CPU, Batch: batch, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if e.Mixes != c.common {
				t.Errorf("%s: Mixes is %t", c.name, e.Mixes)
			}
			if got, err := e.Independent(t.Context()); err != nil || got != c.want {
				t.Errorf("%s, runs of %d: independent is %t (%v)", c.name, batch, got, err)
			}
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every run, also within one call, has at most the number of images that was wanted, or otherwise that which Batch returns.
func TestNoRunIsLargerThanTheBatch(t *testing.T) {
	m := onnxtest.Pooling(16, 8)
	m.Common = true // its features show which images were in a run
	e, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Provider: CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const n = 130
	x, y := make([]float32, n*3*16*16), make([]float32, n*e.Dim())
	for i := range x {
		x[i] = float32(1 + i/(3*16*16))
	}
	e.Mixes = false
	for _, c := range []struct {
		o    Options
		told int // images that Batch is told of; 0: it is not asked
		want int // images of a run; 0: as Batch says
	}{
		{Options{Batch: 2}, 0, 2}, {Options{Batch: 2}, 5000, 2}, {Options{Batch: 100}, 5000, 100}, {Options{}, 0, 8}, {Options{}, 999, 8}, {Options{}, 1000, 0},
		{Options{Resting: true}, 0, 64}, {Options{Resting: true}, 5000, 64}, {Options{Resting: true, Batch: 16}, 0, 16},
	} {
		if err := e.choosePlan(t.Context(), c.o); err != nil {
			t.Fatal(err)
		}
		size := c.want
		if c.told > 0 {
			if size, err = e.Batch(t.Context(), c.told); err != nil || c.want > 0 && size != c.want || size < 1 || size > 100 {
				t.Fatalf("%+v: batches of %d for %d images (%v)", c.o, size, c.told, err)
			}
		}
		if few, err := e.Batch(t.Context(), 3); err != nil || few != min(3, size) {
			t.Errorf("%+v: batches of %d for three images (%v)", c.o, few, err)
		}
		if err := e.Encode(t.Context(), y, x, n); err != nil {
			t.Fatal(err)
		}
		for i := range n { // the image over the largest of its run
			if got, want := y[i*e.Dim()], float32(1+i)/float32(min((i/size+1)*size, n)); got != want {
				t.Fatalf("%+v, runs of %d: image %d is %g, want %g", c.o, size, i, got, want)
			}
		}
	}
	if _, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Batch: -1}); err == nil || !strings.Contains(err.Error(), "batch -1") {
		t.Errorf("a batch of -1: %v", err)
	}
}

// A number that the model does not take is not dropped in silence.
func TestAnotherBatchThanTheModelTakesIsRemarkedOn(t *testing.T) {
	for _, c := range []struct {
		images int64
		wanted int
		want   string
	}{{4, 7, "takes exactly 4 images at a time"}, {4, 1, "takes exactly 4 images at a time"}, {1, 7, "takes exactly 1 image at a time"}, {4, 4, ""}, {4, 0, ""}, {-1, 7, ""}} {
		m := onnxtest.Pooling(16, 8)
		m.Input[0] = c.images
		e, err := Open(t.Context(), m.Write(t), Options{Library: library(t), Provider: CPU, Batch: c.wanted})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Remark(); !strings.Contains(got, c.want) || (got == "") != (c.want == "") || got != "" && !strings.Contains(got, fmt.Sprint(c.wanted)) {
			t.Errorf("%d of %d images: %q", c.wanted, c.images, got)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// On a GPU all runs have one size, so that an image has the same features at the end of a data set, and several are made at once.
func TestRunsOfOneSize(t *testing.T) {
	e, err := Open(t.Context(), onnxtest.Pooling(16, 8).Write(t), Options{Library: library(t), Provider: CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const n = 11
	x := make([]float32, n*3*16*16)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	want, got := make([]float32, n*e.Dim()), make([]float32, n*e.Dim())
	if err := e.Encode(t.Context(), want, x, n); err != nil {
		t.Fatal(err)
	}
	e.callers.end()
	e.callers, e.Provider = newCallers(2), CUDA // as far as the plan is concerned
	for _, wanted := range []int{4, 0} {
		if err := e.choosePlan(t.Context(), Options{Batch: wanted}); err != nil || e.plan.size != cmp.Or(wanted, deviceBatch) {
			t.Fatalf("runs of %d: %v", e.plan.size, err)
		}
		clear(got)
		if err := e.Encode(t.Context(), got, x, n); err != nil || !slices.Equal(got, want) {
			t.Errorf("runs of %d: other features (%v)", e.plan.size, err)
		}
		if size, err := e.Batch(t.Context(), 1000); err != nil || size != 2*e.plan.size {
			t.Errorf("batches of %d for two runs of %d at once (%v)", size, e.plan.size, err)
		}
		if ok, err := e.Independent(t.Context()); err != nil || !ok {
			t.Errorf("runs of %d: the features depend on the batch (%v)", e.plan.size, err)
		}
	}
}

func TestTwoLibrariesInOneProcessAreRefused(t *testing.T) {
	if err := load(t.Context(), library(t)); err != nil {
		t.Fatal(err)
	}
	if err := load(t.Context(), "/another/library.so"); err == nil || !strings.Contains(err.Error(), "already loaded") {
		t.Errorf("error %v", err)
	}
}

func TestSumCoversExternalDataOfAnyName(t *testing.T) {
	m := onnxtest.Pooling(16, 8)
	m.Scale = "weights of 2026.bin"
	name := m.Write(t)
	data := filepath.Join(filepath.Dir(name), m.Scale)
	features := map[string]float32{}
	for _, scale := range []float32{1, 2} {
		weights := bytes.Repeat(binary.LittleEndian.AppendUint32(nil, math.Float32bits(scale)), 3*2*2)
		if err := os.WriteFile(data, weights, 0o600); err != nil {
			t.Fatal(err)
		}
		sum, err := Sum(name)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Open(t.Context(), name, Options{Library: library(t), Provider: CPU})
		if err != nil {
			t.Fatal(err)
		}
		x, y := slices.Repeat([]float32{1}, 3*16*16), make([]float32, e.Dim())
		if err := errors.Join(e.Encode(t.Context(), y, x, 1), e.Close()); err != nil {
			t.Fatal(err)
		}
		features[sum] = y[0]
	}
	if len(features) != 2 {
		t.Errorf("two encoders have one sum: %v", features)
	}
	if err := os.Remove(data); err != nil {
		t.Fatal(err)
	}
	if _, err := Sum(name); err == nil || !strings.Contains(err.Error(), m.Scale) {
		t.Errorf("without its data: %v", err)
	}
	for _, other := range []string{"../weights", "/etc/hostname"} {
		m.Scale = other
		if _, err := Sum(m.Write(t)); err == nil || !strings.Contains(err.Error(), "not a file in the model's folder") {
			t.Errorf("data in %s: %v", other, err)
		}
	}
}
