package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// legacyStart is how a .pth file from before PyTorch 1.6 begins: a pickle of a magic number.
const legacyStart = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

// legacyVersion is the only version that PyTorch has written.
const legacyVersion = 1001

// openLegacy reads the index of a .pth file that is not an archive: pickles of the magic number, a version, the sizes of the writer's
// types, the state dictionary and the keys of its storages; then the storages in that order, each preceded by its number of elements.
func openLegacy(r io.ReaderAt, size int64) (*File, error) {
	program := make([]byte, min(size, maxPickle))
	if _, err := r.ReadAt(program, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	m := newMachine(program)
	m.at = len(legacyStart)
	var parts [4]any
	for i := range parts {
		var err error
		if parts[i], err = m.run(); err != nil {
			return nil, err
		}
	}
	if parts[0] != int64(legacyVersion) {
		return nil, fmt.Errorf("a .pth file of version %v, want %d", parts[0], legacyVersion)
	}
	if system, ok := parts[1].(*dict); !ok || system.value("little_endian") != true {
		return nil, errors.New("a .pth file whose numbers are not little endian")
	}
	keys, ok := parts[3].(*list)
	if !ok {
		return nil, errors.New("a .pth file without a list of its storages: it is damaged")
	}
	at, err := legacyStorages(r, size, int64(m.at), keys, m.storages)
	if err != nil {
		return nil, err
	}
	return newFile(parts[2], func(s storage, width int64) ([]byte, error) {
		from, ok := at[s.key]
		if !ok {
			return nil, fmt.Errorf("the file has no storage %s: it is damaged", s.key)
		}
		b := make([]byte, s.size*width)
		_, err := r.ReadAt(b, from)
		return b, err
	})
}

// legacyStorages finds the offset of each storage. All of them lie within the file.
func legacyStorages(r io.ReaderAt, size, at int64, keys *list, known map[string]storage) (map[string]int64, error) {
	places := map[string]int64{}
	for _, k := range keys.items {
		key, ok := k.(string)
		s, named := known[key]
		dtype, sized := storages[s.kind]
		if !ok || !named || !sized || places[key] != 0 {
			return nil, fmt.Errorf("storage %v is not one of the tensors, or of an unknown kind: the file is damaged", k)
		}
		var count [8]byte
		if _, err := r.ReadAt(count[:], at); err != nil {
			return nil, fmt.Errorf("storage %s: %w", key, errShort)
		}
		n, width := int64(binary.LittleEndian.Uint64(count[:])), int64(dtype.Size())
		if n != s.size {
			return nil, fmt.Errorf("storage %s has %d elements, but its tensors state %d: the file is damaged", key, n, s.size)
		}
		places[key] = at + int64(len(count))
		if n < 0 || n > math.MaxInt64/16 || n*width > size-places[key] {
			return nil, fmt.Errorf("storage %s: %w", key, errShort)
		}
		at = places[key] + n*width
	}
	return places, nil
}

var errShort = errors.New("the file is truncated: download it again")
