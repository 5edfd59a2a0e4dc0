package main

import (
	"fmt"
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
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, message[i])
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case unicode.IsSpace(r) && r > 0xa0: // thin and other wide spaces of typography
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}
