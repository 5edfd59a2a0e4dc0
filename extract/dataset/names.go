package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"iconic/internal/table"
)

// folders are the contents of folders by their names, for names that a list gives differently: without the extension, or in another Unicode
// form. A Mac writes é as two characters, a keyboard as one.
type folders map[string]*directory

// directory is the content of a folder.
type directory struct {
	folder string              // its name on disk
	stems  map[string][]string // images by their names without extension
	forms  map[string][]string // names that are not ASCII, by their composed form (NFC)
}

// of reads a folder, once. A missing one is empty.
func (f folders) of(folder string) *directory {
	if c, known := f[folder]; known {
		return c
	}
	c := &directory{folder, map[string][]string{}, map[string][]string{}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		if other := f.forms(folder); len(other) == 1 {
			c.folder = other[0]
			entries, _ = os.ReadDir(c.folder)
		}
	}
	for _, e := range entries {
		n := e.Name()
		if !isASCII(n) {
			c.forms[norm.NFC.String(n)] = append(c.forms[norm.NFC.String(n)], n)
		}
		if !e.IsDir() && table.IsImage(n) {
			stem := norm.NFC.String(strings.TrimSuffix(n, filepath.Ext(n)))
			c.stems[stem] = append(c.stems[stem], n)
		}
	}
	f[folder] = c
	return c
}

// images lists the images with the given name plus an extension.
func (f folders) images(name string) []string {
	if name == "" || table.IsImage(name) {
		return nil
	}
	return f.of(filepath.Dir(name)).stems[norm.NFC.String(filepath.Base(name))]
}

// forms lists what exists under other Unicode forms of a name that does not exist.
func (f folders) forms(name string) []string {
	if isASCII(name) {
		return nil
	}
	c := f.of(filepath.Dir(name))
	var full []string
	for _, n := range c.forms[norm.NFC.String(filepath.Base(name))] {
		full = append(full, filepath.Join(c.folder, n))
	}
	return full
}

func isASCII(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}

// otherForms finds the files of a list that exist under another Unicode form of their names, and gives the items those names.
func (s *Set) otherForms() error {
	known := folders{}
	for i := range s.Items {
		item := &s.Items[i]
		if item.modified != (stamp{}) || isASCII(item.source) {
			continue
		}
		there := known.forms(item.source)
		if len(there) > 1 {
			return fmt.Errorf("list %s: %+q may be %+q or %+q, whose names differ only in their Unicode form: rename one of them", s.Root, item.Path, there[0], there[1])
		}
		if len(there) == 0 {
			continue
		}
		stat, err := os.Stat(there[0])
		if err != nil || stat.IsDir() {
			continue
		}
		name := there[0]
		if !filepath.IsAbs(filepath.FromSlash(item.Path)) {
			if name, err = filepath.Rel(filepath.Dir(s.Root), name); err != nil {
				return fmt.Errorf("list %s: %w", s.Root, err)
			}
		}
		item.Path, item.source, item.Size, item.modified = filepath.ToSlash(name), there[0], stat.Size(), stampOf(stat)
		s.reformed++
	}
	return nil
}
