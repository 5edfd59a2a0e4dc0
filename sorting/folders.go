package sorting

import (
	"fmt"
	"os"
	"path/filepath"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/atomicfile"
	"iconic/internal/placing"
)

// Folders is a folder with one subfolder per cluster, into which images of data sets are put one by one as their clusters become known.
// There is no journal, since only copies and links are made. It is for one goroutine at a time.
type Folders struct {
	Dir  string
	Link bool // make symbolic links to the originals instead of copies
	// Clusters, unless nil, are those by which images are put into the folder; Place fails if others were sorted into it by other ones (Check).
	Clusters *Clusters
	// Warnf is called at most once, with the number of links in the folder that lead to images that are gone; nil: they are not told.
	Warnf func(format string, args ...any)

	links  *links          // nil: not looked at yet
	inside map[string]bool // folders of images, and whether they are in Dir
	swept  map[string]bool // subfolders already cleared of files left by an earlier process
}

// Holds reports whether an item of a set is in the folder, whatever links lead to it: it must not be sorted into its own folder again and
// again.
func (f *Folders) Holds(set *dataset.Set, item int) bool {
	file, own := set.File(item)
	if !own {
		return false
	}
	folder := filepath.Dir(file)
	inside, known := f.inside[folder]
	if !known {
		inside = placing.Within(folder, f.Dir)
		if f.inside == nil {
			f.inside = map[string]bool{}
		}
		f.inside[folder] = inside
	}
	return inside
}

// Place puts an item of a set into the subfolder of its cluster, whose name may be "". If another file has the same name, the item gets a number; an identical
// file that exists already is left unchanged. An item that has other content by now than that of its Hash, unless that is zero, is not placed (ErrChanged).
// With Link and Clusters, links to the same original in the subfolders of other clusters are removed: it was another image when they were made.
func (f *Folders) Place(set *dataset.Set, it store.Item, cluster int, called string) error {
	item := it.Path
	i, ok := set.Find(item)
	if !ok {
		return fmt.Errorf("%s is not in %s", item, set.Root)
	}
	read := func() ([]byte, error) { return set.Read(i, nil) }
	folder := filepath.Join(f.Dir, placing.Folder(cluster, called))
	names := placing.Locals(item)
	for n := range names {
		names[n] = filepath.Join(folder, names[n])
	}
	file, own := set.File(i)
	if f.Link {
		if !own {
			return fmt.Errorf("%s is in an archive, which links cannot reach", item)
		}
		if !set.Unwritten(i) {
			if _, err := verified(read, it.Hash); err != nil {
				return err
			}
		}
		target, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if err := f.claim(folder); err != nil {
			return err
		}
		name, err := placing.Link(names, target)
		if err != nil {
			return err
		}
		return f.settled(target, name)
	}
	content, err := verified(read, it.Hash)
	if err != nil {
		return err
	}
	if set.Nameless(i) {
		for n := range names {
			names[n] += pixels.Extension(content)
		}
	}
	modified := set.Modified(i)
	if own {
		if stat, err := os.Stat(file); err == nil {
			modified = stat.ModTime()
		}
	}
	if err := f.claim(folder); err != nil { // last, so that little time passes until the file is there
		return err
	}
	for _, name := range names {
		f.sweep(filepath.Dir(name))
	}
	_, err = placing.Copy(names, content, modified)
	return err
}

// sweep removes, once, unfinished files of a killed process from a folder.
func (f *Folders) sweep(folder string) {
	if f.swept[folder] {
		return
	}
	if f.swept == nil {
		f.swept = map[string]bool{}
	}
	f.swept[folder] = true
	atomicfile.Sweep(folder)
}
