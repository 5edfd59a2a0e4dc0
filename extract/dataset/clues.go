package dataset

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// clue is a kind of file that is no image, but whose name shows what a folder without images is.
type clue int

// The clues, in the order in which they are told.
const (
	noClue clue = iota
	binaryFile
	pickleTen
	pickleHundred
	idxFile
	packed
)

// Names of files in other forms of data, in lower case.
var (
	pickledTen = regexp.MustCompile(`^(data_batch_[1-5]|test_batch|batches\.meta)$`)
	idxNamed   = regexp.MustCompile(`(^|[-.])idx[1-4]([-.]|$)`)
)

// clueOf is the clue that a file's name gives.
func clueOf(name string) clue {
	base := strings.ToLower(path.Base(name))
	switch path.Ext(base) {
	case ".bin":
		for _, d := range [...]binary{cifar10(), cifar100(), stl10()} {
			if d.named(base) != "" {
				return binaryFile
			}
		}
	case "", ".meta":
		switch {
		case pickledTen.MatchString(base):
			return pickleTen
		case base == "meta":
			return pickleHundred
		}
	}
	switch {
	case idxNamed.MatchString(base):
		return idxFile
	case isPacked(base):
		return packed
	}
	return noClue
}

// isPacked reports whether a name is that of a compressed archive.
func isPacked(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar":
		return true
	}
	return false
}

// named is the set's own name of a file of records, of which another form may differ in its case; "" if there is none.
func (d *binary) named(name string) string {
	for _, f := range d.files {
		if strings.EqualFold(name, f.file) {
			return f.file
		}
	}
	return ""
}

// clues are files by what they are a clue to: the first of each.
type clues map[clue]string

// add records a file that is no image.
func (c clues) add(name string) {
	if kind := clueOf(name); kind != noClue && (c[kind] == "" || name < c[kind]) {
		c[kind] = name
	}
}

// wayOut says, for an error, what to do with a folder that has no images; "" if that is not known.
func (s *Set) wayOut() string {
	for _, kind := range slices.Sorted(maps.Keys(s.clues)) {
		if way := s.follow(kind, s.clues[kind]); way != "" {
			return ": " + way
		}
	}
	return ""
}

// follow says what to do with a folder that holds a file with the given name below the root; "" if its neighbours are not those of such data.
func (s *Set) follow(kind clue, name string) string {
	folder := filepath.Join(s.Root, filepath.FromSlash(path.Dir(name)))
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	}
	const otherwise = "download the binary version, or save the images as files or Parquet"
	switch {
	case kind == idxFile:
		return fmt.Sprintf("%s is in the idx format of MNIST, which is not read: save the images as files or Parquet", name)
	case kind == packed:
		return fmt.Sprintf("%s is compressed: unpack it to a folder, or to a plain .tar", name)
	case kind == binaryFile && s.remote != nil:
		return fmt.Sprintf("%s is named like a binary file of CIFAR or STL-10, which are read from disk only", name)
	case kind == binaryFile:
		return s.followBinary(name, folder)
	case kind == pickleTen:
		return fmt.Sprintf("%s is named like a file of CIFAR-10's Python version, which is not read: %s", name, otherwise)
	case kind == pickleHundred && s.remote == nil && has("train") && has("test"):
		return fmt.Sprintf("%s is named like a file of CIFAR-100's Python version, which is not read: %s", name, otherwise)
	}
	return ""
}

// followBinary says what to do with a file that is named like one of a binary set, in a folder on disk.
func (s *Set) followBinary(name, folder string) string {
	names, err := visible(folder)
	if err != nil {
		return ""
	}
	below := Set{Root: folder}
	for _, d := range [...]binary{cifar10(), cifar100(), stl10()} {
		own := d.named(path.Base(name))
		switch {
		case own == "":
		case own != path.Base(name):
			return fmt.Sprintf("%s is named like a file of %s but for its case: rename it to %s", name, d.name, own)
		case path.Dir(name) != "." && (d.name != cifar100().name || below.isCIFAR100(names)):
			return fmt.Sprintf("%s is a binary file of %s: give the folder %s", name, d.name, folder)
		}
	}
	return ""
}
