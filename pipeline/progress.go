package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows how far a long stage has come: a bar on a terminal, JSON lines with --json, nothing otherwise.
// A nil *progress, as a silent app gives, accepts every call.
type progress struct {
	app   *app
	stage string
	unit  string
	total int64
	bar   *progressbar.ProgressBar
	last  time.Time
}

// progress starts the display of a stage of total units ("images", "steps", …).
func (a *app) progress(stage, unit string, total int) *progress {
	p := &progress{app: a, stage: stage, unit: unit, total: int64(total)}
	switch {
	case a.quiet:
		return nil
	case a.json:
		return p
	case !a.terminal():
		return nil
	}
	p.bar = progressbar.NewOptions64(int64(total),
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription(stage),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionShowIts(),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionClearOnFinish(),
	)
	return p
}

// terminal tells whether standard error is a terminal.
func (a *app) terminal() bool { return terminal(a.err) }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// at sets how many units are done; detail ("loss 1.234") follows the stage's name.
func (p *progress) at(done int, detail string) {
	switch {
	case p == nil:
	case p.bar != nil:
		if detail != "" {
			p.bar.Describe(p.stage + "  " + detail)
		}
		_ = p.bar.Set64(int64(done)) // a bar that cannot be drawn stops nothing
	case time.Since(p.last) > time.Second || int64(done) == p.total:
		p.last = time.Now()
		line, err := json.Marshal(map[string]any{"stage": p.stage, "unit": p.unit, "done": done, "total": p.total, "detail": detail})
		if err == nil {
			fmt.Fprintf(p.app.err, "%s\n", line)
		}
	}
}

// of sets the total, for stages that learn it on the way.
func (p *progress) of(total int) {
	if p == nil || p.total == int64(total) {
		return
	}
	p.total = int64(total)
	if p.bar != nil {
		p.bar.ChangeMax(total)
	}
}

// end clears the bar.
func (p *progress) end() {
	if p != nil && p.bar != nil {
		_ = p.bar.Finish()
	}
}
