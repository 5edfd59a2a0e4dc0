package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/bucket"
	"iconic/internal/parallel"
	"iconic/internal/regular"
	"iconic/internal/table"
)

// listPaths reads a list of paths, relative to the list's folder or absolute, with or without labels. Its first lines decide how to parse
// it: the right reading yields names of existing files.
func (s *Set) listPaths(ctx context.Context, from LabelsFrom) error {
	content, err := regular.Read(s.Root)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	l, err := s.readListed(content)
	if err != nil {
		return fmt.Errorf("list %s: %w", s.Root, err)
	}
	names := make([]string, 0, len(l.rows))
	labelled := false
	for _, row := range l.rows {
		split := splitNames[strings.ToLower(row.split)]
		if split == "" && row.split != "" {
			s.pass(unknownSplits, row.split)
		}
		s.Items = append(s.Items, Item{
			Path: path.Clean(filepath.ToSlash(s.slashed(row.path))), Label: -1, Split: split, source: s.listed(row.path), container: -1,
		})
		names = append(names, row.label)
		labelled = labelled || row.label != ""
	}
	for _, line := range l.comments {
		s.pass(comments, line)
	}
	for _, name := range l.unknown {
		s.pass(unknownColumns, name)
	}
	s.classesBy, s.completed, s.header = l.classesBy, l.completed, l.header
	if s.labelled = labelled && from != None; s.labelled {
		s.written = true
		table.WholeNumbers(names)
		s.label(names, byNumber(names))
	}
	if err := s.stat(ctx); err != nil {
		return err
	}
	return s.otherForms()
}

// readListed parses a list by looking for the files it names. If it finds none, the names may be those of images without their extensions,
// as competitions publish them, or be in another Unicode form; otherwise the list is refused, since its paths are relative to a folder other
// than its own.
func (s *Set) readListed(content []byte) (*listing, error) {
	extension := filepath.Ext(s.Root)
	there := func(name string) bool { return isFile(s.listed(name)) }
	folder := func(name string) bool { return isFolder(s.listed(name)) }
	l, err := readList(content, extension, there, folder)
	if err != nil {
		return nil, err
	}
	if err := s.addresses(l); err != nil {
		return nil, err
	}
	if len(l.rows) == 0 || slices.ContainsFunc(l.rows, func(r row) bool { return there(r.path) }) {
		return l, s.severalWords(l)
	}
	if err := s.forbidden(l); err != nil {
		return nil, err
	}
	known := folders{}
	byName, err := readList(content, extension, func(name string) bool {
		return known.images(s.listed(name)) != nil || known.forms(s.listed(name)) != nil
	}, folder)
	if err != nil {
		return nil, err
	}
	found := false
	for i, r := range byName.rows {
		switch full := known.images(s.listed(r.path)); len(full) {
		case 0:
			found = found || known.forms(s.listed(r.path)) != nil
		case 1:
			byName.rows[i].path = path.Join(path.Dir(s.slashed(r.path)), full[0])
			byName.completed++
		default:
			return nil, fmt.Errorf("%q may be %q or %q: write the extension", r.path, full[0], full[1])
		}
	}
	if byName.completed == 0 && !found {
		return nil, s.noneThere(l, known)
	}
	return byName, nil
}

// addresses is the error for a list that has addresses in the place of paths.
func (s *Set) addresses(l *listing) error {
	for _, r := range l.rows {
		if scheme, _, ok := strings.Cut(r.path, "://"); ok && !strings.ContainsAny(scheme, `/\ `) && !isFile(s.listed(r.path)) {
			return fmt.Errorf("%q is an address, and a list names files on disk: download the file and write its path, or remove the line", bucket.Public(r.path))
		}
	}
	return nil
}

// severalWords is the error for a list that separates a path and a class of several words by a blank, so that some of the words are taken for a part of
// the path.
func (s *Set) severalWords(l *listing) error {
	for _, r := range l.rows {
		if !strings.Contains(r.path, " ") || isFile(s.listed(r.path)) {
			continue
		}
		for i, c := range r.path {
			if c == ' ' && isFile(s.listed(r.path[:i])) {
				return fmt.Errorf("the line %q has several words after the path: separate the path and the class by a comma or a tab in all lines", strings.TrimSpace(r.path+" "+r.label))
			}
		}
	}
	return nil
}

// forbidden is the error for a list of files in a folder that may not be entered; nil if none is in such a folder.
func (s *Set) forbidden(l *listing) error {
	for _, r := range l.rows {
		name := s.listed(r.path)
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrPermission) {
			continue
		}
		folder := filepath.Dir(name)
		for folder != filepath.Dir(folder) {
			if _, err := os.Stat(folder); err == nil {
				break
			}
			folder = filepath.Dir(folder)
		}
		return fmt.Errorf("files in the folder %s (such as %q) cannot be reached: %w: allow yourself to enter it (chmod +rx)", folder, r.path, fs.ErrPermission)
	}
	return nil
}

// noneThere is the error for a list none of whose files exist. It says if that may be since blanks separate its columns, and names a folder beside the
// list that contains one of the files.
func (s *Set) noneThere(l *listing, known folders) error {
	if err := s.byBlanks(l, known); err != nil {
		return err
	}
	some := l.rows[len(l.rows)-1].path // not the first line, which may be a header
	none := fmt.Errorf("no line names an existing file (such as %q); paths are relative to the folder of the list", some)
	entries, err := os.ReadDir(filepath.Dir(s.Root))
	if err != nil || filepath.IsAbs(filepath.FromSlash(some)) {
		return none
	}
	for _, e := range entries {
		if below := path.Join(e.Name(), some); e.IsDir() && (isFile(s.listed(below)) || known.images(s.listed(below)) != nil) {
			return fmt.Errorf("%w, and this one is in the folder %q: move the list there, or write %q", none, e.Name(), below)
		}
	}
	return none
}

// byBlanks is the error for a list that seems to have several columns after the path, separated by blanks, as those of CelebA, the Oxford pets and Caffe for several labels:
// the first word of its last line is a file, or called as an image, or numbers follow it.
func (s *Set) byBlanks(l *listing, known folders) error {
	const most, above = 50, 2 // lines to look at, and lines that may stand above a table
	rows := l.rows[max(0, len(l.rows)-most):]
	end := rows[len(rows)-1]
	last := strings.TrimSpace(end.path + " " + end.label)
	cells := strings.Fields(last)
	alike := 0
	for _, r := range rows {
		if len(strings.Fields(r.path))+len(strings.Fields(r.label)) == len(cells) {
			alike++
		}
	}
	if len(cells) < 3 || alike < len(rows)-above {
		return nil
	}
	first := cells[0]
	number := func(cell string) bool { _, err := strconv.ParseFloat(cell, 64); return err == nil }
	if !isFile(s.listed(first)) && known.images(s.listed(first)) == nil && !table.IsImage(first) &&
		slices.ContainsFunc(cells[1:], func(cell string) bool { return !number(cell) }) {
		return nil
	}
	return fmt.Errorf("its lines seem to have %d columns separated by blanks (such as %q), of which only a path and one label can be read: separate them by commas or tabs, "+
		"below a header line that calls two of them path and label, or keep only those two", len(cells), last)
}

// listed is the path of the file that a list names.
func (s *Set) listed(name string) string { return s.beside(s.slashed(name)) }

// beside is a path relative to the list's folder, unless it is absolute.
func (s *Set) beside(name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.Root), name)
}

// slashed replaces backslashes, as Windows has them, by slashes if a file exists only under that name.
func (s *Set) slashed(name string) string {
	if !strings.Contains(name, `\`) || isFile(s.beside(name)) {
		return name
	}
	if other := strings.ReplaceAll(name, `\`, "/"); isFile(s.beside(other)) {
		return other
	}
	return name
}

// isFile reports whether the name exists and is not a folder.
func isFile(name string) bool {
	stat, err := os.Stat(name)
	return err == nil && !stat.IsDir()
}

func isFolder(name string) bool {
	stat, err := os.Stat(name)
	return err == nil && stat.IsDir()
}

// stat sets size and stamp of items that are files of their own. A file that has vanished since keeps zeros, and fails when it is read.
func (s *Set) stat(ctx context.Context) error {
	return parallel.Blocks(ctx, 0, len(s.Items), 1024, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			item := &s.Items[i]
			if stat, err := os.Stat(s.file(item)); err == nil {
				item.Size, item.modified = stat.Size(), stampOf(stat)
			}
		}
		return nil
	})
}
