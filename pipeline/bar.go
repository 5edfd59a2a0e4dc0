package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"iconic/internal/diskspace"
	"iconic/progress"
)

const (
	redrawn  = 100 * time.Millisecond // minimum time between two drawings of the progress line
	leastBar = 8                      // minimum width of the bar in it, in columns
)

// standWords are the parts of a progress line; each may be empty.
type standWords struct {
	amount string  // "120 of 600 steps"
	share  float64 // percentage done, from 0 to 100, rounded down; NaN if the total is unknown
	rate   string  // "72 steps/h"
	left   string  // "6 h 40 min left"
}

func words(s progress.Stand) standWords {
	w, count := standWords{share: math.NaN()}, func(n int64) string { return strconv.FormatInt(n, 10) }
	if s.Unit == "bytes" {
		count = diskspace.Words
	}
	w.amount = count(s.Done)
	if s.Total > 0 {
		w.amount += " of " + count(s.Total)
		w.share = min(max(0, math.Floor(100*float64(s.Done)/float64(s.Total))), 100) // a total may have been an estimate
	}
	if s.Unit != "bytes" {
		w.amount += " " + s.Unit
	}
	if s.Rate > 0 {
		w.rate = speed(s.Rate, s.Unit)
	}
	if s.Left > 0 {
		w.left = duration(s.Left) + " left"
	}
	return w
}

// speed formats a rate in units per second, or per hour if it is small.
func speed(rate float64, unit string) string {
	switch {
	case unit == "bytes":
		return diskspace.Words(int64(rate)) + "/s"
	case rate >= 100:
		return fmt.Sprintf("%.0f %s/s", rate, unit)
	case rate >= 0.1:
		return fmt.Sprintf("%.3g %s/s", rate, unit)
	case 3600*rate >= 100:
		return fmt.Sprintf("%.0f %s/h", 3600*rate, unit)
	}
	return fmt.Sprintf("%.3g %s/h", 3600*rate, unit)
}

// barLine is the progress line of a stage, of at most the given number of columns: its name and detail, the share done, a bar, the count, the rate
// and the time left. On a narrow terminal the count is left out first, then the rate, the detail, the bar and the time left; at last the name is cut.
func barLine(s progress.Stand, columns int) string {
	w, stage, percent := words(s), plain(s.Stage), ""
	if !math.IsNaN(w.share) {
		percent = fmt.Sprintf("%3.0f %%", w.share)
	}
	lead := stage
	if s.Detail != "" {
		lead += "  " + plain(s.Detail)
	}
	for _, form := range []struct {
		lead string
		bar  bool
		tail []string
	}{
		{lead, true, []string{w.amount, w.rate, w.left}}, {lead, true, []string{w.rate, w.left}}, {lead, true, []string{w.left}},
		{stage, true, []string{w.left}}, {stage, false, []string{w.left}}, {stage, false, nil},
	} {
		tail := joined(", ", form.tail...)
		room := columns - span(joined("  ", form.lead, percent, tail))
		if !form.bar || percent == "" { // without a total there is no bar
			if room >= 0 {
				return joined("  ", form.lead, percent, tail)
			}
			continue
		}
		if room -= len(" ||"); room >= leastBar {
			done := int(w.share / 100 * float64(room))
			bar := "|" + strings.Repeat("█", done) + strings.Repeat(" ", room-done) + "|"
			return joined("  ", form.lead, percent+" "+bar, tail)
		}
	}
	if percent != "" {
		percent = "  " + percent
	}
	return cut(cut(stage, columns-span(percent))+percent, columns)
}

// joined joins the parts that are not empty.
func joined(separator string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, separator)
}

// redraw is what a terminal with a number of columns is sent to show the progress line in place of the last one. The last column is left free: some
// terminals begin a new line when it is filled.
func (d *display) redraw(columns int) string {
	line := ""
	if stand, ok := d.clock.Stand(); ok {
		line = barLine(stand, columns-1)
	}
	return d.replace(line, columns)
}

// replace overwrites the last progress line with another. Spaces do so on every terminal.
func (d *display) replace(line string, columns int) string {
	width := span(line)
	rest := max(0, min(d.width, columns-1)-width) // the terminal may have become narrower
	d.width = width
	text := "\r" + line + strings.Repeat(" ", rest)
	if width == 0 {
		text += "\r"
	}
	return text
}
