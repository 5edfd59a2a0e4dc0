package main

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"iconic/progress"
)

func TestStandLine(t *testing.T) {
	for _, c := range []struct {
		stand progress.Stand
		want  string
	}{
		{progress.Stand{Step: progress.Step{Stage: "encode", Unit: "images", Done: 12345, Total: 50000}, Rate: 83.123, Left: 453 * time.Second},
			"encode: 12345 of 50000 images (24 %), 83.1 images/s, 7 min 33 s left in this stage"},
		{progress.Stand{Step: progress.Step{Stage: "training", Unit: "steps", Done: 120, Total: 600, Detail: "loss 1.2345"}, Rate: 0.02, Left: 24000 * time.Second},
			"training: 120 of 600 steps (20 %), 72 steps/h, 6 h 40 min left in this stage, loss 1.2345"},
		{progress.Stand{Step: progress.Step{Stage: "ONNX Runtime", Unit: "bytes", Done: 12e6, Total: 60e6}, Rate: 1.2e6, Left: 40 * time.Second},
			"ONNX Runtime: 12.0 MB of 60.0 MB (20 %), 1.2 MB/s, 40 s left in this stage"},
		{progress.Stand{Step: progress.Step{Stage: "ONNX Runtime", Unit: "bytes", Done: 12e6, Total: -1}, Rate: 1.2e6}, "ONNX Runtime: 12.0 MB, 1.2 MB/s"},
		{progress.Stand{Step: progress.Step{Stage: "encode", Unit: "images", Total: 50}}, "encode: 0 of 50 images (0 %)"},
		{progress.Stand{Step: progress.Step{Stage: "scores"}, Elapsed: 125 * time.Second}, "scores: 2 min 5 s so far"},
		{progress.Stand{Step: progress.Step{Stage: "runs", Unit: "runs", Done: 3, Total: 12}, Rate: 1e-5, Left: 9e5 * time.Second}, "runs: 3 of 12 runs (25 %), 0.036 runs/h, 10 days 10 h left in this stage"},
	} {
		if got := standLine(c.stand); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// lines is a log that can be written and read concurrently.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
	each  chan string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case l.each <- string(p):
	default:
	}
	return l.text.Write(p)
}

// Without a terminal, a line per interval reports the current stage; a count that has not changed is reported once.
func TestLogTellsTheStageUnderWay(t *testing.T) {
	l := &lines{each: make(chan string, 100)}
	a := &app{out: l, err: l, logged: logged{every: time.Millisecond}}
	h := a.hooks()
	h.At(progress.Step{Stage: "encode", Unit: "images", Done: 1, Total: 10})
	if line := <-l.each; !strings.HasPrefix(line, "encode: 1 of 10 images (10 %)") {
		t.Errorf("%q", line)
	}
	h.Begin("scores")
	for told := 0; told < 3; { // even without steps
		if line := <-l.each; strings.HasPrefix(line, "scores: ") {
			told++
		}
	}
	h.At(progress.Step{Stage: "map", Unit: "iterations", Done: 5, Total: 5})
	for !strings.HasPrefix(<-l.each, "map: 5 of 5") {
	}
	select {
	case line := <-l.each:
		t.Errorf("a finished stage is reported again: %q", line)
	case <-time.After(30 * time.Millisecond):
	}
}

func TestTookTellsStages(t *testing.T) {
	var b bytes.Buffer
	a := &app{out: &b, err: &b}
	times := []progress.StageTime{{Stage: "preparation", Seconds: 0.01}, {Stage: "encode", Seconds: 71}, {Stage: "training", Seconds: 3}}
	if a.took(times); b.String() != "took 1 min 14 s: encode 1 min 11 s, training 3.0 s\n" {
		t.Errorf("%q", b.String())
	}
	b.Reset()
	a.json = true
	a.took(times)
	if !regexp.MustCompile(`^\{"stages":\[\{"stage":"preparation","seconds":0.01\},.*\]\}\n$`).MatchString(b.String()) {
		t.Errorf("%q", b.String())
	}
}
