package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestMessage limits the length of a message, in bytes: names in it may be arbitrarily long.
const longestMessage = 4000

// plain makes a message safe for a terminal, on one line: joined errors are separated by semicolons, and what is not safe is escaped.
func plain(message string) string {
	return escaped(strings.ReplaceAll(strings.TrimRight(message, "\n"), "\n", "; "))
}

// escaped makes a text safe for a terminal, on one line. Control characters, line breaks among them, which names of files and classes may contain
// and a terminal would obey, and bytes that are not UTF-8 are escaped; a text that is too long is cut.
func escaped(message string) string {
	var b strings.Builder
	for i := 0; i < len(message); {
		if b.Len() > longestMessage {
			return b.String() + "…"
		}
		r, size := utf8.DecodeRuneInString(message[i:])
		b.Write(appendPlain(nil, message[i:i+size], r))
		i += size
	}
	return b.String()
}

// appendPlain appends a character, or an invalid byte, in a form that is safe for a terminal.
func appendPlain(b []byte, encoded string, r rune) []byte {
	switch {
	case r == utf8.RuneError && len(encoded) == 1:
		return fmt.Appendf(b, `\x%02x`, encoded[0])
	case r == ' ' || unicode.IsPrint(r):
		return append(b, encoded...)
	case r < 0x80:
		return fmt.Appendf(b, `\x%02x`, r)
	case r > 0xffff:
		return fmt.Appendf(b, `\U%08x`, r)
	case unicode.IsSpace(r) && r > 0xa0: // typographic spaces of other widths
		return append(b, ' ')
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

// shown writes results to a terminal and escapes control characters, which names may contain and the terminal would obey. Output to
// a pipe or a file is left unchanged.
type shown struct {
	to   io.Writer
	rest []byte // start of an incomplete UTF-8 character
}

// Write implements io.Writer. It keeps newlines and tabs.
func (s *shown) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	var b []byte
	for utf8.FullRune(s.rest) {
		r, size := utf8.DecodeRune(s.rest)
		if r == '\n' || r == '\t' {
			b = append(b, byte(r))
		} else {
			b = appendPlain(b, string(s.rest[:size]), r)
		}
		s.rest = s.rest[size:]
	}
	if _, err := s.to.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}
