package main

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"golang.org/x/term"

	"iconic/report/page"
)

// liveTable shows how far a sweep has come: on a terminal a table that is drawn over itself, elsewhere a line for each
// run that ends.
type liveTable struct {
	s     *sweep
	mutex sync.Mutex
	done  map[*sweepJob]bool
	lines int // of the table on the screen
}

func newLiveTable(s *sweep) *liveTable {
	t := &liveTable{s: s, done: map[*sweepJob]bool{}}
	for _, j := range s.jobs {
		if j.metrics != nil {
			t.done[j] = true
		}
	}
	return t
}

// finished takes note of a run that ended; its metrics are set, and no longer change.
func (t *liveTable) finished(j *sweepJob) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.done[j] = true
	switch {
	case t.s.json:
		fmt.Fprintf(t.s.err, "{\"stage\":\"sweep\",\"unit\":\"runs\",\"done\":%d,\"total\":%d,\"detail\":%q}\n", len(t.done), len(t.s.jobs), j.name)
	case t.s.quiet:
	case t.s.terminal():
		t.draw()
	default:
		score := ""
		if m := j.metrics; m.Labelled != nil {
			score = fmt.Sprintf(": accuracy %.4f, ECE %.4f", m.Accuracy, m.ECE)
		}
		fmt.Fprintf(t.s.err, "%d/%d  %s%s\n", len(t.done), len(t.s.jobs), j.name, score)
	}
}

// draw shows the combinations with a finished run, the last ones where the screen is too low for all.
func (t *liveTable) draw() {
	rows := newTable(t.s.header()...)
	for _, p := range t.s.points {
		point := page.Point{Values: p.values}
		for _, j := range p.jobs {
			if t.done[j] {
				point.Runs = append(point.Runs, j.metrics)
			}
		}
		if len(point.Runs) > 0 {
			rows.row(summaryRow(point)...)
		}
	}
	if height := t.height() - 3; len(rows.lines) > height && height > 1 {
		rows.lines = append(rows.lines[:1], rows.lines[len(rows.lines)-height+1:]...)
	}
	var text bytes.Buffer
	if t.lines > 0 {
		fmt.Fprintf(&text, "\x1b[%dA\x1b[J", t.lines) // up to the table's first line, and clear from there
	}
	_ = rows.print(&text) // a buffer takes every line
	fmt.Fprintf(&text, "%d of %d runs\n", len(t.done), len(t.s.jobs))
	t.lines = len(rows.lines) + 1
	_, _ = t.s.err.Write(text.Bytes()) // a table that cannot be drawn stops nothing
}

// height of the terminal in lines.
func (t *liveTable) height() int {
	if f, ok := t.s.err.(*os.File); ok {
		if _, height, err := term.GetSize(int(f.Fd())); err == nil {
			return height
		}
	}
	return 24
}
