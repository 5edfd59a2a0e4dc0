package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"iconic/progress"
)

// display shows how far the stage under way has come: a bar on a terminal, JSON lines with --json, nothing otherwise. A step of another
// stage ends the one before.
type display struct {
	step progress.Step // the last one
	bar  *progressbar.ProgressBar
	told time.Time // when the last JSON line was written
}

// hooks are what libraries tell of their work by.
func (a *app) hooks() progress.Hooks {
	return progress.Hooks{
		Step: a.step,
		Note: func(text string) { a.note("%s", text) },
		Warn: func(text string) { a.warn("%s", text) },
	}
}

// step shows a step.
func (a *app) step(s progress.Step) {
	a.screen.Lock()
	defer a.screen.Unlock()
	d := &a.shown
	if s.Stage != d.step.Stage {
		a.clear()
		if !a.quiet && !a.json && a.terminal() {
			d.bar = a.bar(s)
		}
	}
	resized := s.Total != d.step.Total
	d.step = s
	switch {
	case a.quiet:
	case a.json && (time.Since(d.told) > time.Second || s.Done == s.Total):
		d.told = time.Now()
		a.stepLine(s)
	case d.bar != nil:
		if resized {
			d.bar.ChangeMax64(s.Total)
		}
		if s.Detail != "" {
			d.bar.Describe(s.Stage + "  " + s.Detail)
		}
		_ = d.bar.Set64(s.Done) // a bar that cannot be drawn stops nothing
	}
	if s.Done == s.Total && s.Total > 0 {
		a.clear()
	}
}

// stepLine writes a step for machines.
func (a *app) stepLine(s progress.Step) {
	if line, err := json.Marshal(s); err == nil {
		fmt.Fprintf(a.err, "%s\n", line)
	}
}

func (a *app) bar(s progress.Step) *progressbar.ProgressBar {
	return progressbar.NewOptions64(s.Total,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription(s.Stage),
		progressbar.OptionSetItsString(s.Unit),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
}

// clear takes away the bar. Its caller holds the screen.
func (a *app) clear() {
	if a.shown.bar != nil {
		_ = a.shown.bar.Finish()
	}
	a.shown = display{}
}

// endStage takes away what is shown of a stage that is over.
func (a *app) endStage() {
	a.screen.Lock()
	defer a.screen.Unlock()
	a.clear()
}

// terminal tells whether standard error is a terminal.
func (a *app) terminal() bool { return terminal(a.err) }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
