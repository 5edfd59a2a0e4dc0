package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"iconic/internal/instead"
	"iconic/internal/plural"
)

// listTars lists the archive that the root is.
func (s *Set) listTars(ctx context.Context, from LabelsFrom) error {
	return s.readTars(ctx, from, []holder{{name: filepath.Base(s.Root), file: s.Root}}, false)
}

// readTars lists archives: one, whose items have the names of its members, or those in and below a folder, whose items have the archive's name
// as a prefix. Members are found by reading an archive once from end to end, skipping contents; later they are read in place.
func (s *Set) readTars(ctx context.Context, from LabelsFrom, archives []holder, inFolder bool) error {
	s.Items = nil
	prefixes := []string{""}
	if inFolder {
		s.missFiles(archives)
		prefixes = prefixes[:0]
		for _, a := range archives {
			prefixes = append(prefixes, a.name+"/")
		}
	}
	classes := map[string]string{} // content of each .cls member by its name without the extension
	for i, a := range archives {
		if err := s.listTar(ctx, a, prefixes[i], classes); err != nil {
			return fmt.Errorf("archive %s: %w", s.address(a), err)
		}
	}
	return s.labelArchives(ctx, from, prefixes, classes)
}

func (s *Set) listTar(ctx context.Context, a holder, prefix string, classes map[string]string) error {
	content, size, stamp, err := s.open(a)
	if err != nil {
		return err
	}
	s.containers = append(s.containers, &container{file: content, modified: stamp})
	if err := instead.CheckFile(content, size); err != nil {
		return err
	}
	if how := compressed(content); how != "" {
		return fmt.Errorf("it is compressed with %s: unpack it to a folder, or to a plain .tar", how)
	}
	m := newMembers(s, prefix, classes)
	m.file = &tarFile{SectionReader: io.NewSectionReader(content, 0, size)}
	for {
		if err := m.read(ctx); err != nil {
			return err
		}
		switch more, err := m.file.next(ctx); {
		case err != nil:
			return err
		case !more:
			return m.follow()
		case !m.file.beginsArchive():
			s.pass(afterEnd, a.name)
			return m.follow()
		}
	}
}

// errNoEnd is the reason why an archive is refused that ends with a whole member.
var errNoEnd = errors.New("its end is missing")

// read lists the members up to the end of an archive. Another one may follow in the same file.
func (m *members) read(ctx context.Context) error {
	for t := tar.NewReader(m.file); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.file.zeros = false
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			if m.file.zeros {
				return nil
			}
			err = errNoEnd
		}
		var lost *SourceError
		if errors.As(err, &lost) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w after %s: it is truncated or damaged, download it again or remove it", err, plural.Of(len(m.place), "image", "images"))
		}
		offset, err := m.file.Seek(0, io.SeekCurrent) // the reader consumes no byte beyond the header
		if err == nil {
			err = m.add(h, t, offset)
		}
		if err != nil {
			return err
		}
	}
}

// tarBlock is the size of the blocks of an archive in bytes. Its end is marked by two blocks of zeros, of which one is enough.
const tarBlock = 512

// tarFile is a file of one archive or several joined ones.
type tarFile struct {
	*io.SectionReader
	zeros bool // the last bytes read were a block of zeros
}

func (f *tarFile) Read(b []byte) (int, error) {
	n, err := f.SectionReader.Read(b)
	if n > 0 {
		f.zeros = n == tarBlock && firstByte(b[:n]) == n
	}
	return n, err
}

// firstByte is the index of the first byte that is not zero, or the number of bytes if all are.
func firstByte(b []byte) int { return len(b) - len(bytes.TrimLeft(b, "\x00")) }

// next moves on to the first block that is not of zeros, and reports whether there is one.
func (f *tarFile) next(ctx context.Context) (bool, error) {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, err
	}
	for b := make([]byte, 1<<16); at < f.Size(); {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		n := min(int64(len(b)), f.Size()-at)
		if err := fill(f, at, b[:n]); err != nil {
			return false, err
		}
		if first := int64(firstByte(b[:n])); first < n {
			_, err := f.Seek(at+first/tarBlock*tarBlock, io.SeekStart)
			return true, err
		}
		at += n
	}
	return false, nil
}

// beginsArchive reports whether the next block is a member's header.
func (f *tarFile) beginsArchive() bool {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil || f.Size()-at < tarBlock {
		return false
	}
	_, err = tar.NewReader(io.NewSectionReader(f, at, f.Size()-at)).Next()
	return !errors.Is(err, tar.ErrHeader)
}

// compressed names the program that compressed a file; "" if no known one did.
func compressed(file io.ReaderAt) string {
	var start [6]byte
	n, _ := file.ReadAt(start[:], 0) // a short file is not an archive, as its reader will report
	for magic, how := range map[string]string{"\x1f\x8b": "gzip", "\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "PK\x03\x04": "zip"} {
		if strings.HasPrefix(string(start[:n]), magic) {
			return how
		}
	}
	return ""
}
