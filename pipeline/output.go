package main

import (
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/owned"
)

// writable fails if the file that a user names for a result could not be written. It is called before any work; the folder is made, if necessary, only
// when there is a result.
func writable(file string) error {
	if err := owned.Replaceable(file); err != nil {
		return usagef("%w", err)
	}
	return writableFolder(filepath.Dir(file), file)
}

// writableModel is writable for an ONNX file, which no command replaces without being told, and never if it is an input.
func writableModel(file string, force bool, inputs ...string) error {
	if !strings.EqualFold(filepath.Ext(file), ".onnx") {
		return usagef("%s: the name of an ONNX file must end in .onnx", file)
	}
	if err := writable(file); err != nil {
		return err
	}
	if err := spared([]string{file}, inputs...); err != nil {
		return err
	}
	if _, err := os.Stat(file); err == nil && !force {
		return usagef("%s already exists: choose another name, or overwrite it with --force", file)
	}
	return nil
}

// writablePage is writable for a page, which a browser knows by its name.
func writablePage(flag, file, what string) error {
	if ext := strings.ToLower(filepath.Ext(file)); ext != ".html" && ext != ".htm" {
		return usagef("--%s %s: %s is a page, so give it a name that ends in .html", flag, file, what)
	}
	return writable(file)
}

// spared refuses outputs that would replace an input of the command, under whatever name. Inputs that are "", or no files on disk, do not count.
func spared(outputs []string, inputs ...string) error {
	for _, out := range outputs {
		for _, in := range inputs {
			if owned.Same(in, out) {
				return usagef("%s would be replaced by the output, and is an input: choose another place for the output", in)
			}
		}
	}
	return nil
}

// inFolder are the files of these names in a folder.
func inFolder(folder string, names ...string) []string {
	files := make([]string, len(names))
	for i, name := range names {
		files[i] = filepath.Join(folder, name)
	}
	return files
}

// writableFolder is writable for a folder of results, or for the folder of the result that it is told.
func writableFolder(folder, result string) error {
	err := atomicfile.CheckFolder(folder)
	switch {
	case err == nil:
		return nil
	case atomicfile.Full(err): // no fault of the command line
		return err
	}
	return usagef("%s cannot be written: %w; choose another place", result, err)
}
