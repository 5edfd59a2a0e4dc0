package main

import (
	"bytes"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: module OLD NEW FILE...")
		os.Exit(2)
	}
	for _, name := range os.Args[3:] {
		if err := renameIn(name, os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func renameIn(name, from, to string) error {
	before, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	after, err := renamed(before, from, to)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if bytes.Equal(before, after) {
		return nil
	}
	return os.WriteFile(name, after, 0o666)
}

// renamed returns the Go file with every import of package from, or of a package below it, changed to the path to.
func renamed(source []byte, from, to string) ([]byte, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	last := 0
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if path != from && !strings.HasPrefix(path, from+"/") {
			continue
		}
		at := int(spec.Path.Pos()) - 1 // positions of the only file of a set start at 1
		out.Write(source[last:at])
		out.WriteString(strconv.Quote(to + path[len(from):]))
		last = at + len(spec.Path.Value)
	}
	out.Write(source[last:])
	return format.Source(out.Bytes())
}
