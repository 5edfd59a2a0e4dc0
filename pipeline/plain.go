package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longestMessage bounds what one message writes, in bytes: a name in it may be as long as whoever chose it liked.
const longestMessage = 4000

// plain is a message as a terminal may be given it, in one line: control characters, which names of files and classes may hold
// and a terminal would obey, and bytes that are not UTF-8 are written as escapes, and what is too long is cut.
func plain(message string) string {
	message = strings.ReplaceAll(strings.TrimRight(message, "\n"), "\n", "; ") // errors that were joined
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

// appendPlain appends a character, or a byte that is none, as a terminal may be given it.
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
	case unicode.IsSpace(r) && r > 0xa0: // thin and other wide spaces of typography
		return append(b, ' ')
	}
	return fmt.Appendf(b, `\u%04x`, r)
}

// shown writes results to a terminal. What a program reads from a pipe or a file is as it is; a person at a terminal gets characters
// that the terminal would obey, and that names may hold, as escapes.
type shown struct {
	to   io.Writer
	rest []byte // the beginning of a character whose end is still to come
}

// Write implements io.Writer. Lines and columns stay.
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
