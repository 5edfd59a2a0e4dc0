package main

import (
	"runtime/debug"
	"testing"

	"iconic/progress"
)

// The memory for images limits the process until training begins.
func TestMemoryLimitsEncodingOnly(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	before := limit()
	const memory = 400 << 20
	var steps []string
	h, restore := whileEncoding(memory, progress.Hooks{Step: func(s progress.Step) { steps = append(steps, s.Stage) }, Begun: func(stage string) { steps = append(steps, stage) }})
	for _, stage := range []struct {
		name string
		want int64
	}{{"preparation", memory}, {"encode", memory}, {"encode", memory}, {"train", before}, {"encode", before}} {
		if h.Step(progress.Step{Stage: stage.name}); limit() != stage.want {
			t.Errorf("%s: limit %d, want %d", stage.name, limit(), stage.want)
		}
	}
	h.Begun("score")
	restore()
	if limit() != before || len(steps) != 6 {
		t.Errorf("at the end: limit %d, want %d; stages %q", limit(), before, steps)
	}
	_, restore = whileEncoding(memory, progress.Hooks{})
	if restore(); limit() != before {
		t.Errorf("after an error: limit %d, want %d", limit(), before)
	}
}

// While the pictures of a page are read, the process is limited to the memory for images and what it held before.
func TestMemoryLimitsPictures(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	before := limit()
	const memory = 400 << 20
	var stages []string
	h, restore := whilePictures(memory, progress.Hooks{Begun: func(stage string) { stages = append(stages, stage) }})
	for _, stage := range []struct {
		name    string
		limited bool
	}{{"scores", false}, {"page", true}, {"duplicates and outliers", true}, {"map", false}, {"page", true}} {
		h.Begin(stage.name)
		if got := limit(); stage.limited != (got > memory && got < memory+1<<30) || !stage.limited && got != before {
			t.Errorf("%s: limit %d, before %d", stage.name, got, before)
		}
	}
	restore()
	if limit() != before || len(stages) != 5 {
		t.Errorf("at the end: limit %d, want %d; stages %q", limit(), before, stages)
	}
}
