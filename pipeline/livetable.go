package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"iconic/progress"
	"iconic/report"
	"iconic/sweep"
)

// liveTable shows the progress of a sweep: on a terminal a table that is redrawn in place, elsewhere one line per
// finished run.
type liveTable struct {
	app   *app
	sweep *sweep.Sweep
	lines int // number of table lines on the screen
}

// hooks are the command's hooks, except that the table replaces the count of runs, and makes room for notes and warnings.
func (t *liveTable) hooks() progress.Hooks {
	h := t.app.hooks()
	note, warn := h.Note, h.Warn
	h.Note = func(text string) { t.clear(); note(text) }
	h.Warn = func(text string) { t.clear(); warn(text) }
	h.Step = func(s progress.Step) {
		if s.Stage != sweep.RunsStage || !t.app.json && !t.app.terminal() {
			t.app.step(s)
		}
	}
	return h
}

// ended shows a finished run; done counts the finished runs.
func (t *liveTable) ended(j *sweep.Job, done int) {
	a, total := t.app, len(t.sweep.Jobs)
	switch {
	case a.json:
		a.stepLine(progress.Step{Stage: "sweep", Unit: "runs", Done: int64(done), Total: int64(total), Detail: j.Name})
	case a.quiet:
	case a.terminal():
		t.draw(done, total)
	default:
		fmt.Fprintf(a.err, "%d/%d  %s: %s%s\n", done, total, j.Name, plain(t.sweep.Values(j)), endedScores(j.Metrics))
	}
}

// endedScores are the two scores to tell of a finished run, those that use labels if it has them.
func endedScores(m *report.Metrics) string {
	measures := report.Measures("accuracy", "ece")
	if m.Labelled == nil {
		measures = report.Measures("expected_accuracy", "silhouette")
	}
	text, separator := "", "; "
	for _, x := range measures {
		if v := x.Of(m); v.Defined() {
			text += separator + x.Name + " " + report.Unsigned(fmt.Sprintf("%.4f", v))
			separator = ", "
		}
	}
	return text
}

// draw shows the combinations with a finished run; only the last ones if the screen has too few lines.
func (t *liveTable) draw(done, total int) {
	rows := sweepTable(t.sweep, t.sweep.SoFar())
	if height := t.height() - 3; len(rows.lines) > height && height > 1 {
		rows.lines = append(rows.lines[:1], rows.lines[len(rows.lines)-height+1:]...)
	}
	columns, _ := screen(t.app.err)
	_, _ = io.WriteString(t.app.err, t.redraw(rows, fmt.Sprintf("%d of %s", done, plural(total, "run", "runs")), columns)) // failing to draw the table is no error
}

// redraw is what a terminal with a number of columns is sent to show a table and a line in place of the last ones. Lines that would wrap are cut:
// otherwise the table would take more lines than are cleared later.
func (t *liveTable) redraw(rows *table, line string, columns int) string {
	var text strings.Builder
	_ = rows.print(&text) // writes to memory cannot fail
	lines := strings.Split(text.String()+line, "\n")
	text.Reset()
	if t.lines > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\x1b[J", t.lines) // move up to the table's first line and clear from there
	}
	for _, l := range lines {
		text.WriteString(cut(strings.TrimRight(l, " "), columns-1) + "\n")
	}
	t.lines = len(lines)
	return text.String()
}

// clear removes the table from the screen.
func (t *liveTable) clear() {
	if t.lines > 0 {
		fmt.Fprintf(t.app.err, "\x1b[%dA\x1b[J", t.lines)
	}
	t.lines = 0
}

// height is the height of the terminal in lines.
func (t *liveTable) height() int {
	if f, ok := t.app.err.(*os.File); ok {
		if _, height, err := term.GetSize(int(f.Fd())); err == nil {
			return height
		}
	}
	return 24
}
