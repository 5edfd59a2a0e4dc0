package main

import (
	"os"
	"path/filepath"

	"iconic/internal/atomicfile"
)

// writable fails if the file that a user names for a result could not be written. It is called before any work; the folder is made, if necessary, only
// when there is a result.
func writable(file string) error {
	if stat, err := os.Stat(file); err == nil && stat.IsDir() {
		return usagef("%s is a folder: choose another name", file)
	}
	return writableFolder(filepath.Dir(file), file)
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
