package extract

import (
	"context"
	"errors"
	"image"
	"math"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/onnxtest"
)

var eight = image.NewRGBA(image.Rect(0, 0, 8, 8))

// opened is an embedder, and a folder of n images.
func opened(t *testing.T, n int) (e *Embedder, data string) {
	t.Helper()
	data = folder(t, n)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	c.Batch = 2
	e, _, _ = embedder(t, c)
	return e, data
}

// While Each runs, its visitor and other goroutines may use the same embedder.
func TestEachSharesTheEncoder(t *testing.T) {
	e, data := opened(t, 12)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it was never over
	defer cancel()
	want, err := e.Embed(ctx, eight)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	visited := 0
	_, err = e.Each(ctx, Stream{Data: data, Visit: func(*dataset.Set, store.Item, string, []float32) error {
		visited++
		wait.Go(func() {
			if _, err := e.Embed(ctx, eight); err != nil {
				t.Error(err)
			}
		})
		got, err := e.Embed(ctx, eight)
		if err == nil && got[0] != want[0] {
			t.Errorf("feature %g, want %g", got[0], want[0])
		}
		return err
	}}, Hooks{})
	if err != nil || visited != 12 {
		t.Errorf("%d images were visited: %v", visited, err)
	}
}

// A call that waits for its turn ends with its context.
func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	e, data := opened(t, 3)
	e.encoder.taken <- struct{}{} // a batch that takes forever
	ctx, cancel := context.WithCancel(t.Context())
	visit := func(*dataset.Set, store.Item, string, []float32) error { return nil }
	calls := map[string]func() error{
		"embed":           func() error { _, err := e.Embed(ctx, eight); return err },
		"encode":          func() error { return e.Encode(ctx, make([]float32, e.Dim()), make([]float32, e.Pixels()), 1) },
		"each":            func() error { _, err := e.Each(ctx, Stream{Data: data, Visit: visit}, Hooks{}); return err },
		"probe for batch": func() error { _, err := e.encoder.Batch(ctx, 2000); return err },
	}
	ended := make(chan error, len(calls))
	for name, call := range calls {
		go func() {
			if err := call(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
			ended <- nil
		}()
	}
	cancel()
	for range calls {
		<-ended
	}
	<-e.encoder.taken
	if _, err := e.Embed(t.Context(), eight); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// While a batch is encoded, or the best size of one is tried, it is nobody else's turn.
func TestATurnLastsAsLongAsItsBatch(t *testing.T) {
	data := folder(t, 3)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	m := onnxtest.Pooling(16, 8)
	m.Endless = true
	c.Model = m.Write(t)
	extract(t, c)
	e, _, _ := embedder(t, c)
	endless := make([]float32, e.Pixels())
	endless[0] = 2 * onnxtest.EndlessSum
	for name, call := range map[string]func(ctx context.Context) error{
		"encode":          func(ctx context.Context) error { return e.Encode(ctx, make([]float32, e.Dim()), endless, 1) },
		"probe for batch": func(ctx context.Context) error { _, err := e.encoder.Batch(ctx, 2000); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // it would last for ever
		ended := make(chan error, 1)
		go func() { ended <- call(ctx) }()
		for held := 0; held < 1000 && len(ended) == 0; { // times in a row
			select {
			case e.encoder.taken <- struct{}{}:
				if <-e.encoder.taken; held > 0 {
					t.Errorf("%s: it was somebody else's turn", name)
					cancel()
				}
				held = 0
			default:
				held++
			}
			runtime.Gosched()
		}
		if len(ended) > 0 {
			t.Errorf("%s: ended too early", name)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Close waits for a batch in progress. What comes later fails, and so does an Each that has not ended, whose visitor may be the one to close.
func TestCloseBetweenBatches(t *testing.T) {
	e, _ := opened(t, 12)
	e.encoder.taken <- struct{}{}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	select {
	case <-closed:
		t.Error("closed within a batch")
	case <-time.After(20 * time.Millisecond):
	}
	<-e.encoder.taken
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := e.Embed(t.Context(), eight); !errors.Is(err, encoder.ErrClosed) {
		t.Errorf("embed: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}

	e, data := opened(t, 40)
	_, err := e.Each(t.Context(), Stream{Data: data, Visit: func(*dataset.Set, store.Item, string, []float32) error { return e.Close() }}, Hooks{})
	if !errors.Is(err, encoder.ErrClosed) {
		t.Errorf("each, closed by its visitor: %v", err)
	}
}

// What a program can hand over that is no setting is refused in words.
func TestWhatIsNoSettingIsRefused(t *testing.T) {
	e, data := opened(t, 3)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.Library = nil
	visit := func(*dataset.Set, store.Item, string, []float32) error { return nil }
	bare := &Embedder{Transform: e.Transform}
	uncropped, cropped := *e, *e
	uncropped.Transform.Crop, cropped.Transform.Crop = 0, 1<<40
	for name, call := range map[string]func() error{
		"run without a library": func() error { _, err := Run(t.Context(), c, Hooks{}); return err },
		"each with a negative share": func() error {
			_, err := e.Each(t.Context(), Stream{Data: data, MaxBad: -1, Visit: visit}, Hooks{})
			return err
		},
		"each without a share": func() error {
			_, err := e.Each(t.Context(), Stream{Data: data, MaxBad: math.NaN(), Visit: visit}, Hooks{})
			return err
		},
		"judge with a negative share": func() error { return (&Summary{Items: 3}).Judge(-1) },
		"judge without a share":       func() error { return (&Summary{Items: 3}).Judge(math.NaN()) },
		"each without a visitor":      func() error { _, err := e.Each(t.Context(), Stream{Data: data}, Hooks{}); return err },
		"each without an encoder":     func() error { _, err := bare.Each(t.Context(), Stream{Data: data, Visit: visit}, Hooks{}); return err },
		"embed without an encoder":    func() error { _, err := bare.Embed(t.Context(), eight); return err },
		"encode without an encoder":   func() error { return bare.Encode(t.Context(), nil, nil, 1) },
		"more images than there are":  func() error { return e.Encode(t.Context(), nil, nil, 1<<62) },
		"fewer images than none":      func() error { return e.Encode(t.Context(), nil, nil, -1<<62) },
		"a picture without bytes":     func() error { _, err := e.Embed(t.Context(), &image.RGBA{Rect: eight.Rect}); return err },
		"a picture that is nil":       func() error { _, err := e.Embed(t.Context(), eight, (*image.RGBA)(nil)); return err },
		"no colours":                  func() error { _, err := e.Embed(t.Context(), &image.YCbCr{Rect: eight.Rect}); return err },
		"a crop of nothing":           func() error { _, err := uncropped.Embed(t.Context(), eight); return err },
		"a crop of everything":        func() error { _, err := cropped.Embed(t.Context(), eight); return err },
		"a product that overflows":    func() error { return e.PrepareRGB(make([]float32, e.Pixels()), nil, 1<<62, 4) },
		"a transform of nothing":      func() error { return (&Embedder{}).PrepareRGB(nil, make([]uint8, 3), 1, 1) },
		"nothing to merge":            func() error { _, err := Merge(t.Context(), nil, t.TempDir(), nil); return err },
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := e.Prepare(t.Context(), make([]float32, e.Pixels()), picture(t, 0), 0, nil); err != nil {
		t.Errorf("prepared without scratch: %v", err)
	}
	if err := bare.Close(); err != nil {
		t.Error(err)
	}
	if bare.Dim() != 0 || bare.FixedBatch() != 0 || bare.Mixes() || bare.Remark() != "" || bare.Device() != "" {
		t.Error("an embedder that was not opened has an encoder")
	}
	transform := pixels.Transform{Resize: 4, Crop: 4, Std: [3]float32{1, 1, 1}}
	for name, m := range map[string]*pixels.Image{"none": nil, "without bytes": {Width: 9, Height: 9}, "without a size": {Pix: make([]uint8, 3)}, "that overflows": {Width: 1 << 62, Height: 4}} {
		if transform.Apply(make([]float32, 48), m, nil) == nil || transform.View(make([]float32, 48), m, pixels.DefaultAugmentation(), 1, 1, 1, nil) == nil {
			t.Errorf("a picture %s: no error", name)
		}
	}
	if err := transform.View(make([]float32, 48), &pixels.Image{Width: 9, Height: 9, Pix: make([]uint8, 243)}, pixels.Augmentation{}, 1, 1, 1, nil); err == nil {
		t.Error("an augmentation of zeros: no error")
	}
}
