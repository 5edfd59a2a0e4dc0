package extract

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"iconic/extract/dataset"
	"iconic/extract/store"
)

// alone calls f on a goroutine of its own and returns what it panicked with. It fails if the goroutine does not end.
func alone(t *testing.T, f func()) (panicked any) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { panicked = recover() }()
		f()
	}()
	select {
	case <-ended:
		return panicked
	case <-time.After(time.Minute):
		t.Fatal("the call does not end")
		return nil
	}
}

// A caller's function that panics can be recovered where Each or Run was called, and one that ends its goroutine, as t.FailNow does, ends the call. No
// goroutine stays behind, and encoder and store can be used again.
func TestCallersFunctionsThatDoNotComeBack(t *testing.T) {
	data := folder(t, 40)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.Batch = 3
	extract(t, c)
	e, _, _ := embedder(t, c)
	each := func(ctx context.Context, at int, leave func()) {
		visited := 0
		_, err := e.Each(ctx, Stream{Data: data, Visit: func(*dataset.Set, store.Item, string, []float32) error {
			if visited++; visited == at {
				leave()
			}
			return nil
		}}, Hooks{})
		if err != nil || visited != 40 {
			t.Errorf("%d images were visited, %v", visited, err)
		}
	}
	run := func(ctx context.Context, at int, leave func()) {
		c := c
		c.Out, c.Batch = filepath.Join(filepath.Dir(c.Out), "other"), 3
		if _, err := Run(ctx, c, Hooks{Progress: func(done, _ int) {
			if done >= at && at > 0 {
				leave()
			}
		}}); err != nil {
			t.Error(err)
		}
	}
	for name, call := range map[string]func(ctx context.Context, at int, leave func()){"Each": each, "Run": run} {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			for _, at := range []int{1, 17, 40} {
				if got := alone(t, func() { call(t.Context(), at, func() { panic("left") }) }); got != "left" {
					t.Errorf("at image %d: recovered %v", at, got)
				}
				if got := alone(t, func() { call(t.Context(), at, runtime.Goexit) }); got != nil {
					t.Errorf("at image %d: recovered %v", at, got)
				}
			}
			call(t.Context(), 0, nil)
		})
	}
	if _, err := e.Each(t.Context(), Stream{Data: data}, Hooks{}); err == nil || err.Error() != "there is no function to visit the images with" {
		t.Errorf("without a function: %v", err)
	}
}

// The hooks and the function that finds the library are called where Run was called, too, also for an encoder that is opened in the middle of a run, for
// the first image that the store does not have.
func TestHooksThatDoNotComeBack(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	data := folder(t, 6)
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	extract(t, c)
	write(t, filepath.Join(data, "z.png"), picture(t, 77))
	c.Anew = true // or the encoder is opened earlier
	leave := func() { panic("left") }
	for name, call := range map[string]func(c Config) (Config, Hooks){
		"Note": func(c Config) (Config, Hooks) {
			return c, Hooks{Note: func(text string) {
				if strings.HasPrefix(text, "encoding on") {
					leave()
				}
			}}
		},
		"Library": func(c Config) (Config, Hooks) {
			c.Library = func() (string, error) { leave(); return "", nil }
			return c, Hooks{}
		},
	} {
		for how, f := range map[string]func(){"left": func() { panic("left") }, "": runtime.Goexit} {
			leave = f
			if got := alone(t, func() {
				c, h := call(c)
				_, err := Run(t.Context(), c, h)
				t.Errorf("%s: returned %v", name, err)
			}); got != how && !(got == nil && how == "") {
				t.Errorf("%s: recovered %v, want %q", name, got, how)
			}
		}
	}
	if s := extract(t, c); s.Encoded != 1 {
		t.Errorf("%d images encoded afterwards, want 1", s.Encoded)
	}
}
