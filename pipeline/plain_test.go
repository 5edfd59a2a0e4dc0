package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestPlain(t *testing.T) {
	for message, want := range map[string]string{
		"a ∅ “name” of 3 µm":  "a ∅ “name” of 3 µm",
		"x\x1b]0;title\a.png": `x\x1b]0;title\x07.png`,
		"right\u202eleft":     `right\u202eleft`,
		"\x9bno UTF-8\xff":    `\x9bno UTF-8\xff`,
		"one\ntwo\n":          "one; two",
		"a\tb\r":              `a\x09b\x0d`,
	} {
		if got := plain(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
	if got := plain(strings.Repeat("é", 1<<20)); len(got) > longestMessage+10 {
		t.Errorf("a message of %d bytes", len(got))
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range plain(rapid.String().Draw(t, "message")) {
			if r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%q", r)
			}
		}
	})
}

// Output to a terminal is escaped like a message, but keeps lines and columns, wherever writes are split.
func TestShownOnATerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.SampledFrom([]rune("aé日😀\n\t\x1b\a\r\u009b\u202e\x7f"))).Draw(t, "text")
		whole := string(text) + "\x9b\xff\n"
		var b bytes.Buffer
		w := &shown{to: &b}
		for rest := whole; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "bytes")
			if k, err := io.WriteString(w, rest[:n]); k != n || err != nil {
				t.Fatalf("%d of %d bytes, %v", k, n, err)
			}
			rest = rest[n:]
		}
		var want []string
		for _, line := range strings.Split(whole, "\n") {
			cells := strings.Split(line, "\t")
			for i := range cells {
				cells[i] = plain(cells[i])
			}
			want = append(want, strings.Join(cells, "\t"))
		}
		if got := b.String(); got != strings.Join(want, "\n") {
			t.Fatalf("%q became %q", whole, got)
		}
	})
}

// Control characters in names are escaped in every kind of message.
func TestMessagesArePlain(t *testing.T) {
	var b bytes.Buffer
	a := &app{out: io.Discard, err: &b, started: true}
	name := "x\x1b]0;title\a.png"
	a.note("note of %s", name)
	a.warn("warning of %s", name)
	if code := a.exitCode(t.Context(), errors.Join(fmt.Errorf("error of %s", name), usageError{errors.New("second\x1b[31m")})); code != exitWrongUse {
		t.Errorf("exit code %d", code)
	}
	if text := b.String(); strings.ContainsAny(text, "\x1b\a") || strings.Count(text, "\n") != 3 || strings.Count(text, `\x1b]0;title\x07.png`) != 3 {
		t.Errorf("%q", text)
	}
}
