package main

import (
	"testing"
	"time"
)

func TestReplaceLeavesOtherSectionsAlone(t *testing.T) {
	page := "a\n<!-- bench x -->\nold\n<!-- end x -->\nb\n<!-- bench y -->\nkept\n<!-- end y -->\n"
	got, err := replace(page, "x", "new\n")
	if want := "a\n<!-- bench x -->\nnew\n<!-- end x -->\nb\n<!-- bench y -->\nkept\n<!-- end y -->\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	for _, broken := range []string{"", "<!-- bench x -->\n", "<!-- end x -->"} {
		if _, err := replace(broken, "x", "new"); err == nil {
			t.Errorf("a page %q without the section is accepted", broken)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]time.Duration{5, 1, 9}); m != 5 {
		t.Errorf("median %d, want 5", m)
	}
}
