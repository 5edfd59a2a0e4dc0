package table

import (
	"strings"
	"testing"
)

// The length of a line, and of a quoted cell that spans many lines, is bounded, and finding its end takes time proportional to the text.
func TestLinesAreBounded(t *testing.T) {
	lines, err := Lines([]byte("a,\"b\nc\r\nd\",e\nf\n"))
	if err != nil || len(lines) != 2 || lines[0].Text != "a,\"b\nc\nd\",e" || lines[1] != (Line{4, "f"}) {
		t.Errorf("a cell of three lines: %v, %v", lines, err)
	}
	for name, text := range map[string]string{
		"a long line":          "a.png\n" + strings.Repeat("x", longest+1),
		"a cell of many lines": "a.png\n\"" + strings.Repeat("x\n", longest) + "\"",
	} {
		if _, err := Lines([]byte(text)); err == nil || !strings.Contains(err.Error(), "is longer than 1048576 bytes") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Lines([]byte("a\n\"b\nc")); err == nil || !strings.Contains(err.Error(), "does not end") {
		t.Errorf("a cell without an end: %v", err)
	}
}
