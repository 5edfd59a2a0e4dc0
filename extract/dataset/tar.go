package dataset

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"iconic/internal/table"
)

// listTars lists one archive, whose items have the names of its members, or all archives of a folder, whose items have the archive's name
// as a prefix. Members are found by reading the archive once from end to end, skipping contents; later they are read in place.
func (s *Set) listTars(ctx context.Context, from LabelsFrom) error {
	archives := []holder{{name: filepath.Base(s.Root), file: s.Root}}
	inFolder := false
	if stat, err := os.Stat(s.Root); err != nil {
		return err
	} else if stat.IsDir() {
		inFolder = true
		names, err := visible(s.Root)
		if err != nil {
			return err
		}
		archives = archives[:0]
		for _, name := range names {
			if !isTar(name) {
				s.Ignored[strings.ToLower(path.Ext(name))]++
			} else if stat, err := os.Stat(filepath.Join(s.Root, name)); err == nil && !stat.Mode().IsRegular() {
				s.pass(notRegular, name)
			} else {
				archives = append(archives, holder{name: name, file: filepath.Join(s.Root, name)})
			}
		}
	}
	return s.readTars(ctx, from, archives, inFolder)
}

// readTars lists archives. In a folder, the names of items begin with the names of their archives.
func (s *Set) readTars(ctx context.Context, from LabelsFrom, archives []holder, inFolder bool) error {
	s.Items = nil
	classes := map[string]string{} // content of each .cls member by its name without the extension
	for _, a := range archives {
		prefix := ""
		if inFolder {
			prefix = a.name + "/"
		}
		if err := s.listTar(ctx, a, prefix, classes); err != nil {
			return fmt.Errorf("archive %s: %w", s.address(a), err)
		}
	}
	if len(classes) == 0 {
		s.labelMembers(from, inFolder)
		return nil
	}
	names := make([]string, len(s.Items))
	if from != None {
		if err := s.classesOfSamples(names, classes); err != nil {
			return err
		}
	}
	s.label(names, byNumber(names))
	return nil
}

// labelMembers labels items by the folders inside the archives; the archives' own names do not count as folders.
func (s *Set) labelMembers(from LabelsFrom, inFolder bool) {
	if !inFolder {
		s.labelByFolder(from)
		return
	}
	full := make([]string, len(s.Items))
	for i := range s.Items {
		full[i] = s.Items[i].Path
		_, s.Items[i].Path, _ = strings.Cut(full[i], "/")
	}
	s.labelByFolder(from)
	for i := range s.Items {
		s.Items[i].Path = full[i]
	}
}

// classesOfSamples gives each image the class in the .cls member of the same name or, if there is none, of its sample. Members that
// contradict each other about an image are an error.
func (s *Set) classesOfSamples(names []string, classes map[string]string) error {
	bySample := map[string][]string{} // names of .cls members without the extension
	for name := range classes {
		bySample[sample(name)] = append(bySample[sample(name)], name)
	}
	for _, members := range bySample {
		slices.Sort(members)
	}
	for i, item := range s.Items {
		own := strings.TrimSuffix(item.Path, path.Ext(item.Path))
		key := sample(item.Path)
		class, named := classes[own]
		for _, member := range bySample[key] {
			switch other := classes[member]; {
			case named && member != key:
			case class == "" && !named:
				class = other
			case other != class:
				return fmt.Errorf("%s: the .cls members of %s disagree: %q and %q", s.Root, item.Path, class, other)
			}
		}
		names[i] = class
	}
	return nil
}

// members is the listing of one archive.
type members struct {
	set     *Set
	prefix  string         // prefix of its items' paths
	size    int64          // size of the archive
	place   map[string]int // index of each item: a member that is repeated replaces the earlier one, as when unpacking
	links   [][2]string    // symbolic links to images: name and target
	classes map[string]string
}

func (s *Set) listTar(ctx context.Context, a holder, prefix string, classes map[string]string) error {
	content, size, stamp, err := s.open(a)
	if err != nil {
		return err
	}
	s.containers = append(s.containers, &container{file: content, modified: stamp})
	if how := compressed(content); how != "" {
		return fmt.Errorf("it is compressed with %s: unpack it to a folder, or to a plain .tar", how)
	}
	file := io.NewSectionReader(content, 0, size)
	m := &members{set: s, prefix: prefix, size: size, place: map[string]int{}, classes: classes}
	for t := tar.NewReader(file); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			m.follow()
			return nil
		}
		var lost *SourceError
		if errors.As(err, &lost) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w after %d images: it is truncated or damaged, download it again or remove it", err, len(m.place))
		}
		offset, err := file.Seek(0, io.SeekCurrent) // the reader consumes no byte beyond the header
		if err == nil {
			err = m.add(h, t, offset)
		}
		if err != nil {
			return err
		}
	}
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

// add adds one member, whose content begins at the given offset.
func (m *members) add(h *tar.Header, content io.Reader, offset int64) error {
	name := path.Clean(h.Name)
	ext := strings.ToLower(path.Ext(name))
	switch {
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case name == ".." || strings.HasPrefix(name, "../"):
		m.set.pass(outside, name)
		return nil
	case systemPart(name) != "":
		m.set.pass(systemFile, name)
		return nil
	case hiddenMember(name):
		if table.IsImage(name) {
			m.set.pass(hiddenImage, name)
		}
		return nil
	}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
	case tar.TypeLink, tar.TypeSymlink:
		m.link(h, name)
		return nil
	default:
		m.set.pass(notRegular, name)
		return nil
	}
	switch {
	case h.Typeflag == tar.TypeGNUSparse || isSparse(h):
		m.set.pass(sparse, name)
	case table.IsImage(name):
		if h.Size > m.size-offset {
			return fmt.Errorf("%s should be %d bytes long, but %d are left: the archive is truncated, download it again", name, h.Size, m.size-offset)
		}
		m.put(Item{Path: m.prefix + name, Label: -1, Size: h.Size, container: len(m.set.containers) - 1, offset: offset}, name)
	case ext == ".cls":
		b, err := io.ReadAll(io.LimitReader(content, maxClass+1))
		if err != nil {
			return err
		}
		if len(b) > maxClass {
			return fmt.Errorf("%s has more than %d bytes: want the name or number of a class", name, maxClass)
		}
		m.classes[m.prefix+strings.TrimSuffix(name, path.Ext(name))] = strings.TrimSpace(string(b))
	default:
		m.set.Ignored[ext]++
	}
	return nil
}

// maxClass bounds the length of a class name in bytes.
const maxClass = 1 << 12

// isSparse reports whether the archive omits a member's holes (PAX records of GNU tar), so that the bytes in the archive differ from the
// content of the file.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

func (m *members) put(item Item, name string) {
	if i, again := m.place[name]; again {
		m.set.Items[i] = item
		return
	}
	m.place[name] = len(m.set.Items)
	m.set.Items = append(m.set.Items, item)
}

// link adds another name of a member. A hard link refers to an earlier member; a symbolic link may refer to a later one.
func (m *members) link(h *tar.Header, name string) {
	if !table.IsImage(name) {
		m.set.pass(deadLinks, name)
		return
	}
	if h.Typeflag == tar.TypeSymlink {
		m.links = append(m.links, [2]string{name, path.Join(path.Dir(name), h.Linkname)})
		return
	}
	if !m.alias(name, path.Clean(h.Linkname)) {
		m.set.pass(deadLinks, name)
	}
}

// alias makes an item with the bytes of another one.
func (m *members) alias(name, target string) bool {
	i, ok := m.place[target]
	if ok {
		item := m.set.Items[i]
		item.Path = m.prefix + name
		m.put(item, name)
	}
	return ok
}

// follow resolves symbolic links, including links to links; those left over are dangling.
func (m *members) follow() {
	for {
		left := m.links[:0:0]
		for _, l := range m.links {
			if !m.alias(l[0], l[1]) {
				left = append(left, l)
			}
		}
		if len(left) == len(m.links) {
			break
		}
		m.links = left
	}
	for _, l := range m.links {
		m.set.pass(deadLinks, l[0])
	}
}

// systemPart is the part of a path that is a system folder.
func systemPart(name string) string {
	for part := range strings.SplitSeq(path.Dir(name), "/") {
		if keptBySystem(part) {
			return part
		}
	}
	return ""
}

func hiddenMember(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if hidden(part) {
			return true
		}
	}
	return false
}

// sample is the WebDataset key: the path up to the first dot of its last element.
func sample(name string) string {
	folder, file := path.Split(name)
	key, _, _ := strings.Cut(file, ".")
	return folder + key
}
