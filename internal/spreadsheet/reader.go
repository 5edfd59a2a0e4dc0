package spreadsheet

import (
	"bufio"
	"encoding/csv"
	"io"
)

// NewReader reads rows as Writer has written them, after a byte order mark, which spreadsheets add to a file that they save. Package encoding/csv takes a carriage return before a line feed for a part of it, also
// inside quotes, where it is a part of the cell.
func NewReader(r io.Reader) *csv.Reader {
	const mark = "\ufeff"
	content := bufio.NewReader(r)
	if begin, err := content.Peek(len(mark)); err == nil && string(begin) == mark {
		_, _ = content.Discard(len(mark)) // it is buffered
	}
	return csv.NewReader(&returns{r: content})
}

// returns doubles carriage returns before line feeds inside quotes: package encoding/csv drops one.
type returns struct {
	r      *bufio.Reader
	quoted bool // the number of quotes so far is odd
	after  bool // the last byte was a carriage return that has not been doubled
}

func (c *returns) Read(p []byte) (n int, err error) {
	for ; n < len(p); n++ {
		b, err := c.r.ReadByte()
		if err != nil {
			return n, err
		}
		if b == '\n' && c.quoted && c.after {
			if err := c.r.UnreadByte(); err != nil {
				return n, err
			}
			p[n], c.after = '\r', false
			continue
		}
		p[n], c.after, c.quoted = b, b == '\r', c.quoted != (b == '"')
	}
	return n, nil
}
