package owned

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"iconic/internal/onnxfiles"
)

// Replaceable fails if a result must not be written to a file: without a name, to a folder, to a file that belongs to a run, a feature store or a sweep, and to
// one of the inputs from which the result is made. An input that is "", or that is no file on disk, does not count; an ONNX file counts with its external data.
func Replaceable(file string, inputs ...string) error {
	stat, err := os.Stat(file)
	switch {
	case file == "":
		return errors.New("the file to write has no name")
	case err == nil && stat.IsDir():
		return fmt.Errorf("%s is a folder: choose another name", file)
	}
	if whose := By(file); whose != "" {
		return fmt.Errorf("%s belongs to %s: choose another name", file, whose)
	}
	for _, input := range inputs {
		for _, part := range parts(input) {
			if Same(file, part) {
				return fmt.Errorf("%s is an input, which would be replaced: choose another name", file)
			}
		}
	}
	return nil
}

// parts are the files of an input.
func parts(input string) []string {
	all := []string{input}
	if filepath.Ext(input) == ".onnx" {
		external, err := onnxfiles.Files(input)
		if err != nil {
			return all // whoever reads it says what is wrong
		}
		all = append(all, external...)
	}
	return all
}

// By is to whom a file belongs, or would belong if it was written, in words: "the run …", with its folder; "" if to none.
func By(file string) string {
	for _, owner := range []struct {
		what string
		of   func(file string) string
	}{{"the run ", Run}, {"the feature store ", Store}, {"the sweep in ", Sweep}} {
		if dir := owner.of(file); dir != "" {
			return owner.what + dir
		}
	}
	return ""
}

// Same reports whether two names are those of one file or folder.
func Same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
