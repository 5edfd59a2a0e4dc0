package run

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"iconic/head/icon"
)

// ReadEdges reads a graph from a CSV file with lines from,to or from,to,weight; a header line is skipped.
func ReadEdges(name string) ([]icon.Edge, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	var edges []icon.Edge
	for line := 1; ; line++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return edges, nil
		}
		e := icon.Edge{Weight: 1}
		if err == nil && len(record) != 2 && len(record) != 3 {
			err = errors.New("want from,to or from,to,weight")
		}
		if err == nil {
			e.From, err = strconv.Atoi(record[0])
		}
		if err == nil {
			e.To, err = strconv.Atoi(record[1])
		}
		if err == nil && len(record) == 3 {
			e.Weight, err = strconv.ParseFloat(record[2], 64)
		}
		if err != nil && line > 1 {
			return nil, fmt.Errorf("%s, line %d: %w", name, line, err)
		}
		if err == nil {
			edges = append(edges, e)
		}
	}
}
