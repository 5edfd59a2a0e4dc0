package dataset

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"iconic/internal/table"
)

// members is the listing of one file of archives. Of several members of a name the last one counts, as when unpacking.
type members struct {
	set     *Set
	file    *tarFile
	prefix  string            // prefix of its items' paths
	place   map[string]int    // index of each item by the member's name
	others  map[string]span   // all other members with a content, to which links may refer
	links   map[string]string // symbolic links: their targets as written
	classes map[string]string // content of each .cls member by its name without the extension, with the prefix
}

// span is where the content of a member is, and when it was last written: nanoseconds since 1970, 0 if the archive does not say.
type span struct{ offset, size, written int64 }

func newMembers(s *Set, prefix string, classes map[string]string) *members {
	return &members{set: s, prefix: prefix, classes: classes, place: map[string]int{}, others: map[string]span{}, links: map[string]string{}}
}

// add adds one member, whose content begins at the given offset.
func (m *members) add(h *tar.Header, content io.Reader, offset int64) error {
	name := path.Clean(h.Name)
	switch {
	case h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case name == ".." || strings.HasPrefix(name, "../"):
		m.set.pass(outside, name)
		return nil
	case systemPart(name) != "":
		m.set.pass(systemFile, name)
	case hiddenMember(name) && table.IsImage(name):
		m.set.pass(hiddenImage, name)
	}
	if h.Typeflag == tar.TypeLink {
		return m.link(name, path.Clean(h.Linkname))
	}
	m.forget(name)
	switch {
	case h.Typeflag == tar.TypeSymlink:
		m.links[name] = h.Linkname
	case h.Typeflag == tar.TypeGNUSparse || isSparse(h):
		m.pass(sparse, name)
	case h.Typeflag != tar.TypeReg:
		m.pass(notRegular, name)
	case h.Size > m.file.Size()-offset:
		return fmt.Errorf("%s should be %d bytes long, but %d are left: the archive is truncated, download it again", name, h.Size, m.file.Size()-offset)
	default:
		return m.put(name, span{offset, h.Size, written(h)}, content)
	}
	return nil
}

// written is the time of a member in nanoseconds, 0 if it has none or one that no file can have.
func written(h *tar.Header) int64 {
	if t := h.ModTime; t.After(time.Unix(0, math.MinInt64)) && t.Before(time.Unix(0, math.MaxInt64)) {
		return t.UnixNano()
	}
	return 0
}

// pass counts a skipped member, unless it was skipped for its name.
func (m *members) pass(what, name string) {
	if systemPart(name) == "" && !hiddenMember(name) {
		m.set.pass(what, name)
	}
}

// put adds a file: an image, the class of a sample, or one that only links may refer to.
func (m *members) put(name string, at span, content io.Reader) error {
	ext := strings.ToLower(path.Ext(name))
	hides := systemPart(name) != "" || hiddenMember(name)
	if !hides && table.IsImage(name) {
		m.place[name] = len(m.set.Items)
		m.set.Items = append(m.set.Items, Item{
			Path: m.prefix + name, Label: -1, Size: at.size, container: len(m.set.containers) - 1, offset: at.offset, modified: stamp{written: at.written},
		})
		return nil
	}
	m.others[name] = at
	switch {
	case hides:
	case ext == ".cls":
		return m.putClass(name, content)
	default:
		m.set.Ignored[ext]++
	}
	return nil
}

// maxClass bounds the length of a class name in bytes.
const maxClass = 1 << 12

// putClass reads the content of a .cls member.
func (m *members) putClass(name string, content io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(content, maxClass+1))
	if err != nil {
		return err
	}
	if len(b) > maxClass {
		return fmt.Errorf("%s has more than %d bytes: want the name or number of a class", name, maxClass)
	}
	text, err := table.Text(b)
	if err != nil { // bytes that are no text are refused with the image
		text = string(b)
	}
	m.classes[m.prefix+withoutExtension(name)] = strings.TrimSpace(text)
	return nil
}

func withoutExtension(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

// forget removes an earlier member of a name.
func (m *members) forget(name string) {
	delete(m.links, name)
	delete(m.others, name)
	if strings.EqualFold(path.Ext(name), ".cls") {
		delete(m.classes, m.prefix+withoutExtension(name))
	}
	i, ok := m.place[name]
	if !ok {
		return
	}
	last := len(m.set.Items) - 1 // also one of this archive's
	m.set.Items[i] = m.set.Items[last]
	m.place[strings.TrimPrefix(m.set.Items[i].Path, m.prefix)] = i
	m.set.Items = m.set.Items[:last]
	delete(m.place, name)
}

// link adds another name of an earlier member.
func (m *members) link(name, target string) error {
	text, symbolic := m.links[target]
	at, ok := m.find(target)
	switch {
	case !symbolic && !ok:
		m.pass(deadLinks, name)
		return nil
	case name == target: // a file that was packed twice
		return nil
	}
	class := m.content(target, at)
	m.forget(name)
	if symbolic {
		m.links[name] = text
		return nil
	}
	return m.put(name, at, class)
}

// find is where the content of a member is that is not a symbolic link.
func (m *members) find(name string) (span, bool) {
	if i, ok := m.place[name]; ok {
		item := &m.set.Items[i]
		return span{item.offset, item.Size, item.modified.written}, true
	}
	at, ok := m.others[name]
	return at, ok
}

// content reads the content of a member. The class of a sample is known already.
func (m *members) content(name string, at span) io.Reader {
	if class, ok := m.classes[m.prefix+withoutExtension(name)]; ok && strings.EqualFold(path.Ext(name), ".cls") {
		return strings.NewReader(class)
	}
	return io.NewSectionReader(m.file, at.offset, at.size)
}

// follow resolves symbolic links, which may refer to later members and to other links.
func (m *members) follow() error {
	for _, name := range slices.Sorted(maps.Keys(m.links)) {
		target := m.target(name)
		at, ok := m.find(target)
		if !ok {
			m.pass(deadLinks, name)
			continue
		}
		if err := m.put(name, at, m.content(target, at)); err != nil {
			return err
		}
	}
	return nil
}

// mostLinks bounds the length of a chain of links, as Linux does.
const mostLinks = 40

// target is the name at the end of a chain of links; "" if the chain is too long or has no end.
func (m *members) target(name string) string {
	for range mostLinks {
		text, ok := m.links[name]
		switch {
		case !ok:
			return name
		case path.IsAbs(text):
			name = path.Clean(text)
		default:
			name = path.Join(path.Dir(name), text)
		}
	}
	return ""
}

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
