package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"iconic/progress"
)

// display shows the progress of the current stage: a bar on a terminal, JSON lines with --json, one line per minute otherwise. A step of
// another stage ends the previous one.
type display struct {
	step  progress.Step   // the last one
	clock *progress.Clock // of the stage whose bar is shown; nil: none
	width int             // of the progress line on the screen, in columns
	told  time.Time       // time of the last JSON line, or of the last drawing
}

// logged is the state of the progress log used when there is no terminal.
type logged struct {
	clock *progress.Clock // of the current stage; nil before the first step
	every time.Duration   // interval between lines; 0: one minute
	news  bool            // there have been steps since the last line
}

// hooks are the callbacks through which libraries report progress.
func (a *app) hooks() progress.Hooks {
	note := func(text string) { a.note("%s", text) }
	return progress.Hooks{
		Step:  a.step,
		Begun: a.begun,
		Note:  note,
		Found: note,
		Warn:  func(text string) { a.warn("%s", text) },
	}
}

// begun shows the start of a stage, which may have no steps.
func (a *app) begun(stage string) {
	a.screen.Lock()
	defer a.screen.Unlock()
	if a.clear(); !a.quiet && !a.json && !a.terminal() {
		a.log(progress.Step{Stage: stage})
	}
}

// step shows a step.
func (a *app) step(s progress.Step) {
	a.screen.Lock()
	defer a.screen.Unlock()
	if !a.quiet && !a.json && !a.terminal() {
		a.log(s)
		return
	}
	d := &a.shown
	if s.Stage != d.step.Stage {
		a.clear()
		if !a.quiet && !a.json {
			d.clock = progress.NewClock(s.Stage)
		}
	} else if s.Detail == "" {
		s.Detail = d.step.Detail
	}
	d.step = s
	switch {
	case a.quiet:
	case a.json && (time.Since(d.told) > time.Second || s.Done == s.Total):
		d.told = time.Now()
		a.stepLine(s)
	case d.clock != nil:
		if d.clock.At(s); time.Since(d.told) >= redrawn {
			d.told = time.Now()
			columns, _ := screen(a.err)
			_, _ = io.WriteString(a.err, d.redraw(columns)) // failing to draw the bar is no error
		}
	}
	if s.Done == s.Total && s.Total > 0 {
		a.clear()
	}
}

// stepLine writes a step as a JSON line.
func (a *app) stepLine(s progress.Step) {
	if line, err := json.Marshal(s); err == nil {
		fmt.Fprintf(a.err, "%s\n", line)
	}
}

// log records a step when there is no terminal, and starts the periodic log lines. The caller holds the screen lock.
func (a *app) log(s progress.Step) {
	l := &a.logged
	if l.news = true; l.clock != nil {
		l.clock.At(s)
		return
	}
	if l.every == 0 {
		l.every = time.Minute
	}
	l.clock = progress.NewClock(s.Stage)
	l.clock.At(s)
	var next *time.Timer
	next = time.AfterFunc(l.every, func() {
		a.screen.Lock()
		defer a.screen.Unlock()
		if stand, ok := l.clock.Stand(); ok && (l.news || stand.Unit == "") { // an unchanged count may belong to finished work
			fmt.Fprintln(a.err, plain(standLine(stand)))
		}
		l.news = false
		next.Reset(l.every)
	})
}

// standLine formats a log line: stage, share of it that is done, rate, and the time left in it.
func standLine(s progress.Stand) string {
	if s.Unit == "" {
		return fmt.Sprintf("%s: %s so far", s.Stage, duration(s.Elapsed))
	}
	w := words(s)
	line := s.Stage + ": " + w.amount
	if !math.IsNaN(w.share) {
		line += fmt.Sprintf(" (%.0f %%)", w.share)
	}
	if w.left != "" {
		w.left += " in this stage"
	}
	return joined(", ", line, w.rate, w.left, s.Detail)
}

// duration formats a duration with at most two units.
func duration(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d h %d min", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d days %d h", s/86400, s/3600%24)
}

// took reports how long each stage took.
func (a *app) took(times []progress.StageTime) {
	a.endStage()
	if a.json && !a.quiet {
		if line, err := json.Marshal(struct {
			Stages []progress.StageTime `json:"stages"`
		}{times}); err == nil {
			fmt.Fprintf(a.err, "%s\n", line)
		}
	}
	total, parts := 0.0, []string(nil)
	for _, t := range times {
		if total += t.Seconds; t.Seconds >= 0.05 {
			parts = append(parts, t.Stage+" "+duration(seconds(t.Seconds)))
		}
	}
	line := "took " + duration(seconds(total))
	if len(parts) > 0 {
		line += ": " + strings.Join(parts, ", ")
	}
	a.note("%s", line)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// clear removes the bar. The caller holds the screen lock.
func (a *app) clear() {
	if a.shown.width > 0 {
		columns, _ := screen(a.err)
		_, _ = io.WriteString(a.err, a.shown.replace("", columns))
	}
	a.shown = display{}
}

// endStage clears the display of a finished stage.
func (a *app) endStage() {
	a.screen.Lock()
	defer a.screen.Unlock()
	a.clear()
}

// terminal reports whether standard error is a terminal.
func (a *app) terminal() bool { return terminal(a.err) }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" // which has no cursor to move
}
