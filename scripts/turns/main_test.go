package main

import (
	"strings"
	"testing"
)

func TestRow(t *testing.T) {
	got := row("a step", []float64{1, 2, 4, 2}, []float64{2, 2, 2, 4})
	if want := "| a step | 2.00 s | 2.00 s | 1.500 | 0.875 to 2.000 |"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestProcessor(t *testing.T) {
	took, err := processor("go env GOOS")
	if err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
	if _, err := processor("go no-such-command OUT"); err == nil || !strings.Contains(err.Error(), "no-such-command") {
		t.Errorf("a command that fails: %v", err)
	}
	if _, err := processor(" "); err == nil {
		t.Error("no command is accepted")
	}
}
