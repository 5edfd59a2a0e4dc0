package regular

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
)

// ErrNotRegular is in the chain of Open's error for a name that exists but is not a regular file.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file for reading and returns its description. It follows symbolic links, never waits for a writer, and fails with a
// *fs.PathError, whose reason is ErrNotRegular for a folder, pipe, socket or device.
func Open(name string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|withoutWaiting, 0)
	if err != nil {
		return nil, nil, err
	}
	stat, err := f.Stat()
	if err == nil && !stat.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		_ = f.Close() // nothing was written to it
		return nil, nil, err
	}
	return f, stat, nil
}

// Read reads a whole regular file.
func Read(name string) (_ []byte, err error) {
	f, stat, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bytes.NewBuffer(make([]byte, 0, stat.Size()+bytes.MinRead))
	if _, err := b.ReadFrom(f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
