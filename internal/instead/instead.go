package instead

import (
	"bytes"
	"errors"
	"io"
)

// HeadSize is the number of bytes at the beginning of a file that Check needs.
const HeadSize = 512

// Error says what is in the place of a file.
type Error struct {
	What string // in words, with the way to get the file: "a Git LFS pointer: …"
}

func (e *Error) Error() string { return "it is " + e.What }

// Pointer returns an *Error if the first bytes of a file, HeadSize of them or the whole file, are those of a pointer of Git; otherwise nil.
func Pointer(head []byte) error {
	if bytes.HasPrefix(head, []byte("version https://git-lfs")) {
		return &Error{"a Git LFS pointer: download the file itself with 'git lfs pull'"}
	}
	return nil
}

// Check returns an *Error if the first bytes of a file are those of a pointer or a page. It looks at no more than HeadSize of them.
func Check(head []byte) error {
	head = head[:min(len(head), HeadSize)]
	if err := Pointer(head); err != nil {
		return err
	}
	text := bytes.ToLower(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"))
	if bytes.HasPrefix(text, []byte("<!doctype html")) || bytes.HasPrefix(text, []byte("<html")) {
		return &Error{"a web page: download the file again, after a log-in if the site wants one"}
	}
	return nil
}

// CheckFile is Check for a file of size bytes. It is nil, too, if the file cannot be read: it is asked about a file that has failed otherwise.
func CheckFile(r io.ReaderAt, size int64) error {
	head := make([]byte, min(max(size, 0), HeadSize))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return Check(head)
}
