package places

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
)

// most is the number of places that are kept of an encoder.
const most = 8

// Read returns the paths in a record, the latest first; none if there is no record.
func Read(name string) []string {
	content, err := regular.Read(name)
	if err != nil || len(content) == 0 {
		return nil
	}
	if _, err := os.Stat(string(content)); err == nil { // earlier versions wrote a single path as it is, whatever was in it
		return []string{string(content)}
	}
	var all []string
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSuffix(line, "\n")
		if path, err := strconv.Unquote(line); err == nil {
			line = path
		}
		all = append(all, line)
	}
	return all
}

// Add makes a path the first of a record, and drops the oldest if there are too many.
func Add(name, path string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	all := slices.DeleteFunc(Read(name), func(old string) bool { return old == path })
	all = slices.Insert(all, 0, path)
	return write(name, all[:min(len(all), most)])
}

// Drop removes the paths for which gone is true from a record, and a record without any.
func Drop(name string, gone func(path string) bool) error {
	all := Read(name)
	left := slices.DeleteFunc(slices.Clone(all), gone)
	switch {
	case len(left) == len(all):
		return nil
	case len(left) > 0:
		return write(name, left)
	}
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write writes a record. A single path is written as earlier versions read it; among several, one with a line break is quoted.
func write(name string, all []string) error {
	lines := slices.Clone(all)
	for i, path := range all {
		if len(all) > 1 && strings.ContainsAny(path, "\n\r") {
			lines[i] = strconv.Quote(path)
		}
	}
	return atomicfile.WriteBytes(name, []byte(strings.Join(lines, "\n")))
}
