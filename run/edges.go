package run

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"iconic/head/icon"
	"iconic/internal/instead"
	"iconic/internal/regular"
)

// ReadEdges reads a graph from a CSV file with lines from,to or from,to,weight, each of one direction. The first line may be a header whose first column is called
// from or source; a byte order mark and blanks do not count. It fails on every other line, and on a file without edges.
func ReadEdges(name string) ([]icon.Edge, error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	defer f.Close()
	const mark = "\xef\xbb\xbf"
	text := bufio.NewReader(f)
	start, _ := text.Peek(instead.HeadSize) // of a shorter file all of it
	if err := instead.Check(start); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if bytes.HasPrefix(start, []byte(mark)) {
		_, _ = text.Discard(len(mark)) // it was peeked at
	}
	r := csv.NewReader(text)
	r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	var edges []icon.Edge
	for first := true; ; first = false {
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF) && len(edges) == 0:
			return nil, fmt.Errorf("%s lists no edge: want lines from,to or from,to,weight, such as 3,17 or 3,17,0.5", name)
		case errors.Is(err, io.EOF):
			return edges, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err) // which names the line
		case first && slices.Contains([]string{"from", "source", "src"}, strings.ToLower(strings.TrimSpace(record[0]))):
			continue
		}
		e, err := edge(record)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("%s, line %d: %w", name, line, err)
		}
		edges = append(edges, e)
	}
}

// edge reads a record of a graph.
func edge(record []string) (e icon.Edge, err error) {
	if len(record) != 2 && len(record) != 3 {
		return e, errors.New("want from,to or from,to,weight")
	}
	cell := func(k int) string { return strings.TrimSpace(record[k]) }
	if e.From, err = strconv.Atoi(cell(0)); err != nil {
		return e, fmt.Errorf("%q is not the number of a row; a header begins with the word from", cell(0))
	}
	if e.To, err = strconv.Atoi(cell(1)); err != nil {
		return e, fmt.Errorf("%q is not the number of a row", cell(1))
	}
	e.Weight = 1
	if len(record) == 3 {
		if e.Weight, err = strconv.ParseFloat(cell(2), 64); err != nil {
			return e, fmt.Errorf("%q is not a weight", cell(2))
		}
	}
	return e, nil
}
