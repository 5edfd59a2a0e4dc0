package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"

	"iconic/extract/dataset"
	"iconic/internal/atomicfile"
	"iconic/pipeline/classify"
)

// sorter puts files into a folder a cluster: copies, or symbolic links. It never overwrites, and what is there already it leaves.
type sorter struct {
	folder string
	link   bool
}

// sorter is nil where files are not to be sorted.
func (o *predictOptions) sorter() *sorter {
	switch {
	case o.copyTo != "":
		return &sorter{folder: o.copyTo}
	case o.linkTo != "":
		return &sorter{folder: o.linkTo, link: true}
	}
	return nil
}

// place sorts the file of one item of a set.
func (s *sorter) place(set *dataset.Set, item string, p classify.Prediction) error {
	i, ok := set.Find(item)
	if !ok {
		return fmt.Errorf("%s is not in %s", item, set.Root)
	}
	if set.Raw != nil {
		return usagef("the images of %s are no files: --copy-to and --link-to want a folder, a list or tar archives", set.Root)
	}
	name := filepath.Join(s.folder, folderName(p.Choice), filepath.FromSlash(localName(item)))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("sort %s: %w", item, err)
	}
	file, own := set.File(i)
	put := func(name string) error { return copyFile(set, i, name) }
	if s.link {
		if !own {
			return usagef("the images of %s lie in archives: --link-to wants files of their own, use --copy-to", set.Root)
		}
		target, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		put = func(name string) error { return linkFile(target, name) }
	}
	if err := firstFree(name, put); err != nil {
		return fmt.Errorf("sort %s: %w", item, err)
	}
	return nil
}

// firstFree calls put with name, and with "name (2)" and so on while another file has the name.
func firstFree(name string, put func(name string) error) error {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for n := 2; ; n++ {
		if err := put(name); n > 1000 || !errors.Is(err, fs.ErrExist) {
			return err
		}
		name = fmt.Sprintf("%s (%d)%s", stem, n, ext)
	}
}

// copyFile writes an item's bytes; a file of the same bytes stays, another one is an fs.ErrExist.
func copyFile(set *dataset.Set, i int, name string) error {
	content, err := set.Read(i, nil)
	if err != nil {
		return err
	}
	err = atomicfile.WriteNew(name, content)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, rerr := os.ReadFile(name)
	if rerr == nil && bytes.Equal(there, content) {
		return nil
	}
	return err
}

// linkFile makes a symbolic link; one to the same target stays, anything else is an fs.ErrExist.
func linkFile(target, name string) error {
	err := os.Symlink(target, name)
	if errors.Is(err, fs.ErrExist) {
		if to, rerr := os.Readlink(name); rerr == nil && to == target {
			return nil
		}
	}
	return err
}

// folderName is the folder of a cluster: its number, so that two of one name stay apart, and its name as far as it is one
// for files.
func folderName(c classify.Choice) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == '\\' || strings.ContainsRune(`:*?"<>|`, r) || !unicode.IsPrint(r) {
			return '_'
		}
		return r
	}, c.Name)
	if name = strings.Trim(name, " ."); len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "")
	}
	if name == "" {
		return fmt.Sprintf("cluster-%03d", c.Cluster)
	}
	return fmt.Sprintf("cluster-%03d %s", c.Cluster, name)
}

// localName is an item's path below its cluster's folder: the one in the data set, or the last part of one that leads elsewhere.
func localName(item string) string {
	if filepath.IsLocal(filepath.FromSlash(item)) {
		return item
	}
	return path.Base(path.Clean("/" + item))
}

// within tells whether a folder, which need not exist, is data or lies below it.
func within(folder, data string) bool {
	relative, err := filepath.Rel(resolved(data), resolved(folder))
	return err == nil && filepath.IsLocal(relative)
}

// resolved is an absolute path without symbolic links, as far as it exists.
func resolved(name string) string {
	name, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	for head, rest := name, ""; ; head, rest = filepath.Dir(head), filepath.Join(filepath.Base(head), rest) {
		if real, err := filepath.EvalSymlinks(head); err == nil {
			return filepath.Join(real, rest)
		}
		if head == filepath.Dir(head) {
			return name
		}
	}
}
