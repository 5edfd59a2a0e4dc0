package dataset

import (
	"errors"
	"io"
	"iter"

	"iconic/internal/regular"
)

// maxItem bounds the size of an image file in bytes.
const maxItem = 1 << 30

// ErrTooLarge is returned by Read for a file of more than 1 GiB.
var ErrTooLarge = errors.New("the file is larger than 1 GiB")

// Read returns the bytes of item i, in buffer if it is large enough. Several goroutines may call it at once.
func (s *Set) Read(i int, buffer []byte) ([]byte, error) {
	return s.ReadIf(i, buffer, 0, func([]byte, int64) error { return nil })
}

// ReadIf is Read for an item that look accepts: look is called with the item's first bytes, headSize of them or all if there are fewer, and
// its size in bytes. If look fails, ReadIf returns its error and reads no further.
func (s *Set) ReadIf(i int, buffer []byte, headSize int, look func(head []byte, size int64) error) ([]byte, error) {
	item := &s.Items[i]
	if item.container >= 0 {
		if r := s.containers[item.container].rows; r != nil {
			return r.read(int(item.offset), buffer, headSize, look)
		}
		return readAt(s.containers[item.container].file, item.offset, item.Size, buffer, headSize, look)
	}
	if s.remote != nil {
		c, _ := s.remote.open(s.remote.objects[item.offset])
		return readAt(c, 0, item.Size, buffer, headSize, look)
	}
	r, stat, err := regular.Open(s.file(item)) // the file may have changed since it was listed
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAt(r, 0, stat.Size(), buffer, headSize, look)
}

// All iterates over the images in order, each with a function that reads its file.
func (s *Set) All() iter.Seq2[Item, func() ([]byte, error)] {
	return func(yield func(Item, func() ([]byte, error)) bool) {
		for i, item := range s.Items {
			if !yield(item, func() ([]byte, error) { return s.Read(i, nil) }) {
				return
			}
		}
	}
}

func readAt(r io.ReaderAt, offset, size int64, buffer []byte, headSize int, look func([]byte, int64) error) ([]byte, error) {
	if size > maxItem {
		return nil, ErrTooLarge
	}
	head := make([]byte, min(int64(headSize), size))
	if err := fill(r, offset, head); err != nil {
		return nil, err
	}
	if err := look(head, size); err != nil {
		return nil, err
	}
	if int64(cap(buffer)) < size {
		buffer = make([]byte, size)
	}
	buffer = buffer[:size]
	if err := fill(r, offset, buffer); err != nil {
		return nil, err
	}
	return buffer, nil
}

// fill reads len(b) bytes.
func fill(r io.ReaderAt, offset int64, b []byte) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) || err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}
