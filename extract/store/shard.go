package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
	"iconic/internal/npy"
)

// pending is a row of the shard under construction: already in the buffer, or to be copied from a place.
type pending struct {
	buffered bool
	at       place
}

// target is a finished shard of the store under construction.
type target struct {
	name string // name of its file
	kept kept
	file *npy.File // opened when a later row is copied from it
}

// flush finishes the shard under construction.
func (w *Writer) flush() error {
	index, n := len(w.targets), len(w.pending)
	t := target{}
	sum := ""
	if s, ok := w.inPlace(index); ok {
		t.kept, sum = s.kept, s.sum
	} else {
		var err error
		if sum, err = w.copyPending(); err != nil {
			return err
		}
		t.kept = inPartial
		if w.whole(index, sum) {
			t.kept = inStore
		}
	}
	if t.name = filepath.Join(w.dir, shardName(index)); t.kept == inPartial {
		t.name = filepath.Join(w.partial, partialShard(index, sum)+".npy")
		if err := w.writePartial(t.name); err != nil {
			return err
		}
	}
	w.targets = append(w.targets, t)
	w.manifest.Shards = append(w.manifest.Shards, Shard{shardName(index), n, sum})
	w.pending, w.journal = w.pending[:0], w.journal[:0]
	return nil
}

// inPlace finds the existing file that equals the shard under construction, row by row.
func (w *Writer) inPlace(index int) (source, bool) {
	first := w.pending[0]
	if first.buffered || first.at.file < 0 {
		return source{}, false
	}
	s := w.files[first.at.file]
	if s.index != index || s.kept == elsewhere || s.rows != len(w.pending) {
		return source{}, false
	}
	for j, p := range w.pending {
		if p.buffered || p.at != (place{first.at.file, int32(j)}) {
			return source{}, false
		}
	}
	return s, true
}

// whole reports whether the store's shard with that number has this checksum, and is undamaged.
func (w *Writer) whole(index int, sum string) bool {
	return slices.ContainsFunc(w.files, func(s source) bool { return s.kept == inStore && s.index == index && s.sum == sum })
}

// copyPending copies all rows of the shard into the buffer, and returns the checksum that its file will have.
func (w *Writer) copyPending() (sum string, err error) {
	width := w.width()
	w.reserve(len(w.pending))
	for j, p := range w.pending {
		dst := w.buffer[j*width : (j+1)*width]
		switch row := int(p.at.row); {
		case p.buffered:
		case p.at.file >= 0:
			err = w.files[p.at.file].file.Elements(dst, row*w.files[p.at.file].stride)
		case row/w.manifest.ShardRows == len(w.targets):
			copy(dst, w.buffer[row%w.manifest.ShardRows*width:])
		default:
			err = w.copyTarget(dst, row)
		}
		if err != nil {
			return "", fmt.Errorf("copy features: %w", err)
		}
	}
	h := xxhash.New()
	if err := npy.Encode(h, w.shape(), w.buffer[:len(w.pending)*width], w.manifest.DType == "float16"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}

// copyTarget reads a row of a shard that this Writer has finished.
func (w *Writer) copyTarget(dst []float32, row int) (err error) {
	t := &w.targets[row/w.manifest.ShardRows]
	if t.file == nil {
		if t.file, err = npy.Open(t.name); err != nil {
			return err
		}
	}
	return t.file.Elements(dst, row%w.manifest.ShardRows*w.width())
}

func (w *Writer) shape() []int { return []int{len(w.pending), w.manifest.Views, w.manifest.Dim} }

// writePartial writes the shard under construction, unless it exists, and then its journal: a shard without one does not count.
func (w *Writer) writePartial(name string) error {
	if !slices.ContainsFunc(w.files, func(s source) bool {
		return s.kept == inPartial && filepath.Join(w.partial, partialShard(s.index, s.sum)+".npy") == name
	}) {
		write := npy.Write
		if w.manifest.DType == "float16" {
			write = npy.WriteHalf
		}
		if err := write(name, w.shape(), w.buffer[:len(w.pending)*w.width()]); err != nil {
			return err
		}
	}
	journal := strings.TrimSuffix(name, ".npy") + ".journal"
	if err := atomicfile.WriteBytes(journal, w.journal); err != nil || w.Kept == nil {
		return err
	}
	return w.Kept(name, journal)
}
