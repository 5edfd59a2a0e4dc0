package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"iconic/progress"
)

// At every width the line has the most that fits: what matters least is left out first.
func TestBarLine(t *testing.T) {
	step := progress.Step{Stage: "k-means on the unprocessed features", Unit: "steps", Done: 91, Total: 364, Detail: "loss 1.2345"}
	stand := progress.Stand{Step: step, Rate: 12, Left: 23 * time.Second}
	for columns, want := range map[int]string{
		110: "k-means on the unprocessed features  loss 1.2345   25 % |███         |  91 of 364 steps, 12 steps/s, 23 s left",
		90:  "k-means on the unprocessed features  loss 1.2345   25 % |██       |  12 steps/s, 23 s left",
		79:  "k-means on the unprocessed features  loss 1.2345   25 % |██        |  23 s left",
		71:  "k-means on the unprocessed features   25 % |███            |  23 s left",
		59:  "k-means on the unprocessed features   25 %  23 s left",
		43:  "k-means on the unprocessed features   25 %",
		39:  "k-means on the unprocessed feat…   25 %",
		10:  "k-…   25 %",
		5:   "   2…",
		1:   "…",
		0:   "",
	} {
		if got := barLine(stand, columns); got != want {
			t.Errorf("%d: %q, want %q", columns, got, want)
		}
	}
	stand.Step, stand.Rate, stand.Left = progress.Step{Stage: "encode", Unit: "images", Total: 50}, 0, 0
	if got := barLine(stand, 40); got != "encode    0 % |        |  0 of 50 images" {
		t.Errorf("at the start: %q", got)
	}
	stand.Step = progress.Step{Stage: "weights", Unit: "bytes", Done: 12e6, Total: -1}
	if got := barLine(stand, 40); got != "weights  12.0 MB" {
		t.Errorf("without a total: %q", got)
	}
	stand.Step = progress.Step{Stage: "encode", Unit: "images", Done: 12, Total: 10}
	if got := barLine(stand, 41); got != "encode  100 % |████████|  12 of 10 images" {
		t.Errorf("more than the total: %q", got)
	}
}

// Wide characters take two columns, and marks none.
func TestWideCharacters(t *testing.T) {
	for text, want := range map[string]int{"": 0, "loss é": 6, "画像を読む": 10, "한국어": 6, "ｆｕｌｌ": 8, "e\u0301": 1, "🐈 cat": 6, "█…–": 3, "\xff": 1} {
		if got := span(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
	for columns, want := range map[int]string{10: "画像を読む", 9: "画像を読…", 8: "画像を…", 5: "画像…", 4: "画…", 2: "…", 1: "…", 0: ""} {
		if got := cut("画像を読む", columns); got != want {
			t.Errorf("%d: %q, want %q", columns, got, want)
		}
	}
	stand := progress.Stand{Step: progress.Step{Stage: "画像を読む", Unit: "枚", Done: 1, Total: 4}}
	if got, want := barLine(stand, 40), "画像を読む   25 % |██       |  1 of 4 枚"; got != want || span(got) != 40 {
		t.Errorf("%q, want %q", got, want)
	}
	rows := newTable("name", "n")
	rows.row("画像", "1")
	rows.row("e\u0301tat", "2")
	var b strings.Builder
	if err := rows.print(&b); err != nil || b.String() != "name  n\n画像  1\ne\u0301tat  2\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

// Without wide characters a table is as package tabwriter would align it.
func TestTablesAreAligned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := new(table)
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			rows.row(rapid.SliceOfN(rapid.StringMatching(`[a-zé ]{0,6}`), 1, 4).Draw(t, "cells")...)
		}
		var got, want strings.Builder
		w := tabwriter.NewWriter(&want, 0, 0, columnGap, ' ', 0)
		for _, line := range rows.lines {
			fmt.Fprintln(w, line)
		}
		if err := errors.Join(rows.print(&got), w.Flush()); err != nil || got.String() != want.String() {
			t.Fatalf("%q, want %q, %v", got.String(), want.String(), err)
		}
	})
}

func TestBarLineFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(-1, math.MaxInt64).Draw(t, "total")
		stand := progress.Stand{
			Step: progress.Step{
				Stage: rapid.String().Draw(t, "stage"), Unit: rapid.SampledFrom([]string{"steps", "bytes", "images"}).Draw(t, "unit"), Total: total,
				Done: rapid.Int64().Draw(t, "done"), Detail: rapid.String().Draw(t, "detail"),
			},
			Rate: rapid.Float64Range(0, 1e9).Draw(t, "rate"), Left: time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "left")),
		}
		columns := rapid.IntRange(0, 200).Draw(t, "columns")
		if line := barLine(stand, columns); span(line) > columns {
			t.Fatalf("%q is wider than %d columns", line, columns)
		}
	})
}

// oneLine is a terminal's line with a number of columns. Text that reaches its last column is an error.
type oneLine struct {
	cells []rune
	at    int
}

func (l *oneLine) show(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		switch {
		case r == '\r':
			l.at = 0
		case r < ' ' || l.at >= len(l.cells)-1:
			t.Fatalf("%q leaves a line of %d columns", text, len(l.cells))
		default:
			l.cells[l.at] = r
			l.at++
		}
	}
}

// The progress line stays in its line however narrow the terminal is, and nothing lingers.
func TestBarLeavesNothing(t *testing.T) {
	for _, columns := range []int{1, 7, 40, 60, 72, 80, 200} {
		line := &oneLine{cells: []rune(strings.Repeat(" ", columns))}
		d := &display{clock: progress.NewClock("k-means on the unprocessed features")}
		for k := range 3 {
			d.clock.At(progress.Step{Stage: "k-means on the unprocessed features", Unit: "steps", Done: int64(k), Total: 364, Detail: strings.Repeat("loss ", 3-k)})
			line.show(t, d.redraw(columns))
		}
		if columns > 2 && strings.TrimSpace(string(line.cells)) == "" {
			t.Errorf("%d columns: nothing is shown", columns)
		}
		if line.show(t, d.replace("", columns)); strings.TrimSpace(string(line.cells)) != "" || line.at != 0 {
			t.Errorf("%d columns: %q is left", columns, string(line.cells))
		}
	}
}

// The table of a sweep takes as many lines of a narrow terminal as are cleared before it is drawn again.
func TestTheLiveTableDoesNotWrap(t *testing.T) {
	rows := newTable("store", "clusters", "accuracy")
	rows.row(strings.Repeat("é", 30), "20", "0.5")
	live := &liveTable{}
	first, second := live.redraw(rows, "1 of 2 runs", 24), live.redraw(rows, "2 of 2 runs", 24)
	if !strings.HasPrefix(second, fmt.Sprintf("\x1b[%dA\x1b[J", strings.Count(first, "\n"))) || !strings.HasSuffix(second, "\n2 of 2 runs\n") {
		t.Errorf("%q, then %q", first, second)
	}
	for line := range strings.Lines(first) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 23 {
			t.Errorf("%q would wrap", line)
		}
	}
}
