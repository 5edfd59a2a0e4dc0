package prediction

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"iconic/extract/dataset"
	"iconic/internal/bucket"
	"iconic/internal/placing"
)

// place is where data are, so that data that are named differently can be compared: an address without a slash at its end, or an absolute path with slashes.
func place(name string) string {
	if bucket.Is(name) {
		return strings.TrimRight(name, "/")
	}
	if whole, err := filepath.Abs(name); err == nil {
		name = whole
	}
	return filepath.ToSlash(filepath.Clean(name))
}

// givenOnce fails if data are given twice, since each of their images would be visited twice.
func givenOnce(data []string) error {
	first := make(map[string]string, len(data))
	for _, name := range data {
		if name == "" {
			return errors.New("the data have no name")
		}
		at := place(name)
		switch other, twice := first[at]; {
		case twice && other == name:
			return fmt.Errorf("%s is given twice: give it once", bucket.Public(name))
		case twice:
			return fmt.Errorf("%s and %s are the same data: give them once", bucket.Public(other), bucket.Public(name))
		}
		first[at] = name
	}
	return nil
}

// visitedOnce fails if an image of an open data set, which was given by name, is one of the other data, too, or lies in one.
func (w *work) visitedOnce(name string, set *dataset.Set) error {
	inner := map[string]string{}
	for _, other := range w.options.Data {
		if other != name && mayShare(name, other) {
			inner[place(other)] = other
		}
	}
	if len(inner) == 0 {
		return nil
	}
	none := map[string]bool{} // folders that neither are other data nor lie in such
	for i := range set.Items {
		var passed []string
		for at := located(set, i); !none[at]; at = path.Dir(at) {
			if other, shared := inner[at]; shared {
				return fmt.Errorf("images of %s are among those of %s (such as %s), and would be visited twice: leave one of the two out",
					bucket.Public(other), bucket.Public(name), set.Items[i].Path)
			}
			if passed = append(passed, at); at == path.Dir(at) || strings.HasPrefix(path.Base(at), ".") { // hidden folders are not searched
				break
			}
		}
		for _, at := range passed[1:] {
			none[at] = true
		}
	}
	return nil
}

// mayShare reports whether the data set name can hold images of other: those lie in it, or it is a list, whose images lie anywhere.
func mayShare(name, other string) bool {
	if bucket.Is(name) || bucket.Is(other) {
		return strings.HasPrefix(place(other), place(name)+"/")
	}
	return dataset.Collects(name) || placing.Within(other, name)
}

// located is the place of an item's own file, or of the file that holds it.
func located(set *dataset.Set, i int) string {
	if name, own := set.File(i); own {
		return place(name)
	}
	if name, ok := set.Holder(i); ok {
		return place(name)
	}
	return set.Name(i)
}
