package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"iconic/internal/parallel"
)

// Hash is the content hash of an image: the first 16 bytes of its file's SHA-256.
type Hash [16]byte

// Item is a store's record of one image.
type Item struct {
	Row     int    // row of its features; −1: it was skipped
	Path    string // path in its data set
	Label   int    // index into the manifest's classes; −1: none
	Split   string // "": none
	Size    int64  // in bytes
	Hash    Hash   // of its content; zero if that could not be read
	Kind    string // for a skipped image: "truncated", "not an image", …
	Skipped string // for a skipped image: the reason, in words
	Several bool   // its file has further pages or frames, which are not used
	Dark    bool   // its 16-bit samples are all in the lowest sixteenth of their range, as those of 10 or 12 bits are
	Gone    bool   // the data set no longer had it at the last update, or it could not be read; its features are kept
}

// line is an Item's form in items.jsonl. A path that is not UTF-8 is also stored as bytes.
type line struct {
	Row       *int   `json:"row,omitempty"`
	Path      string `json:"path"`
	PathBytes []byte `json:"path_bytes,omitempty"`
	Label     *int   `json:"label,omitempty"`
	Split     string `json:"split,omitempty"`
	Size      int64  `json:"size"`
	Hash      string `json:"hash,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Skipped   string `json:"skipped,omitempty"`
	Several   bool   `json:"several,omitempty"`
	Dark      bool   `json:"dark,omitempty"`
	Gone      bool   `json:"gone,omitempty"`
}

// append appends the item's line to b. It does not use encoding/json because a store may have a million items.
func (it *Item) append(b []byte) []byte {
	b = append(b, '{')
	if it.Row >= 0 {
		b = strconv.AppendInt(append(b, `"row":`...), int64(it.Row), 10)
		b = append(b, ',')
	}
	b = appendString(append(b, `"path":`...), it.Path)
	if !utf8.ValidString(it.Path) {
		b = base64.StdEncoding.AppendEncode(append(b, `,"path_bytes":"`...), []byte(it.Path))
		b = append(b, '"')
	}
	if it.Label >= 0 {
		b = strconv.AppendInt(append(b, `,"label":`...), int64(it.Label), 10)
	}
	if it.Split != "" {
		b = appendString(append(b, `,"split":`...), it.Split)
	}
	b = strconv.AppendInt(append(b, `,"size":`...), it.Size, 10)
	if it.Hash != (Hash{}) {
		b = hex.AppendEncode(append(b, `,"hash":"`...), it.Hash[:])
		b = append(b, '"')
	}
	if it.Row < 0 {
		b = appendString(append(b, `,"kind":`...), it.Kind)
		b = appendString(append(b, `,"skipped":`...), it.Skipped)
	}
	if it.Several {
		b = append(b, `,"several":true`...)
	}
	if it.Dark {
		b = append(b, `,"dark":true`...)
	}
	if it.Gone {
		b = append(b, `,"gone":true`...)
	}
	return append(b, "}\n"...)
}

// appendString appends s as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			var quoted bytes.Buffer
			e := json.NewEncoder(&quoted)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // encoding a string in memory always succeeds
			return append(b, bytes.TrimRight(quoted.Bytes(), "\n")...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// parseItem reads one line.
func parseItem(text []byte) (Item, error) {
	if it, ok := parsePlain(text); ok {
		return it, nil
	}
	return parseJSON(text)
}

// parsePlain reads a line in exactly the form in which append writes one without escapes, about twenty times as fast as encoding/json.
// Lines in any other form are left to parseJSON.
func parsePlain(text []byte) (Item, bool) {
	it := Item{Row: -1, Label: -1}
	c := cursor{rest: text}
	c.want(`{`)
	if c.accept(`"row":`) {
		it.Row = int(c.number())
		c.want(`,`)
	}
	c.want(`"path":"`)
	it.Path = string(c.quoted())
	if c.accept(`,"label":`) {
		it.Label = int(c.number())
	}
	if c.accept(`,"split":"`) {
		it.Split = string(c.quoted())
	}
	c.want(`,"size":`)
	it.Size = c.number()
	if c.accept(`,"hash":"`) {
		digits := c.quoted()
		if len(digits) != 2*len(it.Hash) {
			return it, false
		}
		if _, err := hex.Decode(it.Hash[:], digits); err != nil {
			return it, false
		}
	}
	if c.accept(`,"kind":"`) {
		it.Kind = string(c.quoted())
	}
	if c.accept(`,"skipped":"`) {
		it.Skipped = string(c.quoted())
	}
	it.Several = c.accept(`,"several":true`)
	it.Dark = c.accept(`,"dark":true`)
	it.Gone = c.accept(`,"gone":true`)
	c.want(`}`)
	return it, !c.failed && len(c.rest) == 0
}

// cursor consumes a line from the left.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) accept(s string) bool {
	if len(c.rest) < len(s) || string(c.rest[:len(s)]) != s {
		return false
	}
	c.rest = c.rest[len(s):]
	return true
}

func (c *cursor) want(s string) { c.failed = !c.accept(s) || c.failed }

// number consumes a decimal number of at most 18 digits, which fits in an int64.
func (c *cursor) number() (n int64) {
	i := 0
	for ; i < len(c.rest) && i < 18 && '0' <= c.rest[i] && c.rest[i] <= '9'; i++ {
		n = 10*n + int64(c.rest[i]-'0')
	}
	c.failed = c.failed || i == 0 || i > 1 && c.rest[0] == '0'
	c.rest = c.rest[i:]
	return n
}

// quoted consumes printable ASCII without a backslash, and the closing quote.
func (c *cursor) quoted() []byte {
	n := bytes.IndexByte(c.rest, '"')
	if n < 0 {
		c.failed = true
		return nil
	}
	s := c.rest[:n]
	for _, b := range s {
		c.failed = c.failed || b < ' ' || b > '~' || b == '\\'
	}
	c.rest = c.rest[n+1:]
	return s
}

// parseJSON reads one line in any form.
func parseJSON(text []byte) (Item, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Item{}, err
	}
	it := Item{Row: -1, Path: l.Path, Label: -1, Split: l.Split, Size: l.Size, Kind: l.Kind, Skipped: l.Skipped, Several: l.Several, Dark: l.Dark, Gone: l.Gone}
	if l.PathBytes != nil {
		it.Path = string(l.PathBytes)
	}
	if l.Row != nil {
		it.Row = *l.Row
	}
	if l.Label != nil {
		it.Label = *l.Label
	}
	if l.Hash != "" {
		if n, err := hex.Decode(it.Hash[:], []byte(l.Hash)[:min(len(l.Hash), 2*len(it.Hash))]); err != nil || n != len(it.Hash) || len(l.Hash) != 2*n {
			return Item{}, fmt.Errorf("hash %q", l.Hash)
		}
	}
	return it, nil
}

// parseItems reads all lines of content.
func parseItems(ctx context.Context, content []byte) ([]Item, error) {
	lines := bytes.Split(bytes.TrimSuffix(content, []byte("\n")), []byte("\n"))
	if len(content) == 0 {
		return nil, nil
	}
	items := make([]Item, len(lines))
	err := parallel.Blocks(ctx, 0, len(lines), 4096, func(_, lo, hi int) (err error) {
		for i := lo; i < hi; i++ {
			if items[i], err = parseItem(lines[i]); err != nil {
				return fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		return nil
	})
	return items, err
}
