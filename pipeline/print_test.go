package main

import (
	"strings"
	"testing"
	"time"

	"iconic/report"
)

// People write rates without exponents.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		n    int
		d    time.Duration
		want string
	}{
		{1630, time.Second, "1630 images in 1.0 s (1630 images/s)"}, {123, 10 * time.Second, "123 images in 10 s (12.3 images/s)"},
		{1, 90 * time.Second, "1 image in 1 min 30 s (40 images/h)"}, {2, 15 * time.Millisecond, "2 images in 0.0 s (133 images/s)"},
		{0, time.Second, "0 images in 1.0 s"}, {1, 3590 * time.Minute, "1 image in 2 days 11 h (0.0167 images/h)"},
	} {
		if got := rate(c.n, "image", "images", c.d); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for rate, want := range map[float64]string{99.96: "100 rows/s", 0.0999999: "360 rows/h", 1.5e6: "1500000 rows/s"} {
		if got := speed(rate, "rows"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestScoresOfAFinishedRun(t *testing.T) {
	m := &report.Metrics{ExpectedAccuracy: .5, LabelFree: &report.LabelFree{Silhouette: -.00001}}
	if got := endedScores(m); got != "; expected accuracy 0.5000, silhouette 0.0000" {
		t.Errorf("%q", got)
	}
	m.ExpectedAccuracy = 0
	if got := endedScores(m); got != "; silhouette 0.0000" {
		t.Errorf("%q", got)
	}
	m.Labelled = &report.Labelled{Accuracy: .75, ECE: .125}
	if got := endedScores(m); got != "; accuracy 0.7500, ECE 0.1250" {
		t.Errorf("%q", got)
	}
}

// A name in a table can be told from every other, line breaks included.
func TestTableEscapesLineBreaks(t *testing.T) {
	var b strings.Builder
	tab := newTable("path")
	tab.row("new\nline.png")
	if err := tab.print(&b); err != nil || !strings.Contains(b.String(), `new\x0aline.png`) {
		t.Errorf("%v %q", err, b.String())
	}
}
