package sorting

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"

	"iconic/extract/store"
)

// ErrChanged is in the chain of the error for a file that has other bytes by now than those that belong into its cluster. It is not placed.
var ErrChanged = errors.New("it has changed since its features were made, so that it may belong to another cluster")

var errMoving = errors.New("it was changed while it was being moved")

// verified reads content, and fails with ErrChanged if its hash is another one. A zero hash is not known: any content is right then. What it returns is what is
// copied, so that nothing else comes to have the final name, whenever the file is replaced.
func verified(read func() ([]byte, error), hash store.Hash) ([]byte, error) {
	content, err := read()
	if err != nil || hash == (store.Hash{}) {
		return content, err
	}
	if sum := sha256.Sum256(content); store.Hash(sum[:len(hash)]) != hash {
		return nil, ErrChanged
	}
	return content, nil
}

// intact fails with ErrChanged if the file of a step has other content than is known to belong there, and returns what the file system said of the file before
// that was compared. What has no hash must have the size and time of the plan. The content of a copy is not read here.
func (p *planned) intact(mode Mode) (seen fs.FileInfo, err error) {
	if p.file.Name == "" {
		return nil, nil
	}
	if seen, err = os.Stat(p.file.Name); err != nil {
		return nil, err
	}
	switch {
	case p.file.Hash == (store.Hash{}) || p.file.Read == nil:
		if seen.Size() != p.Size || !seen.ModTime().Equal(p.modified()) {
			return nil, ErrChanged
		}
	case mode != Copy && (p.file.Unwritten == nil || !p.file.Unwritten()):
		_, err = verified(p.file.Read, p.file.Hash)
	}
	return seen, err
}

// unwritten reports whether a is still the file b, with the same size and time.
func unwritten(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
