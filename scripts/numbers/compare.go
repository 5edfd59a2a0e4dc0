package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// line is a line of a table printed by run.
type line struct {
	set, method    string
	loss, accuracy float64
	bits           string
}

// read reads a table without its heading.
func read(name string) ([]line, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var table []line
	s := bufio.NewScanner(f)
	for s.Scan() {
		words := strings.Fields(s.Text())
		if len(words) != 5 {
			continue
		}
		l := line{set: words[0], method: words[1], bits: words[4]}
		if l.loss, err = strconv.ParseFloat(words[2], 64); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", name, s.Text(), err)
		}
		if l.accuracy, err = strconv.ParseFloat(words[3], 64); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", name, s.Text(), err)
		}
		table = append(table, l)
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(table) == 0 {
		return nil, fmt.Errorf("%s has no table of this program", name)
	}
	return table, nil
}

// compare writes the common lines of two tables as one Markdown table, with the difference in accuracy.
func compare(w io.Writer, before, after string) error {
	old, err := read(before)
	if err != nil {
		return err
	}
	now, err := read(after)
	if err != nil {
		return err
	}
	type key struct{ set, method string }
	earlier := map[key]line{}
	for _, l := range old {
		earlier[key{l.set, l.method}] = l
	}
	fmt.Fprintln(w, "| set | method | loss before | after | accuracy before | after | difference | bits of the head |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
	for _, b := range now {
		a, both := earlier[key{b.set, b.method}]
		if !both {
			fmt.Fprintf(w, "| %s | %s | | %.7g | | %.4f | | new method |\n", b.set, b.method, b.loss, b.accuracy)
			continue
		}
		bits := "differ"
		if a.bits == b.bits {
			bits = "equal"
		}
		fmt.Fprintf(w, "| %s | %s | %.7g | %.7g | %.4f | %.4f | %+.4f | %s |\n", b.set, b.method, a.loss, b.loss, a.accuracy, b.accuracy, b.accuracy-a.accuracy, bits)
	}
	return nil
}
